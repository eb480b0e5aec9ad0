"""Which files a run needs from the public corpora, and bringing them one by one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import UserError
from pipelines.locks import locked
from pipelines.sources.archives import extract
from pipelines.sources.download import ClientSettings, Progress, download
from pipelines.sources.registry import CORPORA, Corpus, RemoteFile, find_corpus
from schemas.config import RunConfig


@dataclass(frozen=True)
class Wanted:
    """One file of one corpus."""

    corpus: Corpus
    remote: RemoteFile


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    wanted: Wanted
    bytes: int
    state: Literal["fetched", "already there", "failed"]
    why: str = ""


def plan(config: RunConfig) -> tuple[list[Wanted], list[str]]:
    """The files that `fetch.corpora` has for the run's pairs, and one sentence for each thing a corpus lacks.

    Raises `UserError` with every name under `fetch` that is unknown or cannot be fetched.
    """
    languages = {code: config.language(code) for code in ("en", *(pair[3:] for pair in config.pairs))}
    wanted: list[Wanted] = []
    missing: list[str] = []
    problems: list[str] = []
    mirrors: dict[str, str] = {}
    for name, url in config.fetch.mirrors.items():
        if corpus := find_corpus(name):
            mirrors[corpus.name] = url
        else:
            problems.append(_unknown("fetch.mirrors", name))
    if not config.fetch.corpora:
        problems.append(f"fetch.corpora: nothing to fetch; name some of {_fetchable()}, also with --corpora.")
    for name in config.fetch.corpora:
        corpus = find_corpus(name)
        if corpus is None:
            problems.append(_unknown("fetch.corpora", name))
            continue
        try:
            offer = corpus.offer(languages, mirrors.get(corpus.name))
        except UserError as error:
            problems += error.problems
            continue
        wanted += [Wanted(corpus, remote) for remote in offer.files]
        missing += offer.missing
    if problems:
        raise UserError(*problems)
    return list(dict.fromkeys(wanted)), list(dict.fromkeys(missing))


def fetch(wanted: Wanted, directory: Path, settings: ClientSettings, progress: Progress) -> Outcome:
    """Downloads one file and unpacks what is needed of it. A failure is an outcome: the others go on."""
    remote = wanted.remote
    try:
        got = download(remote, directory, settings=settings, progress=progress)
        if remote.members:
            extract(got.path, directory / remote.folder, remote.members)
    except UserError as error:
        return Outcome(wanted, 0, "failed", " ".join(error.problems))
    return Outcome(wanted, got.bytes, "fetched" if got.fetched else "already there")


def exclusive(directory: Path) -> AbstractContextManager[None]:
    """Keeps a second fetch out of the folder (`locked`)."""
    return locked(directory / ".fetch.lock", "another fetch is writing here; wait until it has ended.")


def _unknown(key: str, name: str) -> str:
    return f"{key}: no corpus {name!r} is known; those that can be fetched are {_fetchable()}."


def _fetchable() -> str:
    return ", ".join(name for name, corpus in CORPORA.items() if corpus.files)
