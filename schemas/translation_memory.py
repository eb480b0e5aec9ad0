"""What the translation memory holds: one row for each segment that an engine has translated."""

from __future__ import annotations

from schemas.fields import Dataset, Field

SEGMENTS = Dataset(
    "segments",
    "Texts to translate.",
    (
        Field("src", "string", "language of the text (ISO 639-1)"),
        Field("tgt", "string", "language to translate it into (ISO 639-1)"),
        Field("text", "string", "what is translated"),
    ),
)

TRANSLATIONS = Dataset(
    "translations",
    "Segments with their translations, by one engine with one way of decoding.",
    (
        Field("key", "string", "hash of engine, decoding, languages and text", unique=True),
        *SEGMENTS.fields,
        Field("translation", "string", "empty if the source was too long"),
        Field("score", "float64", "mean log-probability of a target token, to two decimals", maximum=0),
        Field("source_tokens", "int32", "text tokens of the source", minimum=0),
        Field("target_tokens", "int32", "text tokens of the translation", minimum=0),
        Field("source_unknown", "int32", "tokens of the source that the model does not know", minimum=0),
        Field("target_unknown", "int32", "tokens of the translation that stand for no text", minimum=0),
        Field("source_truncated", "bool", "the source was too long to be translated"),
        Field("target_truncated", "bool", "the translation was cut at the longest that decoding allows"),
        Field("made_by", "string", "library with its version, device, and type of computation"),
    ),
)
