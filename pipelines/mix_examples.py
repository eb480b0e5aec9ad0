"""The rows of a mixture's sources, and the examples that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import UserError
from pipelines.mix_plan import Plan
from pipelines.mixture import examples, sources
from pipelines.mixture.templates import instructions
from pipelines.translation.chunks import ReadFile, chunk_path, read_files
from pipelines.translation.records import MAX_CHARS

Read = Mapping[tuple[str, str], Sequence[ReadFile]]  # the instruction files of each set and language


def read_sources(plan: Plan, folder: Path) -> Read:
    """The records of instruction files, cut into chunks. Raises `UserError` for what cannot be read, or is empty."""
    keep_broken = plan.config.on_truncated == "keep"
    found: dict[tuple[str, str], list[ReadFile]] = {}
    problems = []
    for source, lang in sorted({(source, lang) for source, lang, way in plan.parts() if way is None}):
        if source in plan.general:
            continue
        files = plan.config.general[source].files[lang]
        read = read_files(files, _records(folder, source, lang), None, MAX_CHARS, keep_broken)
        if not any(file.records for file in read):
            problems.append(f"general.{source}.files.{lang}: {', '.join(map(str, files))}: no records")
        found[source, lang] = read
    if problems:
        raise UserError(*problems)
    return found


def _records(folder: Path, source: str, lang: str) -> Path:
    return folder / "records" / f"{source}-{lang}"


def rows_of(plan: Plan, read: Read) -> dict[tuple[str, str], int]:
    """The rows that each source has of a language."""
    rows: dict[tuple[str, str], int] = {}
    for source, lang, direction in plan.parts():
        if direction is not None and plan.parallel is not None:
            rows[source, lang] = plan.parallel.rows[f"en-{lang}"]
        elif source in plan.general:
            rows[source, lang] = plan.general[source].rows[lang]
        else:
            rows[source, lang] = sum(file.records for file in read[source, lang])
    return rows


def all_examples(spark: SparkSession, plan: Plan, folder: Path, read: Read) -> DataFrame:
    """The examples of all parts, each once."""
    config = plan.config
    found: list[DataFrame] = []
    for priority, (name, one) in enumerate(config.general.items()):
        codes = [lang for source, lang, direction in plan.parts() if source == name and direction is None]
        if not codes:
            continue
        if name in plan.general:
            # English with them, for what is English in a record holds for its translations
            made = plan.general[name]
            wanted = [*codes, *(["en"] if "en" not in codes and made.rows.get("en") else [])]
            rows = sources.translated(spark, made, wanted)
        else:
            rows = reduce(
                DataFrame.unionByName,
                (
                    sources.from_file(
                        spark.read.parquet(*_chunk_files(folder, name, lang, read[name, lang])),
                        name,
                        lang,
                        one.license,
                        one.aligned,
                        config.splits,
                        config.seed,
                    )
                    for lang in codes
                ),
            )
        made_of = examples.general(rows, name, priority, checked=name in plan.general)
        found.append(made_of.where(F.col("lang").isin(codes)))
    directions = [direction for _, _, direction in plan.parts() if direction is not None]
    if directions and plan.parallel is not None:
        pairs = sorted({f"en-{lang}" for _, lang, direction in plan.parts() if direction is not None})
        named = {code: config.language(code) for pair in pairs for code in pair.split("-")}
        templates = {
            name: instructions(config.translation.templates, name, *(named[code] for code in name.split("-")))
            for name in directions
        }
        rows = spark.read.parquet(*plan.parallel.paths(pairs))
        found.append(examples.translation(rows, templates, config.seed, _grouping(plan)))
    return reduce(DataFrame.unionByName, found)


def _chunk_files(folder: Path, name: str, lang: str, files: Iterable[ReadFile]) -> list[str]:
    records = _records(folder, name, lang)
    return [str(chunk_path(records, chunk)) for file in files for chunk in file.chunks]


def _grouping(plan: Plan) -> examples.Grouping | None:
    settings, config = plan.config.translation, plan.config
    if settings.max_sentences == 1 or plan.tokenizer is None:
        return None
    unspaced = frozenset(code for code in config.languages if not config.language(code).spaced)
    return examples.Grouping(
        settings.max_sentences, settings.max_tokens, str(plan.tokenizer), unspaced, config.seed
    )
