"""Translating instructions: what becomes of which task, when a translation fails, and what is tried then.

Every default stands here with its reason and where it comes from.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from schemas.section import Section
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


class RoutingConfig(Section):
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


class Checks(Section):
    """The thresholds of the checks; a score equal to its threshold passes."""

    truncated: float = Field(0, description="segments the engine cut: half a sentence is a wrong one")
    empty_segments: float = Field(0, description="segments that came back without words: a sentence is lost")
    lost_spans: float = Field(
        0, description="protected spans missing or made up: a wrong URL is worse than no row"
    )
    lost_quotes: float = Field(0, description="quotations that differ between fields")
    unknown_tokens: float = Field(
        0, description="NLLB lacks common Chinese characters and 《》 (facebookresearch/fairseq#4560)"
    )
    repetition: float = Field(
        0.3, description="share of repeated n-grams beyond the source's; cleaning rejects from .3, too"
    )
    compression: float = Field(
        2.0,
        description="compression ratio of the text / the source's; Whisper takes 2.4 for a loop, whatever the source",
    )
    copy_: float = Field(
        0.5,
        alias="copy",
        description="share of the words that came back as they were; half leaves room for names",
    )
    script_share: float = Field(0.5, description="letters of the language's script, as in cleaning")
    lid_claimed: float = Field(
        0.2,
        description="probability of the target language where another is sure (`lid_sure`), as in cleaning",
    )
    lid_sure: float = Field(
        0.4, description="probability from which another language is believed, as in cleaning"
    )
    length_ratio_min: float = Field(0.5, description="characters after the language's factor, as in cleaning")
    length_ratio_max: float = Field(2.0, description="the same")
    shortest_segment: float = Field(
        0.4,
        description="length ratio of one sentence; NLLB drops the later parts of long ones (fairseq#5549)",
    )
    sentence_ratio: float = Field(
        1.7,
        description="(target + 1) / (source + 1) sentences: a translator parts one in two, a hallucination goes on",
    )
    number_overlap: float = Field(0.4, description="as in cleaning; numbers may be spelled out")
    score: float = Field(
        -2.5,
        description="mean log-probability of a token; NLLB's good translations lie near -0.5, rubbish below -2",
    )
    round_trip: float = Field(
        25.0, description="chrF of the back-translation, if asked for; unrelated texts lie below 20"
    )


# reason -> the comparisons that must all hold for it: (score, sign, key of `Checks`). A null score fails no check
CONDITIONS: dict[str, tuple[tuple[str, Literal["<", ">"], str], ...]] = {
    "truncated": (("truncated", ">", "truncated"),),
    "empty_translation": (("empty_segments", ">", "empty_segments"),),
    "lost_spans": (("lost_spans", ">", "lost_spans"),),
    "lost_quotes": (("lost_quotes", ">", "lost_quotes"),),
    "unknown_tokens": (("unknown_tokens", ">", "unknown_tokens"),),
    "repetition": (("repetition", ">", "repetition"),),
    "loop": (("compression", ">", "compression"),),
    "copy": (("copy", ">", "copy_"),),
    "wrong_script": (("script_share", "<", "script_share"),),
    # a sure other language; the claimed one's label has at least the probability of the surest, if it is the surest
    "wrong_language": (("lid_claimed", "<", "lid_claimed"), ("lid_prob", ">", "lid_sure")),
    "too_short": (("length_ratio", "<", "length_ratio_min"),),
    "too_long_translation": (("length_ratio", ">", "length_ratio_max"),),
    "lost_words": (("shortest_segment", "<", "shortest_segment"),),
    "added_sentences": (("sentence_ratio", ">", "sentence_ratio"),),
    "number_mismatch": (("number_overlap", "<", "number_overlap"),),
    "low_score": (("score", "<", "score"),),
    "round_trip": (("round_trip", "<", "round_trip"),),
}


class Retry(Section):
    """Another way to translate a failed row: other decoding, shorter segments, or both."""

    decoding: dict[str, float] = Field({}, description="keys of the engine's decoding and their values")
    limit: float | None = Field(None, description="estimated tokens of a segment")


RETRIES: dict[str, Retry] = {
    "ngram_block": Retry(decoding={"no_repeat_ngram_size": 4}),
    "wide_search": Retry(decoding={"beam_size": 8, "patience": 4.0}),
    # a sentence of two clauses comes in two; one that cannot be cut is at least searched for more widely
    "short_segments": Retry(limit=40, decoding={"beam_size": 8, "patience": 4.0}),
}
# what is tried once for a row that failed for a reason; other reasons are not a matter of search
RETRY_OF: dict[str, str] = {
    "truncated": "short_segments",
    "empty_translation": "wide_search",
    "lost_spans": "wide_search",
    "repetition": "ngram_block",
    "loop": "ngram_block",
    "copy": "wide_search",
    "wrong_script": "wide_search",
    "wrong_language": "wide_search",
    "too_short": "short_segments",
    "too_long_translation": "ngram_block",
    "lost_words": "short_segments",
    "added_sentences": "wide_search",
    "number_mismatch": "wide_search",
    "low_score": "wide_search",
    "round_trip": "wide_search",
}
