"""Tokenising in tasks: each takes a unit and leaves a piece, which is given its published name at the end.

What a killed run left of pieces is found again. A unit streams: some rows are all it holds.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from pipelines.atomic import replacing
from pipelines.errors import InvariantError
from pipelines.shards.write import ShardWriter, Written, describe
from pipelines.tokens.documents import MIXTURE, drawn
from pipelines.tokens.encode import RowEncoder
from pipelines.tokens.tokenizer import load_tokenizer
from pipelines.tokens.units import COLUMNS, Unit
from schemas.reasons import KEPT
from schemas.tokens import REJECTED_TOKENS, TOKENS, output_language
from schemas.tokens_run import TokenizeRun

_BATCH = 1024  # rows
# what a count is of: mixture, split, language, task, language of the answer
Key = tuple[str, str, str, str, str]
FIGURES = ("tokens", "learned", "truncated", "cut", "unknown", "answer_tokens", "characters", "words")


@dataclass
class Placed:
    """What became of a unit: files, figures of the kept rows (`FIGURES`), rows by reason, a digest of those kept.

    `read` is the number of rows of the input that these rows come from: the pieces of a document are one.
    """

    files: list[Written]
    figures: dict[Key, Counter[str]]
    rows: dict[Key, Counter[str]]
    sha256: str
    read: int


def tokenize_units(spark: SparkSession, units: Sequence[Unit], config: TokenizeRun, pieces: Path) -> None:
    """Leaves a piece of tokens and one of rejects for each unit in `pieces`.

    Raises `InvariantError` if a row of a unit is in neither.
    """
    todo = [unit for unit in units if not _piece(pieces, unit, KEPT).exists()]
    pieces.mkdir(parents=True, exist_ok=True)
    if todo:
        tasks = spark.sparkContext.parallelize(todo, len(todo))
        for lost in tasks.map(lambda unit: _tokenize(unit, config, pieces)).collect():
            if lost is not None:
                raise InvariantError(lost)


def finished(units: Sequence[Unit], pieces: Path) -> int:
    """How many units have their pieces."""
    return sum(_piece(pieces, unit, KEPT).exists() for unit in units)


def place_units(
    spark: SparkSession, units: Sequence[Unit], config: TokenizeRun, pieces: Path, output: Path
) -> list[Placed]:
    """Writes `output/tokens` and `output/rejected` from the pieces; English beyond its share goes to the latter."""
    share = _english_share(units, config, pieces)
    tasks = spark.sparkContext.parallelize(list(units), max(1, len(units)))
    placed = tasks.map(lambda unit: _place(unit, config.seed, share, pieces, output)).collect()
    named = iter(_named([file for unit in placed for file in unit.files], output))
    return [replace(unit, files=[next(named) for _ in unit.files]) for unit in placed]


def _named(files: Sequence[Written], output: Path) -> list[Written]:
    """Gives the shards of each folder and split, `<split>.<unit>.parquet`, their numbers."""
    stems = [file.path.split(".")[0] for file in files]
    of, named, found = Counter(stems), Counter[str](), []
    for stem, file in zip(stems, files, strict=True):
        path = f"{stem}-{named[stem]:05d}-of-{of[stem]:05d}.parquet"
        named[stem] += 1
        (output / file.path).rename(output / path)
        found.append(replace(file, path=path))
    return found


def _piece(pieces: Path, unit: Unit, kind: str) -> Path:
    return pieces / f"{unit.number:05d}-{kind}.parquet"


@functools.lru_cache(maxsize=1)
def _encoder(config_json: str) -> RowEncoder:
    """Loaded once in a worker."""
    config = TokenizeRun.model_validate_json(config_json)
    return RowEncoder(load_tokenizer(config.tokenizer), config)


def _tokenize(unit: Unit, config: TokenizeRun, pieces: Path) -> str | None:
    """Writes the pieces of a unit; returns what was lost, if anything was."""
    encoder = _encoder(config.model_dump_json())
    file, read, done = pq.ParquetFile(unit.path), 0, 0
    document = unit.mixture == MIXTURE and "text" in file.schema_arrow.names
    columns = None if document else [*COLUMNS, *_messages(file)]
    with ExitStack() as stack:  # which closes the last first: where kept rows are, rejected ones are, too
        kept, rejected = (
            ShardWriter(stack.enter_context(replacing(_piece(pieces, unit, kind))), declared, stack)
            for kind, declared in ((KEPT, TOKENS), ("rejected", REJECTED_TOKENS))
        )
        for batch in file.iter_batches(_BATCH, row_groups=[unit.row_group], columns=columns):
            rows = batch.to_pylist()
            made = encoder.documents(rows) if document else encoder.instructions(rows)
            read += len(rows)
            done += sum(not document or row["reason"] is not None or row["id"].endswith("-0") for row in made)
            kept.write(_table(TOKENS.arrow(), [row for row in made if row["reason"] is None]))
            rejected.write(_table(REJECTED_TOKENS.arrow(), [row for row in made if row["reason"]]))
    return None if read == done else f"{unit.path}: {read} rows read, but {done} kept or rejected"


def _messages(file: pq.ParquetFile) -> list[str]:
    return ["messages"] if "messages" in file.schema_arrow.names else []


def _table(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)


def _english_share(units: Sequence[Unit], config: TokenizeRun, pieces: Path) -> float:
    """Which share of the English documents stays, so that English is `english_share` of all tokens."""
    if config.english_share is None:
        return 1.0
    tokens = {True: 0, False: 0}
    for unit in units:
        if unit.split == "train":
            table = pq.read_table(_piece(pieces, unit, KEPT), columns=["lang", "length"])
            english = pc.equal(table.column("lang"), "en")
            for is_english, chosen in ((True, english), (False, pc.invert(english))):
                tokens[is_english] += pc.sum(table.column("length").filter(chosen)).as_py() or 0
    wanted = tokens[False] * config.english_share / (1 - config.english_share)
    return min(1.0, wanted / tokens[True]) if tokens[True] else 1.0


def _place(unit: Unit, seed: int, share: float, pieces: Path, output: Path) -> Placed:
    kept = pq.read_table(_piece(pieces, unit, KEPT))
    rejected = pq.read_table(_piece(pieces, unit, "rejected"))
    if share < 1 and unit.split == "train":
        # by the document's id, so that all its pieces stay or go together
        documents = ((lang, id.rpartition("-")[0]) for lang, id in _columns(kept, "lang", "id"))
        chosen = pa.array([lang != "en" or drawn(seed, document) < share for lang, document in documents])
        over = _table(
            REJECTED_TOKENS.arrow(),
            [
                dict.fromkeys(REJECTED_TOKENS.columns) | row | {"reason": "over_english_share"}
                for row in kept.filter(pc.invert(chosen)).select([*COLUMNS[:4], "full_length"]).to_pylist()
            ],
        )
        kept, rejected = kept.filter(chosen), pa.concat_tables([rejected, over])
    files = []
    for table, kind, declared in ((kept, "tokens", TOKENS), (rejected, "rejected", REJECTED_TOKENS)):
        if table.num_rows:
            path = output / kind / unit.mixture / f"{unit.split}.{unit.number:05d}.parquet"
            with replacing(path) as temporary, ExitStack() as stack:
                ShardWriter(temporary, declared, stack).write(table)
            files.append(describe(path, output))
    return _tallied(unit, kept, rejected, files)


def _columns(table: pa.Table, *names: str) -> zip[tuple[Any, ...]]:
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def _tallied(unit: Unit, kept: pa.Table, rejected: pa.Table, files: list[Written]) -> Placed:
    names = ["lang", "task", "direction"]
    rows: dict[Key, Counter[str]] = {}
    for group in rejected.group_by([*names, "reason"]).aggregate([([], "count_all")]).to_pylist():
        rows.setdefault(_key(unit, group), Counter())[group["reason"]] += group["count_all"]
    full, length, prompt = (kept.column(name) for name in ("full_length", "length", "prompt_tokens"))
    values = {
        "tokens": length,
        "learned": pc.subtract(length, prompt),
        "truncated": pc.greater(full, length).cast(pa.int32()),
        "cut": pc.subtract(full, length),
        "unknown": kept.column("unknown"),
        "answer_tokens": pc.subtract(full, prompt),
        "characters": kept.column("characters"),
        "words": kept.column("words"),
    }
    table = pa.table({name: kept.column(name) for name in names} | values)
    sums = table.group_by(names).aggregate([*((name, "sum") for name in FIGURES), ([], "count_all")])
    figures: dict[Key, Counter[str]] = {}
    for group in sums.to_pylist():
        rows.setdefault(_key(unit, group), Counter())[KEPT] += group["count_all"]
        found = {name: group[f"{name}_sum"] for name in FIGURES}
        figures.setdefault(_key(unit, group), Counter()).update(found)
    return Placed(files, figures, rows, _sha256(kept), _read(kept) + _read(rejected))


def _read(table: pa.Table) -> int:
    """How many rows of the input the rows come from; a document's pieces after the first are `<id>-1` and so on."""
    later = pc.match_substring_regex(table.column("id"), "-[1-9][0-9]*$")
    later = pc.and_(later, pc.equal(table.column("task"), "text"))
    pieces: int = pc.sum(later).as_py() or 0
    return int(table.num_rows) - pieces


def _key(unit: Unit, group: Mapping[str, Any]) -> Key:
    lang, task, direction = group["lang"], group["task"], group["direction"]
    return unit.mixture, unit.split, lang, task, output_language(lang, direction)


def _sha256(kept: pa.Table) -> str:
    """Of the ids, boundaries and tokens of the rows, in order."""
    digest = hashlib.sha256("\n".join(kept.column("id").to_pylist()).encode())
    tokens = pc.list_flatten(kept.column("input_ids"))
    for column in (kept.column("length"), kept.column("prompt_tokens"), tokens):
        digest.update(column.to_numpy().astype("<i4").tobytes())
    return digest.hexdigest()
