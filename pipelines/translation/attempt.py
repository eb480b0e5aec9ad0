"""One attempt at translating records: what is asked of the engine, and the rows made of what it answered.

The first attempt is at every record and language; those after it are at the rows that failed, with other decoding or
shorter segments (`schemas/translation.py`). An attempt asks twice: for the segments, and then for the words around the
spans that some translations lost. All of it goes chunk by chunk, in Spark tasks, and what a task wrote is not done
again.

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
from pipelines.translation.checks import SegmentFacts, add_lid, decide, retry_for, score_row
from pipelines.translation.chunks import chunk_path, records_of
from pipelines.translation.plan import FIELDS, Rebuilt, RecordPlan, plan_record
from pipelines.translation.routing import Routed, route
from pipelines.translation.segments import LIMIT
from schemas.instructions import INSTRUCTIONS, SCORES
from schemas.translation_config import Decoding
from schemas.translation_run import TranslationRun

FIRST = "first"
ROUNDS = (1, 2)
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
        """Writes what a chunk's records need, as far as it is not known."""
        path = chunk_path(self.asked(round), chunk)
        if path.exists():
            return
        known, _ = self._answers(chunk) if round > 1 else ({}, {})
        wanted: dict[tuple[str, str], None] = {}
        for record, languages in self._todo(chunk):
            if planned := self._plan(record, self._route(record)):
                for code in languages:
                    if code == ENGLISH:
                        continue
                    needed = planned.needed(known.get(code, {}))
                    wanted.update(dict.fromkeys((code, text) for text in needed))
        table = pa.table(
            {
                "chunk": pa.repeat(pa.scalar(chunk), len(wanted)),
                "src": pa.repeat(pa.scalar(ENGLISH), len(wanted)),
                "tgt": pa.array([code for code, _ in wanted], pa.string()),
                "text": pa.array([text for _, text in wanted], pa.string()),
            },
            schema=ASKED,
        )
        _write(path, table)

    def assemble(self, chunk: str) -> None:
        """Writes the rows of a chunk: translated, scored, decided on."""
        path = chunk_path(self.rows, chunk)
        if path.exists():
            return
        known, facts = self._answers(chunk)
        made: list[dict[str, Any]] = []
        translated: dict[str, list[tuple[Rebuilt, dict[str, Any]]]] = {}
        for record, languages in self._todo(chunk):
            routed = self._route(record)
            planned = self._plan(record, routed)
            split = self._split(record)
            for code in languages:
                row = self._row(record, routed, split, code)
                made.append(row)
                if planned is not None and code != ENGLISH:
                    language = self.config.language(code)
                    rebuilt = planned.rebuild(known.get(code, {}), language.spaced)
                    scores = score_row(rebuilt, known.get(code, {}), facts.get(code, {}), code, language)
                    row |= rebuilt.fields | {"engine": self.engine}
                    translated.setdefault(code, []).append((rebuilt, scores))
                    row["scores"] = scores
        model = lid.load_model(self.lid_model)
        for code, rows in translated.items():
            add_lid(model, rows, code, self.config.language(code))
        for row in made:
            scores = row.pop("scores", None)
            if scores is not None:
                row |= scores | {"retry": None if self.name == FIRST else self.name}
                row["reason"] = decide(scores, self.config.checks)
        _write(path, pa.Table.from_pylist(made, schema=ROWS))

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

    def _answers(self, chunk: str) -> tuple[Known, Facts]:
        known: Known = {}
        facts: Facts = {}
        for path in (chunk_path(self.known(round), chunk) for round in ROUNDS):
            for row in pq.read_table(path).to_pylist() if path.exists() else ():
                known.setdefault(row["tgt"], {})[row["text"]] = row["translation"]
                facts.setdefault(row["tgt"], {})[row["text"]] = SegmentFacts(
                    row["score"],
                    row["target_tokens"],
                    row["target_unknown"],
                    row["source_truncated"] or row["target_truncated"],
                )
        return known, facts


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
