"""Which corpora a folder holds, told from the names under which they are published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.errors import UserError
from pipelines.sources.archives import ArchiveError, safe_members
from pipelines.sources.inputs import Input
from pipelines.sources.registry import license_of
from schemas.config import FurtherCorpus, RunConfig

_PACKED = r"(?:\.(?:gz|zst|bz2))?"
_A_B = r"(?P<a>[a-z]{2,3})-(?P<b>[a-z]{2,3})"
_NAMES = {
    "wikimatrix": re.compile(rf"WikiMatrix\.{_A_B}\.tsv{_PACKED}"),
    "wikimatrix-langid": re.compile(rf"WikiMatrix\.v1\.{_A_B}\.langid\.tsv{_PACKED}"),
    "news-commentary": re.compile(rf"news-commentary-v\d+(?:\.\d+)?\.{_A_B}\.tsv{_PACKED}"),
    "moses-zip": re.compile(rf"(?:(?P<corpus>.+)\.)?{_A_B}\.txt\.zip"),
    "moses": re.compile(rf"(?P<corpus>.+)\.{_A_B}\.(?P<side>[a-z]{{2,3}}){_PACKED}"),
    "tmx": re.compile(rf"(?:(?P<corpus>.+)\.)?{_A_B}\.tmx{_PACKED}"),
}
_DATA = (
    ".tsv",
    ".txt",
    ".tmx",
    ".zip",
    ".gz",
    ".zst",
    ".bz2",
    ".parquet",
)  # what could be meant for a corpus
_COLUMNS = {
    "wikimatrix": ("margin", "a", "b"),
    "wikimatrix-langid": ("margin", "a", "b", "_", "_"),
    "news-commentary": ("a", "b"),
}
KNOWN_NAMES = (
    "WikiMatrix.<a>-<b>.tsv.gz, WikiMatrix.v1.<a>-<b>.langid.tsv.gz, news-commentary-v<N>.<a>-<b>.tsv.gz, "
    "[<Corpus>.]<a>-<b>.txt.zip, <Corpus>.<a>-<b>.<a> with <Corpus>.<a>-<b>.<b>, [<Corpus>.]<a>-<b>.tmx[.gz]"
)


def discover(config: RunConfig) -> tuple[list[Input], list[str]]:
    """The inputs of a run, sorted by file, and one notice for each file that is left out.

    Looks into subfolders too. Raises `UserError` with every problem: no folder, nothing to read, a Moses archive or
    file without its other half, a further corpus that does not exist.
    """
    folder = config.sources.input
    inputs: list[Input] = []
    notices: list[str] = []
    problems: list[str] = []
    if folder is not None and not folder.is_dir():
        raise UserError(f"{folder}: no such folder (the input)")
    paths = [] if folder is None else [p for p in folder.rglob("*") if p.is_file()]
    others: list[str] = []
    for path in sorted(p for p in paths if not _hidden(p.relative_to(folder or p))):
        assert folder is not None
        if path.suffix in _DATA and not any(pattern.fullmatch(path.name) for pattern in _NAMES.values()):
            others.append(path.name)
        for found in _recognise(path, folder, config.licenses.known):
            if isinstance(found, str):
                problems.append(found)
            elif found.pair in config.pairs:
                inputs.append(found)
            else:
                notices.append(f"{path}: left out, {found.pair} is not among the pairs")
    inputs += _further(config, problems, notices)
    if others:
        shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        notices.append(f"{folder}: {len(others)} files bear no corpus's name and are left out: {shown}")
    if not inputs and not problems:
        problems.append(
            f"{folder}: no corpus of {', '.join(config.pairs)} found; known names are {KNOWN_NAMES}"
        )
    if problems:
        raise UserError(*problems)
    return sorted(inputs, key=lambda i: (i.file, i.pair)), notices


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _recognise(path: Path, folder: Path, licenses: Mapping[str, str]) -> Iterator[Input | str]:
    for kind, pattern in _NAMES.items():
        match = pattern.fullmatch(path.name)
        if not match:
            continue
        groups = match.groupdict()
        a, b = groups["a"], groups["b"]
        if "en" not in (a, b) or a == b:
            return
        parts: tuple[str, str] | None = None
        if kind == "moses":
            if groups["side"] not in (a, b):
                continue
            if groups["side"] == b:  # a corpus is found once, by its first file
                if _other_half(path, a, b) is None:
                    yield f"{path}: its other half, {path.name.split(f'.{a}-{b}.')[0]}.{a}-{b}.{a}, is missing"
                return
            other = _other_half(path, b, a)
            if other is None:
                yield f"{path}: its other half, {path.name.split(f'.{a}-{b}.')[0]}.{a}-{b}.{b}, is missing"
                return
            parts = (str(path), str(other))
        elif kind == "moses-zip":
            members = _members(path, a, b)
            if isinstance(members, str):
                yield members
                return
            parts = members
            groups["corpus"] = groups["corpus"] or Path(members[0]).name.removesuffix(f".{a}-{b}.{a}")
        corpus = {
            "wikimatrix": "WikiMatrix",
            "wikimatrix-langid": "WikiMatrix",
            "news-commentary": "News-Commentary",
        }.get(kind, groups.get("corpus") or path.absolute().parent.name)
        sides = {"a": "src" if a == "en" else "tgt", "b": "src" if b == "en" else "tgt"}
        yield Input(
            corpus=corpus,
            pair=f"en-{b if a == 'en' else a}",
            format=kind,
            path=str(path),
            file=path.relative_to(folder).as_posix(),
            license=licenses.get(corpus) or license_of(corpus),
            columns=tuple(sides.get(name, name) for name in _COLUMNS.get(kind, ("a", "b"))),
            parts=parts if parts is None or a == "en" else (parts[1], parts[0]),
        )
        return


def _other_half(path: Path, other: str, this: str) -> Path | None:
    stem = re.sub(rf"\.{this}{_PACKED}$", "", path.name)
    return next(
        (
            p
            for p in (path.with_name(f"{stem}.{other}{c}") for c in ("", ".gz", ".zst", ".bz2"))
            if p.exists()
        ),
        None,
    )


def _members(path: Path, a: str, b: str) -> tuple[str, str] | str:
    """The members of a Moses archive that hold the two languages, or what is wrong with it."""
    try:
        names = [member.name for member in safe_members(path)]
    except ArchiveError as error:
        return str(error)
    found = tuple(
        next((name for name in names if name.endswith(f".{a}-{b}.{side}")), None) for side in (a, b)
    )
    if found[0] is None or found[1] is None:
        return f"{path}: expected members ending in .{a}-{b}.{a} and .{a}-{b}.{b}, found {', '.join(names) or 'none'}"
    return found[0], found[1]


def _further(config: RunConfig, problems: list[str], notices: list[str]) -> Iterator[Input]:
    for number, corpus in enumerate(config.sources.corpora):
        key = f"sources.corpora.{number}"
        if "en" not in (corpus.src, corpus.tgt) or corpus.src == corpus.tgt:
            problems.append(f"{key}: one of src and tgt must be en, and only one")
            continue
        english_first = corpus.src == "en"
        pair = f"en-{corpus.tgt if english_first else corpus.src}"
        if pair not in config.pairs:
            notices.append(f"{corpus.path}: {corpus.name} is left out, {pair} is not among the pairs")
            continue
        if fault := _columns_fault(corpus):
            problems.append(f"{key}.columns: {fault}")
            continue
        files = [corpus.path]
        if corpus.format == "moses":
            files = [Path(f"{corpus.path}.{side}") for side in ("en", pair[3:])]
        problems += [f"{key}.path: {file} does not exist" for file in files if not file.is_file()]
        columns = tuple(corpus.columns)
        if not english_first and corpus.format == "tsv":
            columns = tuple({"src": "tgt", "tgt": "src"}.get(name, name) for name in columns)
        elif not english_first and corpus.format == "parquet":
            columns = (columns[1], columns[0], *columns[2:])
        license = corpus.license if corpus.license != "unknown" else license_of(corpus.name)
        yield Input(
            corpus=corpus.name,
            pair=pair,
            format=corpus.format,
            path=str(files[0]),
            file=corpus.path.name,
            license=config.licenses.known.get(corpus.name) or license,
            columns=columns,
            parts=(str(files[0]), str(files[1])) if corpus.format == "moses" else None,
        )


def _columns_fault(corpus: FurtherCorpus) -> str | None:
    columns = corpus.columns
    if corpus.format == "tsv":
        unknown = set(columns) - {"src", "tgt", "margin", "_"}
        if unknown or columns.count("src") != 1 or columns.count("tgt") != 1 or columns.count("margin") > 1:
            return "must name src and tgt once each, margin at most once, and _ for what is ignored"
    elif corpus.format == "parquet" and len(columns) not in (2, 3):
        return "must name the source's column, the target's, and the margin's if there is one"
    return None
