"""Train, validation and test: a function of the English text alone.

The same English text stands in one split only, over all pairs together, so that a model trained on all of them is not
tested on what it has seen; and a row never changes its split because others came or went.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from schemas.config import Splits

_STEPS = 1_000_000


def split_of(src_key: Column, splits: Splits, seed: int) -> Column:
    """The split of a row, from the hash of its English text (`src_key`) and the seed."""
    place = F.pmod(F.xxhash64(F.lit(seed), src_key), F.lit(_STEPS)) / _STEPS
    return (
        F.when(place < splits.validation, F.lit("validation"))
        .when(place < splits.validation + splits.test, F.lit("test"))
        .otherwise(F.lit("train"))
    )
