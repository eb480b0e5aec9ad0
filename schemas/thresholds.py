"""The thresholds of the cleaning rules: every default, with the reason for it and where it comes from.

A threshold is looked up for a corpus and a pair: pair+corpus > pair > corpus > default (mozilla/translations has the
same precedence). `OVERRIDES` below are the built-in exceptions; a configuration adds its own (`overrides:`), and at the
same level of precedence the configuration wins. Rows whose margin is at least `margin.strict_from` must also pass
`STRICT`: the head of a mined corpus, sorted by margin, is its worst part (near-copies, hub sentences, wiki debris).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.spelling import did_you_mean


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Margin(_Group):
    min: float = Field(1.04, description="LASER margin; WikiMatrix's authors advise 1.04 for most pairs")
    strict_from: float = Field(1.15, description="from here up STRICT holds; the usual band ends near 1.13")


class Length(_Group):
    min_words: int = Field(
        2, description="of English; one is a label (bicleaner: 3). Arabic says much in one word"
    )
    max_words: int = Field(150, description="longer ones are paragraphs run together (OpusCleaner: 150)")
    min_chars: int = Field(3, description="for scripts without spaces (bicleaner: 3 characters for CJK)")
    max_chars: int = Field(350, description="for scripts without spaces: 150 words at about 2.3 characters")


class LengthRatio(_Group):
    min: float = Field(
        0.5, description="target / source characters, made comparable by the languages' factors"
    )
    max: float = Field(
        2.0, description="bicleaner, OpusFilter and stopes allow 3 to 9 on uncorrected lengths"
    )


class LongWord(_Group):
    max: int = Field(40, description="characters; OpusFilter's LongWordFilter: 40")


class Alphabet(_Group):
    min: float = Field(
        0.5, description="letters / characters other than spaces (OpusFilter: .75, OpusCleaner: .5)"
    )


class Digits(_Group):
    max: float = Field(0.3, description="digits / characters other than spaces (bicleaner: .5)")


class Script(_Group):
    min: float = Field(
        0.5,
        description="letters of the language's script (times its char_factor): half leaves room for names",
    )


class Copy(_Group):
    max: float = Field(0.7, description="1 - edit distance / longer side; unrelated Latin pairs lie near .3")


class Repetition(_Group):
    max: float = Field(
        0.3, description="share of the text that repeats the piece before it (OpusFilter: any)"
    )


class Markup(_Group):
    max: int = Field(0, description="pieces of markup in the raw text of either side")


class Boilerplate(_Group):
    max: int = Field(0, description="citation and navigation phrases of either side")


class BrokenText(_Group):
    max: int = Field(0, description="replacement characters and runs of mojibake left after the repair")


class Listing(_Group):
    max: float = Field(0.5, description="separators per word, worse side: above it a list, not a sentence")


class TitleCase(_Group):
    max: float = Field(0.8, description="share of capitalised words on a cased side without a full stop")


class Numbers(_Group):
    min: float = Field(
        0.4,
        description="(common + 1) / (differing + 1); OpusCleaner asks 1.0, which drops 'three' against '3'",
    )


class Urls(_Group):
    max: int = Field(0, description="URLs and e-mail addresses that stand on one side only")


class Brackets(_Group):
    max: int = Field(2, description="brackets left open, plus the difference between the sides")


class Punctuation(_Group):
    max: int = Field(2, description="difference in sentence ends, plus 1 for a question against a statement")


class Lid(_Group):
    min_src: float = Field(
        0.2,
        description="probability of the claimed language where another is more probable; below .01 it counts as 0 "
        "(FineWeb: .65 for pages)",
    )
    min_tgt: float = Field(
        0.2, description="the same of the target; low, for sentences are short and languages close"
    )
    sure: float = Field(
        0.4, description="probability from which another language is believed (Tatoeba: below, mostly good)"
    )


class Contamination(_Group):
    max: float = Field(0.4, description="share of a side's n-grams that stand in an evaluation set")


class Hub(_Group):
    max_partners: int = Field(
        3, description="different counterparts of one text in mined corpora, within a pair"
    )


class Thresholds(_Group):
    """All thresholds; a score equal to its threshold passes."""

    margin: Margin = Margin()
    length: Length = Length()
    length_ratio: LengthRatio = LengthRatio()
    long_word: LongWord = LongWord()
    alphabet: Alphabet = Alphabet()
    digits: Digits = Digits()
    script: Script = Script()
    copy_: Copy = Field(Copy(), alias="copy")
    repetition: Repetition = Repetition()
    markup: Markup = Markup()
    boilerplate: Boilerplate = Boilerplate()
    broken_text: BrokenText = BrokenText()
    listing: Listing = Listing()
    title_case: TitleCase = TitleCase()
    numbers: Numbers = Numbers()
    urls: Urls = Urls()
    brackets: Brackets = Brackets()
    punctuation: Punctuation = Punctuation()
    lid: Lid = Lid()
    contamination: Contamination = Contamination()
    hub: Hub = Hub()


Flat = dict[str, float]


def flatten(nested: Mapping[str, Any]) -> Flat:
    """`{"margin": {"min": 1.04}}` -> `{"margin.min": 1.04}`."""
    return {f"{group}.{key}": value for group, values in nested.items() for key, value in values.items()}


def check_keys(thresholds: Mapping[str, Mapping[str, float]]) -> None:
    """Raises `ValueError` for keys that are no thresholds, with the nearest one."""
    known = flatten(Thresholds().model_dump(by_alias=True))
    faults = [
        f"{key}: unknown threshold{did_you_mean(key, known)}"
        for key in flatten(thresholds)
        if key not in known
    ]
    if faults:
        raise ValueError("\n".join(faults))


class Override(_Group):
    """Thresholds for one corpus, one pair, or one pair of one corpus."""

    corpus: str | None = None
    pair: str | None = None
    thresholds: dict[str, dict[str, float]]

    @field_validator("thresholds")
    @classmethod
    def _known(cls, thresholds: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        check_keys(thresholds)
        return thresholds

    @property
    def precedence(self) -> int:
        return (2 if self.pair else 0) + (1 if self.corpus else 0)


OVERRIDES: tuple[Override, ...] = (
    # Chinese is dense, so digits weigh more ("2013年10月20日"), and news glosses names in brackets: (Matt Damon)
    Override(
        pair="en-zh", thresholds={"alphabet": {"min": 0.35}, "digits": {"max": 0.5}, "brackets": {"max": 6}}
    ),
    # OPUS aligns Arabic and Hindi paragraphs with a part of the English (words 1.36 and 1.62 times the English ones,
    # against .92 and 1.18 in WikiMatrix), and half of it trains a model to invent: hold the window close
    Override(corpus="News-Commentary", thresholds={"length_ratio": {"min": 0.6, "max": 1.7}}),
    Override(corpus="News-Commentary", pair="en-ar", thresholds={"length_ratio": {"min": 0.6, "max": 1.5}}),
    Override(corpus="News-Commentary", pair="en-hi", thresholds={"length_ratio": {"min": 0.6, "max": 1.5}}),
)

STRICT: dict[str, dict[str, float]] = {
    # of the 50 rows with the highest margin only 11 (tr) to 41 (el) are usable: copies, titles, lookalikes
    "length": {"min_words": 4, "min_chars": 6},
    "copy": {"max": 0.5},
    "script": {"min": 0.8},
    "numbers": {"min": 1.0},
    "lid": {"min_src": 0.6, "min_tgt": 0.6},
}


def resolve(
    default: Thresholds,
    overrides: Iterable[Override],
    strict: Mapping[str, Mapping[str, float]],
    corpus: str,
    pair: str,
) -> tuple[Flat, Flat]:
    """The thresholds in force for a corpus and a pair: `(normal, strict)`, both complete and flat.

    Corpus names match without regard to case.
    """
    normal = flatten(default.model_dump(by_alias=True))
    fitting = [
        override
        for override in (*OVERRIDES, *overrides)
        if (override.corpus is None or override.corpus.lower() == corpus.lower())
        and (override.pair is None or override.pair == pair)
    ]
    for override in sorted(fitting, key=lambda o: o.precedence):  # stable: at one level, the later wins
        normal |= flatten(override.thresholds)
    return normal, normal | flatten(strict)
