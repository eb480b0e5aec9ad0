"""The hashes that rows, contents and texts are known by, as Spark expressions over their columns."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def all_keys() -> dict[str, Column]:
    """`id`, `content_id`, `src_key` and `tgt_key`; a raw text is null where it is the normalised one."""
    raw = {side: F.coalesce(f"{side}_raw", f"{side}_text") for side in ("src", "tgt")}
    return {
        "id": _digest(F.col("corpus"), F.col("file"), F.col("line"), raw["src"], raw["tgt"]),
        "content_id": content_id(),
        "src_key": text_key(F.col("src_text")),
        "tgt_key": text_key(F.col("tgt_text")),
    }


def content_id() -> Column:
    """Of the pair and its normalised texts."""
    return _digest(*(F.col(name) for name in ("pair", "src_text", "tgt_text")))


def _digest(*parts: Column) -> Column:
    joined = F.concat_ws("\0", *(part.cast("string") for part in parts))
    return F.substring(F.sha2(joined, 256), 1, 32)


def text_key(text: Column) -> Column:
    """The same for texts that differ in case, or in the punctuation around them, only."""
    return F.xxhash64(F.btrim(F.lower(text), F.lit(" .!?…,;:\"'。！？।؟")))
