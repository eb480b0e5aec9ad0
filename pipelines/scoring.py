"""Scoring: raw lines in, every row with all its scores out. Nothing is decided here.

Each chunk of raw lines is one Spark task: an Arrow pass normalises and runs the native libraries (fastText, MinHash,
n-gram overlap), Spark expressions add the rule scores and hashes, and a second Arrow pass writes the chunk as Parquet.
A chunk that was scored before is not scored again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from pipelines.sources.read import ReadInput, chunk_path
from schemas.languages import Language
from schemas.parallel import SCORED

_BATCH_ROWS = 4096
ROW_STRIDE = 1 << 40  # `row` = input index * ROW_STRIDE + line

_CHARS = f"struct<{', '.join(f'{name}: int' for name in COUNTS)}>"
# what the Arrow pass adds, as Spark sees it; the rest of SCORED are expressions over these
_PREPARED = {
    "task": "int",
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

    def prepare(self, task: int, index: int, chunk: int) -> Iterator[pa.RecordBatch]:
        """Normalises a chunk and adds what the native libraries find."""
        source = self.inputs[index]
        table = pq.read_table(chunk_path(self.raw, index, chunk))
        for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
            yield self._prepare_batch(task, index, source, batch)

    def _prepare_batch(self, task: int, index: int, source: Input, raw: pa.RecordBatch) -> pa.RecordBatch:
        count = raw.num_rows
        src, tgt = (normalize_all(raw.column(name)) for name in ("src_raw", "tgt_raw"))
        src_text, tgt_text = pa.array(src, pa.string()), pa.array(tgt, pa.string())
        src_language, tgt_language = self.languages[source.src_lang], self.languages[source.tgt_lang]
        keys = self.bander.bands(src, tgt, src_language.shingle, tgt_language.shingle)
        columns: dict[str, pa.Array] = {
            "task": _constant(task, count, pa.int32()),
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

    def write(self, index: int, chunk: int, batches: Sequence[pa.RecordBatch]) -> None:
        """Writes a scored chunk, atomically."""
        schema = SCORED.arrow()
        table = pa.Table.from_batches(batches).select(schema.names).cast(schema)
        path = self.scored_path(index, chunk)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", compression_level=1)

    def scored_path(self, index: int, chunk: int) -> Path:
        return self.scored / self.inputs[index].pair / f"{index:05d}-{chunk:05d}.parquet"


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
    chunks = [(found.index, number, rows) for found in read for number, rows in enumerate(found.chunks)]
    todo = [chunk for chunk in chunks if not scorer.scored_path(*chunk[:2]).exists()]
    if not todo:
        return
    # a task takes half a second to start: those of small files share one
    full = -(-sum(rows for _, _, rows in todo) // max(rows for _, _, rows in todo))
    cores = spark.sparkContext.defaultParallelism
    tasks = spark.range(0, len(todo), 1, min(len(todo), max(cores, full)))

    def prepare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column("id").to_pylist():
                yield from scorer.prepare(task, *todo[task][:2])

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for task, rows in _by_task(batches):
            scorer.write(*todo[task][:2], rows)
            yield pa.RecordBatch.from_pydict({"task": pa.array([task], pa.int32())})

    scores = rules.rule_scores(scorer.languages) | {"flags": rules.flags(profanity)} | _hashes()
    prepared = tasks.mapInArrow(prepare, ", ".join(f"{name} {kind}" for name, kind in _PREPARED.items()))
    numbered = prepared.withColumns({f"{side}_numbers": rules.numbers(side) for side in ("src", "tgt")})
    scored = numbered.select(
        "task", *(scores[name].alias(name) if name in scores else F.col(name) for name in SCORED.columns)
    )
    scored.mapInArrow(write, "task int").collect()


def _by_task(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
    """Each task's rows, of batches that Spark has cut as it liked; the tasks come one after the other."""
    pieces = itertools.chain.from_iterable(map(_cut_by_task, batches))
    for task, rows in itertools.groupby(pieces, key=lambda piece: piece.column("task")[0].as_py()):
        yield task, list(rows)


def _cut_by_task(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    task = batch.column("task").to_numpy()
    edges = [0, *(np.flatnonzero(task[1:] != task[:-1]) + 1), len(task)]
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
