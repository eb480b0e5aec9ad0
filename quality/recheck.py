"""A second look at the texts themselves: a sample of kept rows is identified, and held against evaluation sets, anew.

All other expectations believe the scores that were written with a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines import lid
from pipelines.dedup.contamination import build_index
from pipelines.shards.write import sha256_of
from schemas.config import RunConfig
from schemas.thresholds import resolve

_ROWS = 1_000  # of a pair, about: most of a hundredth that is wrong shows itself
_STEPS = 1_000_000
_PLACE = ("id", "corpus", "pair", "file", "line", "margin", "src_lang", "tgt_lang", "src_text", "tgt_text")


def text_faults(
    rows: DataFrame, manifest: Mapping[str, Any], config: RunConfig, evals: Path | None
) -> pd.DataFrame:
    """About `_ROWS` kept rows of each pair, the same each time, with the columns of `suites.RECHECKED`.

    `other_language` is there if the LID model that the dataset was made with is at hand, `found_in` if `evals`, the
    folder of evaluation sets, is given; each is null where nothing is wrong. Raises `UserError` if a set is broken.
    """
    model = config.lid.model or lid.default_model()
    same_model = sha256_of(model) == manifest["lid_model"]["sha256"]
    if not same_model and evals is None:
        return pd.DataFrame()
    sample: pd.DataFrame = _sample(rows, manifest, config.seed).toArrow().to_pandas()
    sample = sample.sort_values(["pair", "file", "line"]).fillna({"src_text": "", "tgt_text": ""})
    limits = [_limits(row, config) for row in sample.itertuples()]
    found = sample[["id", "pair", "file", "line"]].reset_index(drop=True)
    if same_model:
        loaded = lid.load_model(str(model))
        sides = [_other_language(side, sample, limits, loaded, config) for side in ("src", "tgt")]
        found["other_language"] = [src or tgt for src, tgt in zip(*sides, strict=True)]
    if evals is not None:
        index = build_index(evals, config.eval.words, config.eval.chars)
        overlaps = [
            zip(*index.overlap(sample[f"{side}_text"].tolist()), strict=True) for side in ("src", "tgt")
        ]
        found["found_in"] = [
            next((name for share, name in both if share > limit["contamination.max"]), None)
            for limit, both in zip(limits, zip(*overlaps, strict=True), strict=True)
        ]
    return found


def _sample(rows: DataFrame, manifest: Mapping[str, Any], seed: int) -> DataFrame:
    """Rows by the hash of seed and id, as many in a hundred of each pair as make about `_ROWS`."""
    kept: dict[str, int] = {}
    for count in manifest["counts"]:
        kept[count["pair"]] = kept.get(count["pair"], 0) + count["kept"]
    place = F.pmod(F.xxhash64(F.lit(seed), "id"), F.lit(_STEPS))
    wanted = [
        (F.col("pair") == pair) & (place < int(min(1.0, _ROWS / number) * _STEPS))
        for pair, number in sorted(kept.items())
        if number
    ]
    return rows.where(reduce(or_, wanted, F.lit(False))).select(*_PLACE)


def _limits(row: Any, config: RunConfig) -> dict[str, float]:
    normal, strict = resolve(config.thresholds, config.overrides, config.strict, row.corpus, row.pair)
    return strict if not pd.isna(row.margin) and row.margin >= normal["margin.strict_from"] else normal


def _other_language(
    side: str, sample: pd.DataFrame, limits: Sequence[Mapping[str, float]], model: Any, config: RunConfig
) -> list[str | None]:
    """The language that a side is surely in, where it is not the claimed one; in the order of `sample`."""
    other: list[str | None] = [None] * len(sample)
    languages = sample[f"{side}_lang"].to_numpy()
    texts = sample[f"{side}_text"].to_numpy()
    for code in sorted(set(languages)):
        places = [place for place, language in enumerate(languages) if language == code]
        labels = config.language(code).lid_labels or (code,)
        for place, said in zip(places, lid.identify(model, texts[places].tolist(), labels), strict=True):
            limit = limits[place]
            if (
                said is not None
                and said.label not in labels
                and said.prob >= limit["lid.sure"]
                and said.claimed < limit[f"lid.min_{side}"]
            ):
                other[place] = said.label
    return other
