"""The datasets of tokenised rows, which training reads: their columns, and the reasons for rejects.

A row is one training example: what is asked (`input_ids[:prompt_tokens]`, without loss) and the answer, which is
learned. Lengths are columns of their own, so that packing can be planned without reading tokens, and is never stored.
"""

from __future__ import annotations

from schemas.fields import Dataset, Field

SCHEMA_VERSION = "1"
TASKS = ("general", "translation", "text")

# why a row was not kept, in the order in which the reasons are tried; the names are a public contract, never renamed
REASONS: dict[str, str] = {
    "not_single_turn": "messages that do not end with one of a user and one of the assistant (chat template only)",
    "control_token": "a control token of the tokenizer stands in the text, and would be taken for one",
    "template_refusal": "the chat template refuses the messages, or fails on them",
    "no_boundary": "the chat template changes what was asked once the answer is there: where it begins cannot be told",
    "empty_response": "the answer has no tokens",
    "empty_text": "a document without tokens",
    "broken_document": "a line or row of a text file that is no document (invalid UTF-8 or JSON, or no text)",
    "too_long": "longer than the greatest length, where the configuration says to reject it",
    "no_response_left": "the question alone fills the greatest length: nothing of the answer is left",
    "over_english_share": "English text beyond its share (pre-training)",
}

IDENTITY = (
    Field("id", "string", "id of the instruction row, or of the document and the number of the piece"),
    Field("lang", "string", "language of the row (ISO 639-1)"),
    Field("task", "string", "what is trained on", values=TASKS),
    Field(
        "direction", "string", "translation: source and target, as in en-zh; null otherwise", nullable=True
    ),
)

TOKENS = Dataset(
    name="tokens",
    description="tokenised training examples",
    fields=(
        *IDENTITY,
        Field("input_ids", "list<int32>", "tokens: those of the question, then those of the answer"),
        Field("length", "int32", "number of input_ids", minimum=2),
        Field(
            "prompt_tokens",
            "int32",
            "tokens at the beginning that are not learned: question and start of text",
            minimum=1,
        ),
        Field("full_length", "int32", "tokens before the answer's end was cut off", minimum=2),
        Field(
            "unknown",
            "int32",
            "tokens that stand for characters the tokenizer does not know; 0 is good",
            False,
            0,
        ),
        Field("characters", "int32", "characters of the answer, before it was cut", minimum=0),
        Field("words", "int32", "words of the answer (parts between spaces), before it was cut", minimum=0),
    ),
)

REJECTED_TOKENS = Dataset(
    name="rejected_tokens",
    description="rows that cannot be trained on, each with its reason",
    fields=(
        *IDENTITY,
        Field("full_length", "int32", "tokens, where they were counted", True, 0),
        Field("reason", "string", "why (schemas/tokens.py)", values=tuple(REASONS)),
        Field("detail", "string", "what exactly was wrong", nullable=True),
    ),
)


def output_language(lang: str, direction: str | None) -> str:
    """The language that a row's answer is in."""
    return direction.split("-")[1] if direction else lang
