"""The datasets of mixtures: their columns, and the closed vocabulary of reasons for rejects.

A row is one example that a trainer learns from, in Alpaca's fields and as `messages`. It comes from one record (a
general task) or from one or more sentence pairs of a document (a translation task), and may stand in many mixtures:
its `id` is the same in all of them.
"""

from __future__ import annotations

from schemas.fields import Dataset, Field
from schemas.instructions import REASONS as RECORD_REASONS

SCHEMA_VERSION = "1"
TASKS = ("general", "translation")
SPLITS = ("train", "validation")

# why a row of a source cannot be an example, in the order in which the reasons are tried; the names are a public
# contract and never renamed
REASONS: dict[str, str] = {
    # an instruction file's record itself (pipelines/translation/records.py)
    **{
        name: RECORD_REASONS[name]
        for name in (
            "broken_record",
            "missing_field",
            "not_a_string",
            "invalid_text",
            "not_single_turn",
            "too_long",
            "empty_instruction",
            "empty_output",
            "generator_marker",
            "merged_records",
        )
    },
    # a translated record (pipelines/mixture/sources.py)
    "kept_english": "a task that translation destroys stayed English: it is in the English part, and not in this one",
    # the example (pipelines/mixture/decide.py)
    "held_out": "of the source's test split, which is for testing alone",
    "license": "the licence is not among `licenses.allow`",
    "wrong_script": "too few letters of the language's own script",
    "wrong_language": "language identification does not confirm the language",
    "too_many_tokens": "more tokens than `tokenizer.max_tokens`: a trainer would cut the answer",
    "contaminated": "overlaps with an evaluation set",
    # among all examples (pipelines/mixture/decide.py)
    "duplicate": "the same texts as an example of a set that comes first",
    "straddles": "its English text, record or cluster stands in a split that is held out more strictly",
}

_SOURCE_IDS = Field(
    "source_ids", "list<string>", "ids of the rows it was made from, in the order of the text"
)
_TEXTS = (
    Field("instruction", "string", "what is asked"),
    Field("input", "string", "what it is asked of; empty where the instruction says it all"),
    Field("output", "string", "the answer: what the loss is taken on"),
)
_ORIGIN = (
    Field("source", "string", "name of the instruction set in the configuration, or `parallel`"),
    Field("license", "string", "licence of the source rows (SPDX identifier, or `unknown`)"),
)

INSTRUCTIONS = Dataset(
    name="mixture",
    description="training examples, one folder for each mixture",
    fields=(
        Field("id", "string", "hash of task, language, direction and source ids: 32 hex digits"),
        _SOURCE_IDS,
        Field(
            "lang", "string", "language of a general task; of a translation task the one that is not English"
        ),
        Field("task", "string", "kind of task", values=TASKS),
        Field("direction", "string", "of a translation task, source language first (en-zh)", True),
        *_TEXTS,
        Field("messages", "messages", "the same as a conversation: a user's turn and the assistant's"),
        *_ORIGIN,
        Field(
            "pairs", "int32", "sentence pairs that a translation task holds; 0 for a general one", minimum=0
        ),
        Field(
            "tokens",
            "int32",
            "tokens of all texts, without a trainer's template; null without a tokenizer",
            True,
            1,
        ),
        Field("output_tokens", "int32", "those of the output", True, 0),
        Field("byte_tokens", "int32", "tokens that stand for single bytes, or for what is unknown", True, 0),
        Field(
            "repeat",
            "int32",
            "0 for the first time that the row stands in its mixture's split, then 1, 2, ...",
            minimum=0,
        ),
        Field(
            "keys",
            "list<string>",
            "hashes of what may not stand in two splits: English texts, record, clusters",
        ),
        Field("split", "string", "split", values=SPLITS),
    ),
)

REJECTED = Dataset(
    name="rejected_examples",
    description="rows of the sources that cannot be examples, each with its reason",
    fields=(
        _SOURCE_IDS,
        Field("lang", "string", "language, as above"),
        Field("task", "string", "kind of task", values=TASKS),
        Field("direction", "string", "of a translation task; null where it is the same for all", True),
        *_TEXTS,
        *_ORIGIN,
        Field("tokens", "int32", "as above", True, 0),
        Field("reason", "string", "why (schemas/mixture.py)", values=tuple(REASONS)),
        Field(
            "detail", "string", "what exactly: the language identified, the evaluation set, the fault", True
        ),
    ),
)
