"""Makes `corpora/` and `key.jsonl` from `text/*.jsonl` (clean sentences in seven languages) and `dirt.jsonl`.

    python samples/make_samples.py [--output FOLDER]

The corpora are laid out as the published ones are: WikiMatrix sorted by margin, News-Commentary with documents, an OPUS
Moses zip, and a TMX. Nothing in them depends on the day or the machine, apart from zlib's version (compressed bytes).

A line of `dirt.jsonl` is one row to plant: `corpus`, `pair`, `src` and `tgt` (raw texts, English first; null: the field
is missing; a lone surrogate stands for an invalid byte), `margin` in WikiMatrix (a string that is no number is
written as it stands), the `reason` for which it must fall (null: it must be kept), `what` is wrong with it and, for
duplicates, `survivor`: corpus and English text of the better row.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
TARGETS = ("ar", "el", "hi", "tr", "vi", "zh")
CORPORA = {
    "WikiMatrix": TARGETS,
    "News-Commentary": ("ar", "hi", "zh"),
    "Everyday": ("el", "tr", "vi"),
    "Guides": ("hi", "zh"),
}
ZIP_DATE = (2026, 1, 1, 0, 0, 0)
LICENSE = "These sentences were written for Polyinstruct and are dedicated to the public domain: CC0-1.0.\n"


@dataclass
class Row:
    """A line to write; `line` is its number in the file, once that is known, and `planted` its line of `dirt.jsonl`."""

    src: str | None
    tgt: str | None
    margin: str | None = None
    doc: int | None = None
    planted: dict[str, Any] | None = None
    line: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Make samples/corpora and samples/key.jsonl.")
    parser.add_argument(
        "--output", type=Path, default=HERE, help="folder to write corpora/ and key.jsonl into"
    )
    output = parser.parse_args().output
    folder = output / "corpora"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {path.stem: read_jsonl(path) for path in sorted((HERE / "text").glob("*.jsonl"))}
    dirt = read_jsonl(HERE / "dirt.jsonl")
    files: dict[str, list[Row]] = {}
    for corpus, targets in CORPORA.items():
        for target in targets:
            planted = [d for d in dirt if (d["corpus"], d["pair"]) == (corpus, f"en-{target}")]
            rows = arrange(corpus, list(clean_rows(corpus, target, texts)), [plant(d) for d in planted])
            name = file_name(corpus, target)
            (folder / name).write_bytes(WRITERS[corpus](rows, target))
            files[name] = rows
    keys = (json.dumps(key, ensure_ascii=False) + "\n" for key in answers(files))
    (output / "key.jsonl").write_text("".join(keys), encoding="utf-8")


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def file_name(corpus: str, target: str) -> str:
    names = {
        "WikiMatrix": f"WikiMatrix.{alphabetical(target)}.tsv.gz",
        "News-Commentary": f"news-commentary-v18.{alphabetical(target)}.tsv.gz",
        "Everyday": f"Everyday.{alphabetical(target)}.txt.zip",
        "Guides": f"Guides.{alphabetical(target)}.tmx",
    }
    return names[corpus]


def alphabetical(target: str) -> str:
    return "-".join(sorted(("en", target)))


def in_order(target: str, src: str | None, tgt: str | None) -> list[str | None]:
    return [src, tgt] if target > "en" else [tgt, src]


def clean_rows(corpus: str, target: str, texts: dict[str, list[dict[str, Any]]]) -> Iterator[Row]:
    """Encyclopedia and guides are WikiMatrix's; where there is a TMX, it has the second half of the guides."""
    guides = texts["guides"]
    half = len(guides) // 2 if target in CORPORA["Guides"] else len(guides)
    chosen = {
        "WikiMatrix": [*texts["encyclopedia"], *guides[:half]],
        "News-Commentary": texts["commentary"],
        "Everyday": texts["everyday"],
        "Guides": guides[half:],
    }
    for text in chosen[corpus]:
        margin = usual_margin(text["en"], target) if corpus == "WikiMatrix" else None
        yield Row(text["en"], text[target], margin, text.get("doc"))


def usual_margin(english: str, target: str) -> str:
    """Between 1.042 and 1.14, as most of WikiMatrix's are; told by the text alone."""
    digest = hashlib.sha256(f"{target} {english}".encode()).digest()
    return f"{1.042 + 0.098 * int.from_bytes(digest[:4], 'big') / 2**32:.7f}"


def plant(dirt: dict[str, Any]) -> Row:
    margin = dirt.get("margin")
    return Row(dirt["src"], dirt["tgt"], None if margin is None else str(margin), None, dirt)


def arrange(corpus: str, clean: list[Row], planted: list[Row]) -> list[Row]:
    """WikiMatrix is sorted by margin; elsewhere the planted rows stand evenly among the clean ones, in their order."""
    if corpus == "WikiMatrix":
        return sorted([*clean, *planted], key=lambda row: (-height(row.margin), row.src or ""))
    rows = list(clean)
    for number, row in reversed(list(enumerate(planted, start=1))):
        place = number * len(clean) // (len(planted) + 1)
        row.doc = clean[place - 1].doc
        rows.insert(place, row)
    return rows


def height(margin: str | None) -> float:
    try:
        return float(margin or "")
    except ValueError:
        return 1.09  # a damaged margin stands anywhere


def write_wikimatrix(rows: list[Row], target: str) -> bytes:
    for number, row in enumerate(rows, start=1):
        row.line = number
    return packed([tsv(row.margin, *in_order(target, row.src, row.tgt)) for row in rows])


def write_news_commentary(rows: list[Row], target: str) -> bytes:
    lines: list[str] = []
    for before, row in zip([None, *rows], rows, strict=False):
        if before and before.doc != row.doc:
            lines.append("\t" if row.doc and row.doc % 2 else "")  # both kinds of separator occur
        lines.append(tsv(*in_order(target, row.src, row.tgt)))
        row.line = len(lines)
    return packed(lines)


def tsv(*fields: str | None) -> str:
    return "\t".join(field for field in fields if field is not None)


def packed(lines: list[str]) -> bytes:
    return gzip.compress(joined(lines), mtime=0)


def joined(lines: list[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")


def write_moses(rows: list[Row], target: str) -> bytes:
    pair = alphabetical(target)
    for number, row in enumerate(rows, start=1):
        row.line = number
    members = {
        "README": f"Corpus name: Everyday\nLanguages: {pair}\nLicence: CC0-1.0\n".encode(),
        "LICENSE": LICENSE.encode(),
        f"Everyday.{pair}.en": joined([row.src or "" for row in rows]),
        f"Everyday.{pair}.{target}": joined([row.tgt or "" for row in rows]),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name, ZIP_DATE)
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def write_tmx(rows: list[Row], target: str) -> bytes:
    code = "zh-CN" if target == "zh" else target
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<tmx version="1.4">',
        '  <header creationtool="make_samples.py" creationtoolversion="1" segtype="sentence" o-tmf="JSONL"'
        ' adminlang="en" srclang="en" datatype="plaintext">',
        '    <prop type="license">CC0-1.0</prop>',
        "  </header>",
        "  <body>",
    ]
    for number, row in enumerate(rows, start=1):
        row.line = number
        lines += [f'    <tu tuid="{number}">', '      <prop type="subject">guides</prop>']
        for language, text in (("en", row.src), (code, row.tgt)):
            if text is not None:
                segment = in_bold(text) if number == 2 else escape(text)
                lines.append(f'      <tuv xml:lang="{language}"><seg>{segment}</seg></tuv>')
        lines.append("    </tu>")
    return joined([*lines, "  </body>", "</tmx>"])


def in_bold(text: str) -> str:
    """The first four characters between the formatting codes of the document that a translator worked on."""
    opening, closing = ('<bpt i="1">&lt;b&gt;</bpt>', '<ept i="1">&lt;/b&gt;</ept>')
    return f"{opening}{escape(text[:4])}{closing}{escape(text[4:])}"


WRITERS = {
    "WikiMatrix": write_wikimatrix,
    "News-Commentary": write_news_commentary,
    "Everyday": write_moses,
    "Guides": write_tmx,
}


def answers(files: dict[str, list[Row]]) -> Iterator[dict[str, Any]]:
    """The key: what must become of each planted row, and for a duplicate, which row stays."""
    for name, rows in files.items():
        for row in rows:
            if row.planted:
                key = {
                    "file": name,
                    "line": row.line,
                    "reason": row.planted["reason"],
                    "what": row.planted["what"],
                }
                if survivor := row.planted.get("survivor"):
                    target = row.planted["pair"].removeprefix("en-")
                    key["survivor"] = find(files, file_name(survivor["corpus"], target), survivor["src"], row)
                yield key


def find(files: dict[str, list[Row]], name: str, english: str, duplicate: Row) -> dict[str, Any]:
    found = [row.line for row in files[name] if row.src == english and row is not duplicate]
    if not found:
        raise SystemExit(f"dirt.jsonl: no row {english!r} in {name}, for which another was to fall")
    return {"file": name, "line": found[0]}


if __name__ == "__main__":
    main()
