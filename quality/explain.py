"""The life of a row: where it comes from, each score beside its threshold, the decision, its cluster, its shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from pipelines.errors import UserError
from pipelines.shards.published import BuiltDataset
from schemas.config import RunConfig
from schemas.rules import RULES
from schemas.thresholds import resolve

MOST_ROWS = 10  # shown for a text
_MOST_RELATIVES = 5  # shown of a cluster, or with the same text


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


def explain(dataset: BuiltDataset, row_id: str | None, text: str | None) -> tuple[list[Life], bool]:
    """The rows with this id, or with this text in their source or target: the first `MOST_ROWS`, and if there are more.

    Raises `UserError` if there is none.
    """
    if row_id is not None:
        found = list(_find(dataset, ("id",), pads.field("id") == row_id, MOST_ROWS + 1))
    else:
        sides = [pc.match_substring(pads.field(f"{side}_text"), text) for side in ("src", "tgt")]
        found = list(_find(dataset, ("src_text", "tgt_text"), sides[0] | sides[1], MOST_ROWS + 1))
    if not found:
        where = (
            ""
            if dataset.whole
            else "; rejected rows are not in a published folder, but in the output of the run"
        )
        raise UserError(
            f"{dataset.folder}: holds no row with {f'id {row_id}' if row_id else f'text {text!r}'}{where}"
        )
    return [_life(dataset, row, shard, place) for row, shard, place in found[:MOST_ROWS]], len(
        found
    ) > MOST_ROWS


def _files(dataset: BuiltDataset) -> Iterable[Path]:
    for folder in (dataset.kept, dataset.rejected):
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
    others = _kin(dataset, row)
    survivor = None
    if row["reason"] in ("exact_duplicate", "near_duplicate"):
        # which may itself have fallen to a cap
        survivor = next((other for other in others if other["content_id"] == row["cluster_id"]), None)
    relatives = [other for other in others if other is not survivor][:_MOST_RELATIVES]
    return Life(row, strict if is_strict else normal, is_strict, shard, place, survivor, tuple(relatives))


def _kin(dataset: BuiltDataset, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Other rows of the row's cluster; of a row that fell as a hub or to a cap, those that share the text with it."""
    keys = {"hub": ("src_key", "tgt_key"), "source_cap": ("src_key",), "target_cap": ("tgt_key",)}
    if row["reason"] in keys:
        wanted = pads.field("id").isin(list(_sharing(dataset, row, keys[row["reason"]])))
        found = _find(dataset, ("id",), wanted, _MOST_RELATIVES)
    else:
        wanted = (pads.field("pair") == row["pair"]) & (pads.field("cluster_id") == row["cluster_id"])
        found = _find(dataset, ("pair", "cluster_id"), wanted, _MOST_RELATIVES + 2)
    return [other for other, _, _ in found if other["id"] != row["id"]]


def _sharing(dataset: BuiltDataset, row: Mapping[str, Any], keys: Iterable[str]) -> Iterator[str]:
    """Ids of some other rows of the pair that have a key in common with a row; scored rows hold the keys."""
    table = pads.dataset(dataset.folder / "scored" / row["pair"]).to_table(columns=["id", *keys])
    own = table.filter(pc.equal(table.column("id"), row["id"])).to_pylist()[0]
    for key in keys:
        same = table.filter(pc.equal(table.column(key), own[key])).column("id").to_pylist()
        yield from [other for other in same if other != row["id"]][:_MOST_RELATIVES]


def evidence(life: Life, config: RunConfig) -> list[tuple[str, str, str]]:
    """For each reason, in the order in which they are tried: the reason, the row's values, the thresholds."""
    spaced = config.language(life.row["tgt_lang"]).spaced
    caps, mined = config.dedup.caps, life.row["margin"] is not None
    # what is no threshold of a row's own
    limits = {
        "license": "any" if config.licenses.allow is None else ", ".join(config.licenses.allow),
        "chinese_script": ", ".join(config.chinese.scripts),
        "near_duplicate": f"dedup.near.threshold {config.dedup.near.threshold:g}",
        "source_cap": f"rows with one source: {(caps.mined_source if mined else caps.source) or 'any'}",
        "target_cap": f"rows with one target: {(caps.mined_target if mined else caps.target) or 'any'}",
    }
    table = []
    for reason, rule in RULES.items():
        names = (*rule.scores, "contaminated_by") if reason == "contaminated" else rule.scores
        fitting = [key for key in rule.thresholds if not (spaced and key.endswith("_chars"))]
        thresholds = ", ".join(f"{key} {life.thresholds[key]:g}" for key in fitting)
        values = ", ".join(f"{name} {_shown(life.row[name])}" for name in names)
        table.append((reason, values, limits.get(reason, thresholds)))
    return table


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
