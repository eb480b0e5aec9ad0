"""The datasets of translated instructions: their columns, and the closed vocabulary of reasons for rejects.

One row for each English record and language, English included: rows with the same `source_id` are translations of one
another. The thresholds stand in `schemas/translation.py`.
"""

from __future__ import annotations

from schemas.fields import Dataset, Field

SCHEMA_VERSION = "1"
ROUTES = ("translate", "instruction_only", "keep_english", "skip")

# why a record was not translated, or its translation rejected, in the order in which the reasons are tried; the names
# are a public contract and never renamed
REASONS: dict[str, str] = {
    # the record itself (pipelines/translation/records.py)
    "broken_record": "no JSON, or not an object with fields",
    "missing_field": "the instruction or the output is missing",
    "not_a_string": "a field that is no text",
    "invalid_text": "invalid UTF-8 or lone surrogates",
    "not_single_turn": "messages that are not one of a user and one of the assistant",
    "too_long": "a field of more characters than allowed",
    "empty_instruction": "the instruction is empty",
    "empty_output": "the output is empty",
    "generator_marker": "the output holds <noinput> or <nooutput> instead of an answer",
    "merged_records": "further numbered tasks run on in the same field",
    # the task (pipelines/translation/routing.py)
    "skipped": "a task that translation destroys, and the configuration skips (`route_reason` says which)",
    # the translation (pipelines/translation/checks.py)
    "truncated": "a segment was cut by the engine, or too long for it",
    "empty_translation": "a sentence came back without words",
    "lost_spans": "protected spans are missing, or others made up",
    "lost_quotes": "a phrase that one field quotes of another is not the same in both",
    "unknown_tokens": "characters that the engine cannot write (`<unk>`)",
    "repetition": "words repeated over and over",
    "loop": "text that compresses much better than its source: a piece of it repeated on end",
    "copy": "the translation is the English text, or nearly",
    "wrong_script": "too few letters of the language's own script",
    "wrong_language": "language identification does not confirm the target language",
    "too_short": "a field too short for its source: something was left out",
    "too_long_translation": "a field too long for its source: something was made up",
    "lost_words": "a sentence far too short for its source: a part of it was left out",
    "added_sentences": "the translation holds more sentences than the source",
    "number_mismatch": "the numbers of source and translation differ",
    "low_score": "the engine's own probability is too low",
    "round_trip": "translated back, the text has too little in common with the source",
}

IDENTITY = (
    Field("id", "string", "hash of source_id, language and engine: 32 hex digits", unique=True),
    Field("source_id", "string", "hash of file name, index and raw record: 32 hex digits"),
    Field("file", "string", "file the English record comes from"),
    Field("index", "int64", "its place in that file, from 0", minimum=0),
    Field("lang", "string", "language (ISO 639-1)"),
    Field("instruction", "string", "what is asked"),
    Field("input", "string", "what it is asked of; empty where the instruction says it all"),
    Field("output", "string", "the answer"),
    Field("license", "string", "licence of the English records (SPDX identifier, or `unknown`)"),
    Field("engine", "string", "signature of the engine; empty where nothing was translated"),
    Field("route", "string", "what was to be translated (skip: nothing)", values=ROUTES),
    Field("route_reason", "string", "why a task was not translated whole; null where it was", nullable=True),
    Field("flags", "list<string>", "what was normalised in the English record: no_input", True),
)

# null where the fields hold no words to judge (a row that is all code), and for a row that was not translated
SCORES = (
    Field("lid", "string", "language identified in the translation (the LID model's label)", True),
    Field("lid_prob", "float32", "its probability", True, 0, 1),
    Field("lid_claimed", "float32", "probability of the target language; higher is better", True, 0, 1),
    Field(
        "script_share",
        "float32",
        "letters in the language's script (times its char_factor) / letters, worst field; higher is better",
        True,
        0,
        1,
    ),
    Field(
        "length_ratio",
        "float32",
        "target / source characters after the language's factor, worst field; 1 is expected",
        True,
        0,
    ),
    Field("shortest_segment", "float32", "the lowest length ratio of a segment; 1 is expected", True, 0),
    Field("sentence_ratio", "float32", "(target + 1) / (source + 1) sentences; 1 is expected", True, 0),
    Field(
        "repetition",
        "float32",
        "share of repeated 4-grams that the source does not repeat; lower is better",
        True,
        0,
        1,
    ),
    Field(
        "compression",
        "float32",
        "compression ratio of the translation / of its source, worst field; about 1 is expected",
        True,
        0,
    ),
    Field(
        "copy",
        "float32",
        "share of the translated segments that came back as they were; lower is better",
        True,
        0,
        1,
    ),
    Field(
        "number_overlap",
        "float32",
        "(common + 1) / (differing + 1) numbers, worst field; higher is better",
        True,
        0,
    ),
    Field("lost_spans", "int32", "protected spans missing or made up; 0 is good", True, 0),
    Field("lost_quotes", "int32", "quotations that differ between fields; 0 is good", True, 0),
    Field(
        "around",
        "int32",
        "segments whose words were translated around protected spans; lower is better",
        True,
        0,
    ),
    Field("unknown_tokens", "int32", "tokens the engine could not write; 0 is good", True, 0),
    Field("truncated", "int32", "segments that the engine cut; 0 is good", True, 0),
    Field("empty_segments", "int32", "segments that came back without words; 0 is good", True, 0),
    Field("score", "float32", "mean log-probability of a target token; nearer 0 is better", True, None, 0),
    Field("worst_score", "float32", "the same of the worst segment", True, None, 0),
    Field(
        "round_trip",
        "float32",
        "chrF of source and back-translation; higher is better; null if not asked for",
        True,
        0,
        100,
    ),
    Field(
        "retry",
        "string",
        "other decoding that was tried, which gave this translation; null for the first",
        True,
    ),
)

INSTRUCTIONS = Dataset(
    name="instructions",
    description="translated instruction records",
    fields=(*IDENTITY, *SCORES, Field("split", "string", "split", values=("train", "validation", "test"))),
)

REJECTED_INSTRUCTIONS = Dataset(
    name="rejected_instructions",
    description="records that were not translated, and translations that failed, each with its reason",
    fields=(
        *IDENTITY,
        *SCORES,
        Field("reason", "string", "why (schemas/instructions.py)", values=tuple(REASONS)),
        Field("detail", "string", "what exactly was wrong with an unusable record", nullable=True),
        Field("raw", "string", "an unusable record as it stands in the file", nullable=True),
    ),
)
