"""Examples out of rows: general tasks from instruction records, translation tasks from sentence pairs.

Both come with the same columns, those that the select of `general` names; what cannot be an example has a `reason`
already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.keys import text_key
from pipelines.tokenizers import load_tokenizer

_LONG_WORDS = 8  # an English answer of so many words is a text of its own; "Yes, it is." stands everywhere


def digest(*parts: Column) -> Column:
    """32 hexadecimal digits of a hash over texts."""
    return F.substring(F.sha2(F.concat_ws("\0", *parts), 256), 1, 32)


def _key(kind: str, value: Column) -> Column:
    """A key that may not stand in two splits, 16 hexadecimal digits."""
    return F.substring(F.sha2(F.concat(F.lit(f"{kind}\0"), value), 256), 1, 16)


def _english_key(text: Column) -> Column:
    return _key("text", text_key(text).cast("string"))


def general(rows: DataFrame, source: str, priority: int, checked: bool) -> DataFrame:
    """Examples of general tasks.

    `rows` have `source_id` (of the row itself), `record` (the same in all languages), `lang`, the three fields,
    `license`, `split`, `reason` and `detail`. Sets of lower `priority` win over duplicates; `checked` says that
    language and script were looked at before.
    """
    english = F.array_compact(
        F.array(
            _english_key(F.concat_ws("\n", "instruction", "input")),
            F.when(F.size(F.split("output", r"\s+")) >= _LONG_WORDS, _english_key(F.col("output"))),
        )
    )
    # what is English in a record is held against other texts for all its translations
    of_record = (
        rows.where("lang = 'en' and reason is null")
        .groupBy("record")
        .agg(F.array_distinct(F.flatten(F.collect_set(english))).alias("english"))
    )
    joined = rows.join(of_record, "record", "left")
    keys = F.array_union(
        F.array(_key("record", F.col("record"))), F.coalesce("english", F.array().cast("array<string>"))
    )
    return joined.select(
        digest(F.lit("general"), F.col("lang"), F.col("source_id")).alias("id"),
        F.array("source_id").alias("source_ids"),
        "lang",
        F.lit("general").alias("task"),
        F.lit(None).cast("string").alias("direction"),
        *("instruction", "input", "output"),
        F.lit(source).alias("source"),
        F.lit(priority).alias("priority"),
        "license",
        F.lit(0).alias("pairs"),
        F.array_sort(keys).alias("keys"),
        "split",
        F.lit(checked).alias("checked"),
        *("reason", "detail"),
    )


@dataclass(frozen=True)
class Grouping:
    """How lines of a document become one example: at most so many, with at most so many tokens of a tokenizer."""

    max_sentences: int
    max_tokens: int
    tokenizer: str
    unspaced: frozenset[str]
    seed: int


def translation(
    pairs: DataFrame, templates: Mapping[str, Sequence[str]], seed: int, grouping: Grouping | None
) -> DataFrame:
    """Examples of translation tasks, from rows of a parallel dataset, in each direction that `templates` has.

    `templates` are the instructions of each direction, of which the hash of (seed, id) chooses one.
    """
    rows = pairs.select(
        F.array("id").alias("source_ids"),
        "src_text",
        "tgt_text",
        "tgt_lang",
        "license",
        "split",
        F.array_sort(
            F.array(_english_key(F.col("src_text")), _key("cluster", F.concat_ws("\0", "pair", "cluster_id")))
        ).alias("keys"),
        *("corpus", "file", "doc", "line"),
    )
    grouped = rows.select(*_GROUPED) if grouping is None else _grouped(rows, grouping)
    return _in_directions(grouped, templates, seed)


_GROUPED = ("source_ids", "src_text", "tgt_text", "tgt_lang", "license", "split", "keys")
_GROUPED_DDL = (
    "source_ids array<string>, src_text string, tgt_text string, tgt_lang string, license string, split string, "
    "keys array<string>"
)


def _grouped(rows: DataFrame, grouping: Grouping) -> DataFrame:
    """The rows, those of one document joined where they follow one another."""
    alone = rows.where(F.col("doc").isNull()).select(*_GROUPED)
    document = ("tgt_lang", "corpus", "file", "doc", "split", "license")

    def join(table: pa.Table) -> pa.Table:
        return pa.Table.from_pylist(list(_joined(table, grouping)), schema=_ARROW)

    joined = rows.where(F.col("doc").isNotNull()).groupBy(*document).applyInArrow(join, _GROUPED_DDL)
    return alone.unionByName(joined)


_ARROW = pa.schema(
    [
        ("source_ids", pa.list_(pa.string())),
        *((name, pa.string()) for name in _GROUPED[1:6]),
        ("keys", pa.list_(pa.string())),
    ]
)


def _joined(table: pa.Table, grouping: Grouping) -> Iterator[dict[str, object]]:
    """The examples of one document: from each first line on, as many as its hash says and as fit."""
    lines = table.sort_by("line").to_pylist()
    tokenizer = load_tokenizer(grouping.tokenizer)
    tokens = [
        sum(both)
        for both in zip(
            *(tokenizer.counts([line[name] for line in lines])[0] for name in ("src_text", "tgt_text")),
            strict=True,
        )
    ]
    place = 0
    while place < len(lines):
        wanted = 1 + _chosen(grouping.seed, lines[place]["source_ids"][0], grouping.max_sentences)
        end, spent = place + 1, tokens[place]
        while (
            end < len(lines)
            and end - place < wanted
            and lines[end]["line"] == lines[end - 1]["line"] + 1
            and spent + tokens[end] <= grouping.max_tokens
        ):
            spent += tokens[end]
            end += 1
        yield _together(lines[place:end], grouping.unspaced)
        place = end


def _together(lines: Sequence[Mapping[str, Any]], unspaced: frozenset[str]) -> dict[str, object]:
    first = lines[0]
    between = "" if first["tgt_lang"] in unspaced else " "
    return {
        **{name: first[name] for name in ("tgt_lang", "license", "split")},
        "source_ids": [id for line in lines for id in line["source_ids"]],
        "src_text": " ".join(line["src_text"] for line in lines),
        "tgt_text": between.join(line["tgt_text"] for line in lines),
        "keys": sorted({key for line in lines for key in line["keys"]}),
    }


def _chosen(seed: int, id: str, number: int) -> int:
    """A number from 0 up to `number`, by the hash of (seed, id)."""
    return int(hashlib.sha256(f"{seed}\0{id}".encode()).hexdigest()[:8], 16) % number


def _in_directions(rows: DataFrame, templates: Mapping[str, Sequence[str]], seed: int) -> DataFrame:
    """The rows once for each direction of their language."""
    ways: dict[str, list[str]] = {}
    for direction in templates:
        ways.setdefault(direction.removeprefix("en-").removesuffix("-en"), []).append(direction)
    each = F.explode(F.try_element_at(_mapping(ways), F.col("tgt_lang")))
    asked = F.element_at(_mapping(templates), F.col("direction"))
    choice = F.pmod(F.xxhash64(F.lit(seed), F.lit("template"), "id"), F.size(asked)).cast("int")
    forward = F.startswith("direction", F.lit("en-"))
    id = digest(F.lit("translation"), F.col("direction"), F.concat_ws(" ", "source_ids"))
    return (
        rows.withColumn("direction", each)
        .withColumn("id", id)
        .select(
            "id",
            "source_ids",
            F.col("tgt_lang").alias("lang"),
            F.lit("translation").alias("task"),
            "direction",
            F.get(asked, choice).alias("instruction"),
            F.when(forward, F.col("src_text")).otherwise(F.col("tgt_text")).alias("input"),
            F.when(forward, F.col("tgt_text")).otherwise(F.col("src_text")).alias("output"),
            F.lit("parallel").alias("source"),
            F.lit(0).alias("priority"),
            "license",
            F.size("source_ids").alias("pairs"),
            "keys",
            "split",
            F.lit(True).alias("checked"),
            F.lit(None).cast("string").alias("reason"),
            F.lit(None).cast("string").alias("detail"),
        )
    )


def _mapping(table: Mapping[str, Sequence[str]]) -> Column:
    """A map of a name to a list, as a literal."""
    parts: list[Column] = []
    for name, values in table.items():
        parts += [F.lit(name), F.array(*map(F.lit, values))]
    return F.create_map(*parts)
