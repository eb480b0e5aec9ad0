"""The datasets of MI-EVAL: their columns, and the closed vocabulary of reasons for rejects.

MI-EVAL is multi-way: each item stands in every language under the same `id`. What a candidate was rejected for is told
by the stage that it came to: `instructions` (a task that the generator named), `instances` (the task with an input and
an answer), `languages` (its translations, and what else the finished item must pass).
"""

from __future__ import annotations

from schemas import instructions
from schemas.fields import Dataset, Field

SCHEMA_VERSION = "1"
STAGES = ("instructions", "instances", "languages")

# by stage, in the order in which the reasons are tried; the names are a public contract and never renamed
OF_INSTRUCTIONS: dict[str, str] = {
    "no_answer": "the generator's answer is empty",
    "refusal": "the generator refused to answer, or its provider's filter cut the answer",
    "malformed": "a piece of the answer that is not one of the numbered tasks",
    "cut_off": "the last piece of an answer that broke off at the limit of its length",
    "bad_start": "begins with punctuation, or with a character that is not ASCII",
    "too_few_words": "too few words for a task",
    "too_many_words": "too many words for a task",
    "prompt_injection": "speaks to a model that reads it as data: control tokens, or orders to ignore its own",
    "forbidden_word": "is about something that a language model cannot see, hear or draw",
    "program_task": "asks for a whole program, of which self-instruct found too many",
    "similar_to_seed": "nearly the same words as a seed (ROUGE-L)",
    "similar_to_kept": "nearly the same words as an instruction generated before (ROUGE-L)",
}
OF_INSTANCES: dict[str, str] = {
    "not_asked": "the budget was spent before the generator was asked for instances",
    "no_instance": "no input and output could be read from the generator's answer",
    "incomplete_instance": "the last instance of an answer that broke off at the limit of its length",
    "empty_output": "the instance has no output",
    "unfinished_output": "the output ends with a colon",
    "output_is_input": "the output is the input",
    "instance_injection": "the input or output holds control tokens of a chat, or orders to ignore others",
    "duplicate_instance": "the same input and output as an instance before it",
    "contradiction": "the task has instances with the same input and different outputs",
    "surplus_instance": "the task has more instances than are wanted of one",
}
OF_LANGUAGES: dict[str, str] = {
    "not_translatable": "a task that translation destroys (`detail` says which, as in the translation's routes)",
    **{
        name: meaning
        for name, meaning in instructions.REASONS.items()
        if name not in ("skipped", "empty_output")
    },
    "training_overlap": "overlaps with the training data, in the language that is named",
    "beyond_size": "passed, but the set was complete",
}
REASONS = OF_INSTRUCTIONS | OF_INSTANCES | OF_LANGUAGES

_FIELDS = (
    Field("instruction", "string", "what is asked"),
    Field("input", "string", "what it is asked of; empty where the instruction says it all"),
    Field("output", "string", "the reference answer; null where none was asked for", nullable=True),
)

MI_EVAL = Dataset(
    name="mi_eval",
    description="evaluation items that are the same in every language",
    fields=(
        Field(
            "id",
            "string",
            "hash of the English instruction and input: 32 hex digits, the same in every language",
        ),
        Field("lang", "string", "language (ISO 639-1)"),
        *_FIELDS,
        Field(
            "is_classification",
            "bool",
            "whether the task has a limited set of answers, as the generator says",
        ),
        Field("verb", "string", "root verb of the English instruction; null where the rules find none", True),
        Field("noun", "string", "the verb's direct object; null where there is none", True),
        Field(
            "seed_similarity",
            "float32",
            "highest ROUGE-L with a seed instruction; lower is newer",
            False,
            0,
            1,
        ),
        Field(
            "training_overlap",
            "float32",
            "highest share of a field's n-grams that stand in the training data, the seeds among it",
            False,
            0,
            1,
        ),
        Field("round", "int32", "round of generation, from 0", minimum=0),
        Field("generator", "string", "model that wrote the English item"),
        Field("request", "string", "hash of the request whose answer holds the item"),
        Field("engine", "string", "signature of the translation engine; empty for English"),
        Field("license", "string", "licence of the item (SPDX identifier, or `unknown`)"),
        Field("split", "string", "split", values=("test",)),
    ),
)

REJECTED_MI_EVAL = Dataset(
    name="rejected_mi_eval",
    description="candidates that did not become items, each with its reason",
    fields=(
        Field("id", "string", "hash of stage, request and place in its answer: 32 hex digits", unique=True),
        Field("stage", "string", "how far the candidate came", values=STAGES),
        Field("lang", "string", "language in which it failed (ISO 639-1); `en` before translation"),
        Field("instruction", "string", "what is asked (English), or the piece of an answer that is no task"),
        Field("input", "string", "what it is asked of"),
        Field("output", "string", "the answer", nullable=True),
        Field("reason", "string", "why (schemas/mi_eval.py)", values=tuple(REASONS)),
        Field(
            "detail", "string", "what exactly was wrong: the similar text, the word, other languages", True
        ),
        Field("round", "int32", "round of generation, from 0", minimum=0),
        Field("request", "string", "hash of the request whose answer holds the candidate"),
    ),
)
