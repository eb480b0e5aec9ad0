"""The life of a row: where it comes from, each score beside its threshold, the decision, its cluster, its shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from pipelines.errors import UserError
from pipelines.shards.published import BuiltDataset
from schemas.config import RunConfig
from schemas.thresholds import resolve

MOST_ROWS = 10  # found for a text
_MOST_RELATIVES = 5  # shown of a cluster, or with the same text

# what each reason is decided by: the columns, and the thresholds that they are held against
EVIDENCE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "malformed_line": (("detail",), ()),
    "empty": (("src_length", "tgt_length"), ()),
    "license": (("license",), ()),
    "markup": (("markup",), ("markup.max",)),
    "boilerplate": (("boilerplate",), ("boilerplate.max",)),
    "broken_text": (("broken_text",), ("broken_text.max",)),
    "too_short": (("src_length", "tgt_length"), ("length.min_words", "length.min_chars")),
    "too_long": (("src_length", "tgt_length"), ("length.max_words", "length.max_chars")),
    "copy": (("copy",), ("copy.max",)),
    "long_word": (("longest_word",), ("long_word.max",)),
    "alphabet": (("alphabet_share",), ("alphabet.min",)),
    "digits": (("digit_share",), ("digits.max",)),
    "script": (("src_script_share", "tgt_script_share"), ("script.min",)),
    "repetition": (("repetition",), ("repetition.max",)),
    "listing": (("listing",), ("listing.max",)),
    "title_case": (("title_case",), ("title_case.max",)),
    "length_ratio": (("length_ratio",), ("length_ratio.min", "length_ratio.max")),
    "number_mismatch": (("number_overlap",), ("numbers.min",)),
    "url_mismatch": (("url_mismatch",), ("urls.max",)),
    "brackets": (("bracket_mismatch",), ("brackets.max",)),
    "punctuation": (("terminal_mismatch",), ("punctuation.max",)),
    "low_margin": (("margin",), ("margin.min",)),
    "wrong_source_language": (("lid_src", "lid_src_prob", "lid_src_claimed"), ("lid.sure", "lid.min_src")),
    "wrong_target_language": (("lid_tgt", "lid_tgt_prob", "lid_tgt_claimed"), ("lid.sure", "lid.min_tgt")),
    "chinese_script": (("zh_script",), ()),
    "contaminated": (("contamination", "contaminated_by"), ("contamination.max",)),
    "exact_duplicate": (("content_id",), ()),
    "near_duplicate": (("cluster_id",), ()),
    "hub": (("margin",), ("hub.max_partners",)),
    "source_cap": ((), ()),
    "target_cap": ((), ()),
}


@dataclass(frozen=True)
class Life:
    """What is known of a row.

    `row` holds its columns, with `reason` (null: kept) and, of a kept row, `split`; `thresholds` are those in force,
    `strict` if they are the ones for high margins; `shard` is the file that holds it, `place` its row there, from 1.
    `survivor` is the better row that it duplicates; `relatives` are the other rows of the cluster, or
    with the same source or target for a hub or a cap.
    """

    row: Mapping[str, Any]
    thresholds: Mapping[str, float]
    strict: bool
    shard: str
    place: int
    survivor: Mapping[str, Any] | None
    relatives: tuple[Mapping[str, Any], ...]


def explain(dataset: BuiltDataset, row_id: str | None, text: str | None) -> list[Life]:
    """The rows with this id, or with this text in their source or target (at most `MOST_ROWS`).

    Raises `UserError` if there is none.
    """
    if row_id is not None:
        found = list(_find(dataset, ("id",), pads.field("id") == row_id, MOST_ROWS))
    else:
        sides = [pc.match_substring(pads.field(f"{side}_text"), text) for side in ("src", "tgt")]
        found = list(_find(dataset, ("src_text", "tgt_text"), sides[0] | sides[1], MOST_ROWS))
    if not found:
        where = (
            ""
            if dataset.whole
            else "; rejected rows are not in a published folder, but in the output of the run"
        )
        raise UserError(
            f"{dataset.folder}: holds no row with {f'id {row_id}' if row_id else f'text {text!r}'}{where}"
        )
    return [_life(dataset, row, shard, place) for row, shard, place in found]


def _files(dataset: BuiltDataset) -> Iterable[Path]:
    for folder in (dataset.parallel, dataset.rejected):
        if folder is not None:
            yield from sorted(folder.rglob("*.parquet"))


def _find(
    dataset: BuiltDataset, columns: Iterable[str], wanted: pc.Expression, most: int
) -> Iterable[tuple[dict[str, Any], str, int]]:
    """The first rows for which `wanted`, a condition on `columns`, holds; each with its shard and its place there."""
    for path in _files(dataset):
        file = pq.ParquetFile(path)
        start = 1
        for group in range(file.num_row_groups):
            looked_at = file.read_row_group(group, columns=[*columns])
            places = pa.array(range(looked_at.num_rows))
            found = looked_at.append_column("place", places).filter(wanted).column("place")[:most]
            if len(found):
                for place, row in zip(
                    found.to_pylist(), file.read_row_group(group).take(found).to_pylist(), strict=True
                ):
                    yield row, path.relative_to(dataset.folder).as_posix(), start + place
            most -= len(found)
            if most <= 0:
                return
            start += looked_at.num_rows


def _life(dataset: BuiltDataset, row: dict[str, Any], shard: str, place: int) -> Life:
    config = dataset.config
    normal, strict = resolve(config.thresholds, config.overrides, config.strict, row["corpus"], row["pair"])
    is_strict = row["margin"] is not None and row["margin"] >= normal["margin.strict_from"]
    row = {"reason": None, "detail": None} | row
    kin = _find(dataset, *_kin(row), _MOST_RELATIVES + 2)
    others = [other for other, _, _ in kin if other["id"] != row["id"]]
    survivor = None
    if row["reason"] in ("exact_duplicate", "near_duplicate"):
        # which may itself have fallen to a cap
        survivor = next((other for other in others if other["content_id"] == row["cluster_id"]), None)
    relatives = [other for other in others if other is not survivor][:_MOST_RELATIVES]
    return Life(row, strict if is_strict else normal, is_strict, shard, place, survivor, tuple(relatives))


def _kin(row: Mapping[str, Any]) -> tuple[tuple[str, ...], pc.Expression]:
    """Columns, and the condition on them that the row's relatives fulfil."""
    sides = {"hub": ("src_text", "tgt_text"), "source_cap": ("src_text",), "target_cap": ("tgt_text",)}
    names = sides.get(row["reason"], ("cluster_id",))
    same = [pads.field(name) == row[name] for name in names]
    return ("pair", *names), (pads.field("pair") == row["pair"]) & reduce(or_, same)


def evidence(life: Life, config: RunConfig) -> list[tuple[str, str, str]]:
    """For each reason, in the order in which they are tried: the reason, the row's values, the thresholds."""
    spaced = config.language(life.row["tgt_lang"]).spaced
    table = []
    for reason, (columns, keys) in EVIDENCE.items():
        values = ", ".join(f"{name} {_shown(life.row[name])}" for name in columns)
        fitting = [key for key in keys if not (spaced and key.endswith("_chars"))]
        limits = ", ".join(f"{key} {life.thresholds[key]:g}" for key in fitting)
        caps, mined = config.dedup.caps, life.row["margin"] is not None
        if reason == "near_duplicate":
            limits = f"dedup.near.threshold {config.dedup.near.threshold:g}"
        if reason == "source_cap":
            limits = f"rows with one source: {(caps.mined_source if mined else caps.source) or 'any'}"
        if reason == "target_cap":
            limits = f"rows with one target: {(caps.mined_target if mined else caps.target) or 'any'}"
        if reason == "license":
            limits = "any" if config.licenses.allow is None else ", ".join(config.licenses.allow)
        if reason == "chinese_script":
            limits = ", ".join(config.chinese.scripts)
        table.append((reason, values, limits))
    return table


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
