"""Scoring: raw lines in, every row with all its scores out. Nothing is decided here.

A Spark task takes a chunk of raw lines, or several small ones: an Arrow pass normalises the texts and counts their
characters, Spark expressions make rule scores and hashes of these, and a second Arrow pass adds what the native
libraries find (fastText, MinHash, n-gram overlap) and writes each chunk as Parquet. What no expression needs never
goes through Spark's rows: the second pass reads it again from the chunk. A chunk that was scored before is not scored
again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from pipelines import keys, lid
from pipelines.atomic import replacing
from pipelines.cleaning import rules
from pipelines.cleaning.characters import COUNTS, count_characters
from pipelines.cleaning.phrases import count_boilerplate, count_markup
from pipelines.dedup import contamination
from pipelines.dedup.minhash import Bander
from pipelines.errors import InvariantError
from pipelines.normalize import normalize_all
from pipelines.sources.inputs import Input
from pipelines.sources.read import CHUNK_ROWS, ReadInput, chunk_path
from schemas.languages import Language
from schemas.parallel import SCORED

_BATCH_ROWS = 4096
ROW_STRIDE = 1 << 40  # `row` = input index * ROW_STRIDE + line

# what the first Arrow pass hands to Spark's expressions; the raw texts only where they differ from the normalised ones
_PREPARED = """
    chunk int not null, line bigint not null, pair string not null, src_lang string not null, tgt_lang string not null,
    corpus string not null, file string not null,
    src_raw string, src_text string not null, src_chars array<int> not null,
    tgt_raw string, tgt_text string not null, tgt_chars array<int> not null
"""


class Chunk(NamedTuple):
    """A chunk of an input's raw lines: the input's place, the chunk's number in it, and its rows."""

    source: int
    number: int
    rows: int


@dataclass(frozen=True)
class Scorer:
    """Everything the Arrow passes need, small enough to be sent with each task."""

    inputs: tuple[Input, ...]
    languages: dict[str, Language]
    lid_model: str
    eval_index: str | None
    bander: Bander
    raw: Path
    scored: Path

    def prepare(self, place: int, chunk: Chunk) -> Iterator[pa.RecordBatch]:
        """Normalises a chunk and counts its characters: the columns of `_PREPARED`."""
        source = self.inputs[chunk.source]
        for batch in self._read(chunk).to_batches(max_chunksize=_BATCH_ROWS):
            count = batch.num_rows
            columns = {
                "chunk": _constant(place, count, pa.int32()),
                "line": batch.column("line"),
                **{
                    name: _constant(getattr(source, name), count)
                    for name in ("pair", "src_lang", "tgt_lang", "corpus", "file")
                },
            }
            for side, lang in (("src", source.src_lang), ("tgt", source.tgt_lang)):
                raw = batch.column(f"{side}_raw")
                texts = normalize_all(raw)
                column = pa.array(texts, pa.string())
                changed = pc.fill_null(pc.not_equal(raw, column), False)
                columns[f"{side}_raw"] = pc.if_else(changed, raw, pa.scalar(None, pa.string()))
                columns[f"{side}_text"] = column
                columns[f"{side}_chars"] = _counts(texts, self.languages[lang])
            yield pa.RecordBatch.from_pydict(columns)

    def write(self, chunk: Chunk, pieces: Iterable[pa.RecordBatch]) -> None:
        """Completes the rows of a chunk, as the expressions left them, and writes them, atomically.

        Raises `InvariantError` if they are not the chunk's rows, in their order.
        """
        raw, done = self._read(chunk), 0
        schema = SCORED.arrow()
        completed = []
        for piece in pieces:
            lines = raw.slice(done, piece.num_rows).combine_chunks()
            if not lines.column("line").combine_chunks().equals(piece.column("line")):
                raise InvariantError(
                    f"{self.inputs[chunk.source].path}: rows changed places while they were scored"
                )
            columns = self._complete(chunk.source, lines, piece)
            completed.append(pa.table([columns[name] for name in schema.names], schema.names).cast(schema))
            done += piece.num_rows
        if done != raw.num_rows:
            raise InvariantError(
                f"{self.inputs[chunk.source].path}: {raw.num_rows - done} rows were not scored"
            )
        path = self.scored_path(chunk.source, chunk.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            pq.write_table(pa.concat_tables(completed), temporary, compression="zstd", compression_level=1)

    def scored_path(self, index: int, number: int) -> Path:
        return self.scored / self.inputs[index].pair / f"{index:05d}-{number:05d}.parquet"

    def _read(self, chunk: Chunk) -> pa.Table:
        return pq.read_table(chunk_path(self.raw, chunk.source, chunk.number))

    def _complete(self, index: int, raw: pa.Table, scored: pa.RecordBatch) -> dict[str, pa.Array]:
        source, count = self.inputs[index], raw.num_rows
        src_text, tgt_text = scored.column("src_text"), scored.column("tgt_text")
        src, tgt = src_text.to_pylist(), tgt_text.to_pylist()
        bands = self.bander.bands(
            src, tgt, self.languages[source.src_lang].shingle, self.languages[source.tgt_lang].shingle
        )
        return {
            **{name: scored.column(name) for name in scored.schema.names},
            **{
                name: _constant(getattr(source, name), count)
                for name in ("pair", "src_lang", "tgt_lang", "corpus", "file", "license")
            },
            **{name: raw.column(name) for name in ("doc", "margin")},
            "detail": raw.column("error"),
            "row": pc.add(raw.column("line"), index * ROW_STRIDE),
            "markup": pc.add(count_markup(src_text), count_markup(tgt_text)),
            "boilerplate": pc.add(
                count_boilerplate(src_text, source.src_lang), count_boilerplate(tgt_text, source.tgt_lang)
            ),
            "copy": pa.array(_similarity(src, tgt), pa.float32()),
            **self._identified("src", source.src_lang, src),
            **self._identified("tgt", source.tgt_lang, tgt),
            "zh_script": pa.array(
                map(lid.chinese_script, tgt) if source.tgt_lang == "zh" else [None] * count, pa.string()
            ),
            **self._contaminated(src, tgt),
            "bands": pa.FixedSizeListArray.from_arrays(
                pa.array(bands.view("int32").ravel()), bands.shape[1]
            ).cast(pa.list_(pa.int32())),
        }

    def _identified(self, side: str, lang: str, texts: Sequence[str]) -> dict[str, pa.Array]:
        model = lid.load_model(self.lid_model)
        found = lid.identify(model, texts, self.languages[lang].lid_labels or (lang,))
        return {
            f"lid_{side}": pa.array((f and f.label for f in found), pa.string()),
            f"lid_{side}_prob": pa.array((f and f.prob for f in found), pa.float32()),
            f"lid_{side}_claimed": pa.array((f and f.claimed for f in found), pa.float32()),
        }

    def _contaminated(self, src: Sequence[str], tgt: Sequence[str]) -> dict[str, pa.Array]:
        if self.eval_index is None:
            shares: Sequence[float | None] = [None] * len(src)
            names: Sequence[str | None] = [None] * len(src)
        else:
            index = contamination.load_index(self.eval_index)
            sides = [list(zip(*index.overlap(texts), strict=True)) for texts in (src, tgt)]
            worse = [max(pair, key=lambda found: found[0]) for pair in zip(*sides, strict=True)]
            shares, names = [share for share, _ in worse], [name for _, name in worse]
        return {
            "contamination": pa.array(shares, pa.float32()),
            "contaminated_by": pa.array(names, pa.string()),
        }


def _counts(texts: Sequence[str], language: Language) -> pa.Array:
    counts = count_characters(texts, language.scripts)
    flat = np.column_stack([counts[name] for name in COUNTS]).ravel()
    offsets = np.arange(0, len(flat) + 1, len(COUNTS), dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, flat)


def _similarity(src: Sequence[str], tgt: Sequence[str]) -> npt.NDArray[np.float32]:
    """1 - edit distance / longer side, case folded; similarities below .45 are not told apart and come as 0."""
    folded = [[text.casefold() for text in texts] for texts in (src, tgt)]
    return cpdist(*folded, scorer=Levenshtein.normalized_similarity, score_cutoff=0.45, dtype=np.float32)


def _constant(value: object, count: int, kind: pa.DataType | None = None) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind or pa.string()), count)


def score(
    spark: SparkSession,
    scorer: Scorer,
    read: Sequence[ReadInput],
    profanity: dict[str, list[str]],
) -> None:
    """Scores all chunks of `read` into `scorer.scored`."""
    chunks = [Chunk(found.index, n, rows) for found in read for n, rows in enumerate(found.chunks)]
    todo = [chunk for chunk in chunks if not scorer.scored_path(chunk.source, chunk.number).exists()]
    if not todo:
        return
    bundles = bundle([chunk.rows for chunk in todo], spark.sparkContext.defaultParallelism)
    tasks = spark.range(0, len(bundles), 1, len(bundles))

    def prepare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column("id").to_pylist():
                for place in bundles[task]:
                    yield from scorer.prepare(place, todo[place])

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for place, rows in by_chunk(batches):
            # an error that a task raises comes to the driver as Java's; this one is for a person, and is returned
            try:
                scorer.write(todo[place], rows)
                broken = None
            except InvariantError as error:
                broken = str(error)
            yield pa.RecordBatch.from_pydict({"broken": pa.array([broken], pa.string())})

    prepared = tasks.mapInArrow(prepare, _PREPARED)
    numbered = prepared.withColumns({f"{side}_numbers": rules.numbers(side) for side in ("src", "tgt")})
    scores = rules.rule_scores(scorer.languages) | {"flags": rules.flags(profanity)} | keys.all_keys()
    scored = numbered.select(
        "chunk", "line", "src_text", "tgt_text", *(scores[name].alias(name) for name in scores)
    )
    for found in scored.mapInArrow(write, "broken string").where("broken is not null").collect():
        raise InvariantError(found["broken"])


def bundle(rows: Sequence[int], cores: int) -> list[range]:
    """The chunks that a task takes, given the rows of each: small ones share one, since a task takes half a second.

    Unless it is a single chunk, a bundle has no more rows than a full chunk and than a core's share of all.
    """
    limit = min(CHUNK_ROWS, -(-sum(rows) // cores))
    bundles: list[range] = []
    first = held = 0
    for place, count in enumerate(rows):
        if place > first and held + count > limit:
            bundles.append(range(first, place))
            first, held = place, 0
        held += count
    return [*bundles, range(first, len(rows))]


def by_chunk(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """Each chunk's rows, of batches that Spark has cut as it liked; the chunks come one after the other."""
    pieces = itertools.chain.from_iterable(map(_cut_by_chunk, batches))
    return itertools.groupby(pieces, key=lambda piece: piece.column("chunk")[0].as_py())


def _cut_by_chunk(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    places = batch.column("chunk").to_numpy()
    edges = [0, *(np.flatnonzero(places[1:] != places[:-1]) + 1), len(places)]
    for first, end in itertools.pairwise(edges):
        if end > first:
            yield batch.slice(first, end - first)
