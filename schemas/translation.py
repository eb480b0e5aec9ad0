"""Translating instructions: what becomes of which task, when a translation fails, and what is tried then.

Every default stands here with its reason and where it comes from.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.spelling import did_you_mean

Route = Literal["translate", "instruction_only", "keep_english", "skip"]

# why a task cannot simply be translated (pipelines/translation/routing.py): what it is, and the default route. An
# instruction alone is translated where the task stays whole about its English input: "mend this sentence", in Turkish
ROUTE_REASONS: dict[str, tuple[str, Route]] = {
    "foreign_text": (
        "a field is written in another script than Latin, so another language is part of the task",
        "keep_english",
    ),
    "translation": ("translation into, from or between named languages", "instruction_only"),
    "language": ("the English language itself, or the language of a text, is the subject", "keep_english"),
    "grammar": ("mistakes in grammar, spelling or punctuation are to be found or mended", "instruction_only"),
    "verse": ("rhyme and metre: poems, songs, raps", "keep_english"),
    "wordplay": ("puns, tongue twisters, portmanteaus", "keep_english"),
    "letters": ("letters and syllables of words: counting, beginnings, anagrams, acronyms", "keep_english"),
    "letter_case": ("capital and small letters, which most scripts do not have", "instruction_only"),
    "alphabetical": ("alphabetical order", "instruction_only"),
    "word_count": ("an exact number of words or characters, or counting them", "keep_english"),
    "word_order": ("words or sentences to be put in order or joined", "instruction_only"),
    "morphology": ("parts of speech, tense, voice, number, person, articles", "instruction_only"),
    "vocabulary": ("synonyms, antonyms, rhyming words, the use of one word", "keep_english"),
    "word_limit": ("a limit on the number of words, which a translation keeps about", "translate"),
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoutingConfig(_Section):
    """What becomes of a task that translation destroys."""

    routes: dict[str, Route] = Field(
        {}, description="reason -> route, where another is wanted than the default in schemas/translation.py"
    )

    @field_validator("routes")
    @classmethod
    def _known(cls, routes: dict[str, Route]) -> dict[str, Route]:
        unknown = [reason for reason in routes if reason not in ROUTE_REASONS]
        if unknown:
            raise ValueError(
                "\n".join(
                    f"{reason}: unknown reason{did_you_mean(reason, ROUTE_REASONS)}" for reason in unknown
                )
            )
        return routes

    def route(self, reason: str | None) -> Route:
        if reason is None:
            return "translate"
        return self.routes.get(reason, ROUTE_REASONS[reason][1])
