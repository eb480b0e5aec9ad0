"""One attempt at translating records: what is asked of the engine, and the rows made of what it answered.

The first attempt is at every record and language; those after it are at the rows that failed, with other decoding or
shorter segments (`schemas/translation.py`). An attempt asks twice: for the segments, and then for the words around the
spans that some translations lost; and once more, where a round trip is wanted, for the way back of what passes. All of
it goes chunk by chunk, in Spark tasks, and what a task wrote is not done again.

    <folder>/asked-<round>/<chunk>.parquet   what is asked: src, tgt, text, and the chunk
    <folder>/known-<round>/<chunk>.parquet   the answers to that, as the translation memory gave them then
    <folder>/rows/<chunk>.parquet            the rows (schema `ROWS`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import lid
from pipelines.atomic import replacing
from pipelines.translation.checks import (
    Scores,
    SegmentFacts,
    add_lid,
    decide,
    retry_for,
    round_trip,
    score_row,
)
from pipelines.translation.chunks import chunk_path, records_of
from pipelines.translation.plan import FIELDS, Rebuilt, RecordPlan, plan_record
from pipelines.translation.routing import Routed, route
from pipelines.translation.segments import LIMIT
from schemas.instructions import INSTRUCTIONS, SCORES
from schemas.translation_config import Decoding
from schemas.translation_run import TranslationRun

FIRST = "first"
ROUNDS = (1, 2)
BACK = 3  # the round of the way back
ENGLISH = "en"

ASKED = pa.schema(
    [
        pa.field("chunk", pa.string(), False),
        *(pa.field(name, pa.string(), False) for name in ("src", "tgt", "text")),
    ]
)
# of the columns of both datasets: a row is kept where `reason` is null
ROWS = pa.schema(
    [*INSTRUCTIONS.arrow(), *(pa.field(name, pa.string()) for name in ("reason", "detail", "raw"))]
)

Known = dict[str, dict[str, str]]  # language -> request -> translation
Facts = dict[str, dict[str, SegmentFacts]]


@dataclass(frozen=True)
class Attempt:
    """What the tasks of an attempt need: paths and settings, no more. `name` is `FIRST`, or a key of `RETRIES`."""

    name: str
    folder: Path
    records: Path
    first: Path | None  # the rows of the first attempt, for those after it
    config: TranslationRun
    decoding: Decoding
    limit: float | None  # of a segment, in estimated tokens
    engine: str  # signature
    engine_identity: str
    lid_model: str

    def asked(self, round: int) -> Path:
        return self.folder / f"asked-{round}"

    def known(self, round: int) -> Path:
        return self.folder / f"known-{round}"

    @property
    def rows(self) -> Path:
        return self.folder / "rows"

    def ask(self, chunk: str, round: int) -> None:
        """Writes what a chunk's records need, as far as it is not known; in the round `BACK` what is to go back."""
        path = chunk_path(self.asked(round), chunk)
        if path.exists():
            return
        asked = self._to_go_back(chunk) if round == BACK else self._needed(chunk, round)
        wanted = list(dict.fromkeys(asked))
        table = pa.table(
            {
                "chunk": pa.repeat(pa.scalar(chunk), len(wanted)),
                **{
                    name: pa.array([segment[place] for segment in wanted], pa.string())
                    for place, name in enumerate(("src", "tgt", "text"))
                },
            },
            schema=ASKED,
        )
        _write(path, table)

    def assemble(self, chunk: str) -> None:
        """Writes the rows of a chunk: translated, scored, decided on."""
        path = chunk_path(self.rows, chunk)
        if path.exists():
            return
        known, facts = self._answers(chunk, ROUNDS)
        made = self._made(chunk, known, facts)
        if self.config.round_trip is not None:
            self._add_round_trip(chunk, made, known)
        for item in made:
            if item.scores is not None:
                item.row |= item.scores | {"retry": None if self.name == FIRST else self.name}
                item.row["reason"] = decide(item.scores, self.config.checks)
        _write(path, pa.Table.from_pylist([item.row for item in made], schema=ROWS))

    def _needed(self, chunk: str, round: int) -> Iterator[tuple[str, str, str]]:
        known, _ = self._answers(chunk, [before for before in ROUNDS if before < round])
        for record, languages in self._todo(chunk):
            if planned := self._plan(record, self._route(record)):
                for code in languages:
                    if code != ENGLISH:
                        for text in planned.needed(known.get(code, {})):
                            yield ENGLISH, code, text

    def _to_go_back(self, chunk: str) -> Iterator[tuple[str, str, str]]:
        known, facts = self._answers(chunk, ROUNDS)
        for item in self._made(chunk, known, facts):
            for request in self._passed(item):
                yield item.code, ENGLISH, known[item.code][request]

    def _passed(self, item: _Made) -> Sequence[str]:
        """The requests that a row which passes all checks so far is made of; none of another row."""
        if item.rebuilt is None or item.scores is None or decide(item.scores, self.config.checks) is not None:
            return ()
        return [request for used in item.rebuilt.used.values() for request in used]

    def _add_round_trip(self, chunk: str, made: Sequence[_Made], known: Known) -> None:
        """Adds the score `round_trip` of the rows that pass the other checks."""
        answers = self._answers_to(chunk, BACK)
        back = {(row["src"], row["text"]): row["translation"] for row in answers}
        passed = [(item, requests) for item in made if (requests := self._passed(item))]
        found = round_trip(
            [" ".join(requests) for _, requests in passed],
            [
                " ".join(back[i.code, known[i.code][request]] for request in requests)
                for i, requests in passed
            ],
        )
        for (item, _), score in zip(passed, found, strict=True):
            assert item.scores is not None
            item.scores["round_trip"] = score

    def _made(self, chunk: str, known: Known, facts: Facts) -> list[_Made]:
        """The rows of a chunk, with the scores that need no round trip."""
        made: list[_Made] = []
        translated: dict[str, list[tuple[Rebuilt, Scores]]] = {}
        for record, languages in self._todo(chunk):
            routed = self._route(record)
            planned = self._plan(record, routed)
            split = self._split(record)
            for code in languages:
                row = self._row(record, routed, split, code)
                if planned is None or code == ENGLISH:
                    made.append(_Made(row, code))
                    continue
                language = self.config.language(code)
                rebuilt = planned.rebuild(known.get(code, {}), language.spaced)
                scores = score_row(rebuilt, known.get(code, {}), facts.get(code, {}), code, language)
                row |= rebuilt.fields | {"engine": self.engine}
                translated.setdefault(code, []).append((rebuilt, scores))
                made.append(_Made(row, code, rebuilt, scores))
        model = lid.load_model(self.lid_model)
        for code, rows in translated.items():
            add_lid(model, rows, code, self.config.language(code))
        return made

    def _plan(self, record: Mapping[str, Any], routed: Routed) -> RecordPlan | None:
        """How a record is translated; `None` if it is not."""
        if routed.route not in ("translate", "instruction_only"):
            return None
        fields = FIELDS if routed.route == "translate" else ("instruction",)
        return plan_record(_fields(record), fields, LIMIT if self.limit is None else self.limit)

    def _route(self, record: Mapping[str, Any]) -> Routed:
        return Routed("skip", None) if record["reason"] else route(_fields(record), self.config.routing)

    def _row(self, record: Mapping[str, Any], routed: Routed, split: str, code: str) -> dict[str, Any]:
        if code == ENGLISH:  # the records themselves, whatever becomes of their translation
            routed = Routed("skip" if record["reason"] else "keep_english", None)
        skipped = routed.route == "skip" and record["reason"] is None
        place = {name: record[name] for name in ("source_id", "file", "index", "flags", "detail", "raw")}
        return {
            **dict.fromkeys(field.name for field in SCORES),
            **place,
            **_fields(record),
            "id": _digest(record["source_id"], code, "" if code == ENGLISH else self.engine_identity),
            "lang": code,
            "license": self.config.license,
            "engine": "",
            "route": routed.route,
            "route_reason": routed.reason,
            "split": split,
            "reason": "skipped" if skipped else record["reason"],
        }

    def _split(self, record: Mapping[str, Any]) -> str:
        """By the hash of the English instruction and input: the same in all languages, and for records that repeat."""
        digest = _digest(str(self.config.seed), record["instruction"], record["input"])
        place = int(digest[:12], 16) / 16**12
        splits = self.config.splits
        if place < splits.validation:
            return "validation"
        return "test" if place < splits.validation + splits.test else "train"

    def _todo(self, chunk: str) -> Iterator[tuple[dict[str, Any], Sequence[str]]]:
        """The records of a chunk, each with the languages in which it is to be made."""
        records = records_of(self.records, chunk)
        if self.first is None:
            for record in records:
                yield record, [ENGLISH, *self.config.languages]
            return
        failed: dict[str, list[str]] = {}
        columns = ["source_id", "lang", "reason"]
        for row in pq.read_table(chunk_path(self.first, chunk), columns=columns).to_pylist():
            other = retry_for(row["reason"]) if row["reason"] else None
            if other is not None and other[0] == self.name:
                failed.setdefault(row["source_id"], []).append(row["lang"])
        for record in records:
            if record["source_id"] in failed:
                yield record, failed[str(record["source_id"])]

    def _answers(self, chunk: str, rounds: Iterable[int]) -> tuple[Known, Facts]:
        known: Known = {}
        facts: Facts = {}
        for row in (row for round in rounds for row in self._answers_to(chunk, round)):
            known.setdefault(row["tgt"], {})[row["text"]] = row["translation"]
            facts.setdefault(row["tgt"], {})[row["text"]] = SegmentFacts(
                row["score"],
                row["target_tokens"],
                row["target_unknown"],
                row["source_truncated"] or row["target_truncated"],
            )
        return known, facts

    def _answers_to(self, chunk: str, round: int) -> list[dict[str, Any]]:
        path = chunk_path(self.known(round), chunk)
        return pq.read_table(path).to_pylist() if path.exists() else []


@dataclass
class _Made:
    """A row; where it was translated, with what it was made of."""

    row: dict[str, Any]
    code: str
    rebuilt: Rebuilt | None = None
    scores: Scores | None = None


def _fields(record: Mapping[str, Any]) -> dict[str, str]:
    return {name: record[name] for name in FIELDS}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=1)


def merged(chunk: str, lang: str, first: Path, retries: Iterable[Path]) -> pa.Table:
    """The rows of a chunk in a language, those that a retry mended in its translation."""
    of_language = [("lang", "=", lang)]
    rows = pq.read_table(chunk_path(first, chunk), filters=of_language)
    better: dict[str, dict[str, Any]] = {}
    for folder in retries:
        path = chunk_path(folder, chunk)
        for row in pq.read_table(path, filters=of_language).to_pylist() if path.exists() else ():
            if row["reason"] is None:
                better[row["id"]] = row
    if not better:
        return rows
    return pa.Table.from_pylist([better.get(row["id"], row) for row in rows.to_pylist()], schema=ROWS)
