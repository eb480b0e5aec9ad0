"""The parallel dataset: its columns, their meaning and constraints, declared once.

The Arrow and Spark schemas, the audit's expectations and the dataset card are derived from these declarations.
A score says what it measures, its range, and which direction is good; its threshold stands in `schemas/thresholds.py`.
"""

from __future__ import annotations

from schemas.fields import Dataset, Field

SCHEMA_VERSION = "1"
SPLITS = ("train", "validation", "test")

IDENTITY = (
    Field("id", "string", "hash of corpus, file name, line and raw text: 32 hex digits", unique=True),
    Field("content_id", "string", "hash of pair and normalised texts: 32 hex digits"),
    Field("pair", "string", "language pair, English first"),
    Field("src_lang", "string", "source language (ISO 639-1)"),
    Field("tgt_lang", "string", "target language (ISO 639-1)"),
    Field("src_text", "string", "source text, normalised; empty where the line holds none"),
    Field("tgt_text", "string", "target text, normalised; empty where the line holds none"),
    Field("corpus", "string", "corpus the row comes from"),
    Field("file", "string", "file name (and the member's, in an archive)"),
    Field("line", "int64", "line in that file (translation unit in TMX, row in Parquet), from 1", minimum=1),
    Field("doc", "int32", "document in that file, from 1, where the format tells", nullable=True, minimum=1),
    Field("license", "string", "licence of the corpus (SPDX identifier, or `unknown`)"),
)

SCORES = (
    Field(
        "margin",
        "float64",
        "LASER margin score; higher is more likely a translation; null where not mined",
        True,
    ),
    Field("src_length", "int32", "words of the source (characters in a script without spaces)", True, 0),
    Field("tgt_length", "int32", "words of the target (characters in a script without spaces)", True, 0),
    Field(
        "length_ratio",
        "float32",
        "target / source characters after the languages' factors; 1 is expected",
        True,
        0,
    ),
    Field(
        "longest_word", "int32", "characters of the longest word of a spaced side; lower is better", True, 0
    ),
    Field(
        "alphabet_share",
        "float32",
        "letters / characters but spaces, worse side; higher is better",
        True,
        0,
        1,
    ),
    Field(
        "digit_share", "float32", "digits / characters but spaces, worse side; lower is better", True, 0, 1
    ),
    Field(
        "src_script_share",
        "float32",
        "letters in the language's script (times its char_factor) / letters; higher is better",
        True,
        0,
        1,
    ),
    Field(
        "tgt_script_share",
        "float32",
        "letters in the language's script (times its char_factor) / letters; higher is better",
        True,
        0,
        1,
    ),
    Field("copy", "float32", "1 - edit distance / longer side, case folded; lower is better", True, 0, 1),
    Field(
        "repetition",
        "float32",
        "share of a side that repeats the piece before it; lower is better",
        True,
        0,
        1,
    ),
    Field("markup", "int32", "tags, templates and link syntax in the raw texts; 0 is good", True, 0),
    Field("boilerplate", "int32", "citation and navigation phrases; 0 is good", True, 0),
    Field("broken_text", "int32", "replacement characters and mojibake after repair; 0 is good", True, 0),
    Field("listing", "float32", "separators per word, worse side; lower is better", True, 0),
    Field("title_case", "float32", "share of capitalised words, no full stop; lower is better", True, 0, 1),
    Field("number_overlap", "float32", "(common + 1) / (differing + 1) numbers; higher is better", True, 0),
    Field("url_mismatch", "int32", "URLs and e-mails on one side only; 0 is good", True, 0),
    Field(
        "bracket_mismatch",
        "int32",
        "brackets left open and differing between sides; lower is better",
        True,
        0,
    ),
    Field(
        "terminal_mismatch",
        "int32",
        "difference in sentence ends and in kind of ending; lower is better",
        True,
        0,
    ),
    Field("lid_src", "string", "language identified in the source (the LID model's label)", True),
    Field("lid_src_prob", "float32", "its probability", True, 0, 1),
    Field(
        "lid_src_claimed",
        "float32",
        "probability of the claimed source language; higher is better",
        True,
        0,
        1,
    ),
    Field("lid_tgt", "string", "language identified in the target (the LID model's label)", True),
    Field("lid_tgt_prob", "float32", "its probability", True, 0, 1),
    Field(
        "lid_tgt_claimed",
        "float32",
        "probability of the claimed target language; higher is better",
        True,
        0,
        1,
    ),
    Field(
        "zh_script", "string", "script of a Chinese target", True, values=("Hans", "Hant", "mixed", "either")
    ),
    Field(
        "contamination", "float32", "share of a side's n-grams that stand in an evaluation set", True, 0, 1
    ),
    Field("contaminated_by", "string", "the evaluation set with the most of them", True),
    Field("flags", "list<string>", "findings that reject nothing: email, phone, card, profanity"),
)

CLUSTER = Field("cluster_id", "string", "content_id of the row that represents this row's duplicates")

PARALLEL = Dataset(
    name="parallel",
    description="kept rows",
    fields=(
        *IDENTITY,
        *SCORES,
        CLUSTER,
        Field("split", "string", "split", values=SPLITS),
    ),
)

REJECTED = Dataset(
    name="rejected",
    description="rejected rows, each with its reason",
    fields=(
        *IDENTITY,
        *SCORES,
        CLUSTER,
        Field("reason", "string", "why the row was rejected (schemas/reasons.py)"),
        Field("detail", "string", "what exactly was wrong with a malformed line", nullable=True),
    ),
)

SCORED = Dataset(
    name="scored",
    description="every row with its scores, before any decision",
    fields=(
        *IDENTITY,
        *SCORES,
        Field("detail", "string", "what exactly was wrong with a malformed line", nullable=True),
        Field("row", "int64", "order of the row in the run's inputs: input index * 2^40 + line"),
        Field("src_key", "int64", "hash of the source's letters and digits, case folded", nullable=True),
        Field("tgt_key", "int64", "hash of the target's letters and digits, case folded", nullable=True),
        Field(
            "bands",
            "list<int32>",
            "MinHash bands over both sides, for near-duplicate detection",
            nullable=True,
        ),
    ),
)
