"""Scoring: raw lines in, every row with all its scores out. Nothing is decided here.

A Spark task takes a chunk of raw lines, or several small ones: an Arrow pass normalises and runs the native libraries
(fastText, MinHash, n-gram overlap), Spark expressions add the rule scores and hashes, and a second Arrow pass writes
each chunk as Parquet. A chunk that was scored before is not scored again.
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
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from pipelines.atomic import replacing
from pipelines.cleaning import lid, rules
from pipelines.cleaning.characters import COUNTS, count_characters
from pipelines.cleaning.phrases import count_boilerplate, count_markup
from pipelines.dedup import contamination
from pipelines.dedup.minhash import Bander
from pipelines.normalize import normalize_all
from pipelines.sources.inputs import Input
from pipelines.sources.read import CHUNK_ROWS, ReadInput, chunk_path
from schemas.languages import Language
from schemas.parallel import SCORED

_BATCH_ROWS = 4096
ROW_STRIDE = 1 << 40  # `row` = input index * ROW_STRIDE + line

_CHARS = f"struct<{', '.join(f'{name}: int' for name in COUNTS)}>"
# what the Arrow pass adds, as Spark sees it; the rest of SCORED are expressions over these
_PREPARED = {
    "chunk": "int",  # its place among those to be scored
    **dict.fromkeys(("pair", "src_lang", "tgt_lang", "corpus", "file", "license"), "string"),
    **{"line": "bigint", "doc": "int", "margin": "double", "detail": "string", "row": "bigint"},
    **dict.fromkeys(("src_raw", "tgt_raw", "src_text", "tgt_text"), "string"),
    **{"lid_src": "string", "lid_src_prob": "float", "lid_src_claimed": "float"},
    **{"lid_tgt": "string", "lid_tgt_prob": "float", "lid_tgt_claimed": "float"},
    **{"zh_script": "string", "contamination": "float", "contaminated_by": "string"},
    **{
        "similarity": "float",
        "markup": "int",
        "boilerplate": "int",
        "src_chars": _CHARS,
        "tgt_chars": _CHARS,
        "bands": "array<int>",
    },
}


class Chunk(NamedTuple):
    """A chunk of an input's raw lines: the input's place, the chunk's number in it, and its rows."""

    source: int
    number: int
    rows: int


@dataclass(frozen=True)
class Scorer:
    """Everything the Arrow pass needs, small enough to be sent with each task."""

    inputs: tuple[Input, ...]
    languages: dict[str, Language]
    lid_model: str
    eval_index: str | None
    bander: Bander
    raw: Path
    scored: Path

    def prepare(self, place: int, chunk: Chunk) -> Iterator[pa.RecordBatch]:
        """Normalises a chunk and adds what the native libraries find."""
        table = pq.read_table(chunk_path(self.raw, chunk.source, chunk.number))
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            yield self._prepare_batch(place, chunk.source, batch)

    def _prepare_batch(self, place: int, index: int, raw: pa.RecordBatch) -> pa.RecordBatch:
        source, count = self.inputs[index], raw.num_rows
        src, tgt = (normalize_all(raw.column(name)) for name in ("src_raw", "tgt_raw"))
        src_text, tgt_text = pa.array(src, pa.string()), pa.array(tgt, pa.string())
        src_language, tgt_language = self.languages[source.src_lang], self.languages[source.tgt_lang]
        keys = self.bander.bands(src, tgt, src_language.shingle, tgt_language.shingle)
        columns: dict[str, pa.Array] = {
            "chunk": _constant(place, count, pa.int32()),
            "pair": _constant(source.pair, count),
            "src_lang": _constant(source.src_lang, count),
            "tgt_lang": _constant(source.tgt_lang, count),
            "corpus": _constant(source.corpus, count),
            "file": _constant(source.file, count),
            "license": _constant(source.license, count),
            "line": raw.column("line"),
            "doc": raw.column("doc"),
            "margin": raw.column("margin"),
            "detail": raw.column("error"),
            "src_raw": raw.column("src_raw"),
            "tgt_raw": raw.column("tgt_raw"),
            "src_text": src_text,
            "tgt_text": tgt_text,
            "markup": pc.add(count_markup(src_text), count_markup(tgt_text)),
            "boilerplate": pc.add(
                count_boilerplate(src_text, source.src_lang), count_boilerplate(tgt_text, source.tgt_lang)
            ),
            **self._identified("src", source.src_lang, src),
            **self._identified("tgt", source.tgt_lang, tgt),
            "zh_script": pa.array(
                map(lid.chinese_script, tgt) if source.tgt_lang == "zh" else [None] * count, pa.string()
            ),
            **self._contaminated(src, tgt),
            "similarity": pa.array(_similarity(src, tgt), pa.float32()),
            "src_chars": _counts(src, src_language),
            "tgt_chars": _counts(tgt, tgt_language),
            "row": pa.array(
                (index * ROW_STRIDE + line for line in raw.column("line").to_pylist()), pa.int64()
            ),
            "bands": pa.FixedSizeListArray.from_arrays(
                pa.array(keys.view("int32").ravel()), keys.shape[1]
            ).cast(pa.list_(pa.int32())),
        }
        return pa.RecordBatch.from_pydict({name: columns[name] for name in _PREPARED})

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

    def write(self, chunk: Chunk, batches: Sequence[pa.RecordBatch]) -> None:
        """Writes a scored chunk, atomically."""
        schema = SCORED.arrow()
        table = pa.Table.from_batches(batches).select(schema.names).cast(schema)
        path = self.scored_path(chunk.source, chunk.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", compression_level=1)

    def scored_path(self, index: int, number: int) -> Path:
        return self.scored / self.inputs[index].pair / f"{index:05d}-{number:05d}.parquet"


def _counts(texts: Sequence[str], language: Language) -> pa.Array:
    counts = count_characters(texts, language.scripts)
    return pa.StructArray.from_arrays(
        [pa.array(counts[name], pa.int32()) for name in COUNTS], names=list(COUNTS)
    )


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
            scorer.write(todo[place], rows)
            yield pa.RecordBatch.from_pydict({"chunk": pa.array([place], pa.int32())})

    scores = rules.rule_scores(scorer.languages) | {"flags": rules.flags(profanity)} | _hashes()
    prepared = tasks.mapInArrow(prepare, ", ".join(f"{name} {kind}" for name, kind in _PREPARED.items()))
    numbered = prepared.withColumns({f"{side}_numbers": rules.numbers(side) for side in ("src", "tgt")})
    scored = numbered.select(
        "chunk", *(scores[name].alias(name) if name in scores else F.col(name) for name in SCORED.columns)
    )
    scored.mapInArrow(write, "chunk int").collect()


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


def by_chunk(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
    """Each chunk's rows, of batches that Spark has cut as it liked; the chunks come one after the other."""
    pieces = itertools.chain.from_iterable(map(_cut_by_chunk, batches))
    for place, rows in itertools.groupby(pieces, key=lambda piece: piece.column("chunk")[0].as_py()):
        yield place, list(rows)


def _cut_by_chunk(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    places = batch.column("chunk").to_numpy()
    edges = [0, *(np.flatnonzero(places[1:] != places[:-1]) + 1), len(places)]
    for first, end in itertools.pairwise(edges):
        if end > first:
            yield batch.slice(first, end - first)


def _hashes() -> dict[str, Column]:
    def digest(*parts: Column) -> Column:
        joined = F.concat_ws("\0", *(F.coalesce(part.cast("string"), F.lit("")) for part in parts))
        return F.substring(F.sha2(joined, 256), 1, 32)

    def key(text: Column) -> Column:
        return F.xxhash64(F.btrim(F.lower(text), F.lit(" .!?…,;:\"'。！？।؟")))

    return {
        "id": digest(*(F.col(name) for name in ("corpus", "file", "line", "src_raw", "tgt_raw"))),
        "content_id": digest(*(F.col(name) for name in ("pair", "src_text", "tgt_text"))),
        "src_key": key(F.col("src_text")),
        "tgt_key": key(F.col("tgt_text")),
    }
