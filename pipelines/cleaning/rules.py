"""The rule scores: what each measures, as one Spark expression a score.

They stand on the normalised texts `src_text` and `tgt_text`, on the character counts of each (arrays `src_chars` and
`tgt_chars` in the order of `characters.COUNTS`), and on the numbers of each (`numbers`). Markup and boiler-plate are
counted in `phrases.py`. An empty text scores like any other: the
decision rejects it first. Ranges and directions stand in `schemas/parallel.py`, thresholds in `schemas/thresholds.py`.
The measures follow OpusFilter (Aulamo et al., ACL 2020), bicleaner-hardrules and OpusCleaner, named at each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.cleaning.characters import COUNTS
from pipelines.numbers import NUMBER, OTHER_DIGITS, THOUSANDS
from schemas.languages import Language


def rule_scores(languages: Mapping[str, Language]) -> dict[str, Column]:
    """Every rule score by column name. `languages` are the run's; `src_lang` and `tgt_lang` select among them."""
    src, tgt = _Side("src", languages), _Side("tgt", languages)
    return {
        "src_length": src.length,
        "tgt_length": tgt.length,
        # 10 is added to both, so that short texts may differ by a word
        "length_ratio": ((tgt.weight + 10) / (src.weight + 10)).cast("float"),
        "longest_word": F.greatest(src.longest_word, tgt.longest_word),
        "alphabet_share": F.least(src.share("letters", "marks"), tgt.share("letters", "marks")),
        "digit_share": F.greatest(src.share("digits"), tgt.share("digits")),
        "src_script_share": src.script_share,
        "tgt_script_share": tgt.script_share,
        "repetition": F.greatest(src.share("repeated"), tgt.share("repeated")),
        "broken_text": src.count("broken") + tgt.count("broken"),
        "listing": F.greatest(src.listing, tgt.listing),
        "title_case": src.title_case,
        "number_overlap": _number_overlap(),
        "url_mismatch": _url_mismatch(src.text, tgt.text),
        "bracket_mismatch": _bracket_mismatch(src, tgt),
        "terminal_mismatch": _terminal_mismatch(src, tgt),
    }


def _count(side: str, name: str) -> Column:
    return F.col(f"{side}_chars")[COUNTS.index(name)]


class _Side:
    """One side of a pair, and the scores that look at one side alone."""

    def __init__(self, side: str, languages: Mapping[str, Language]) -> None:
        self.text = F.col(f"{side}_text")
        self.lang = F.col(f"{side}_lang")
        self._side = side
        spaced = sorted(code for code, language in languages.items() if language.spaced)
        self._spaced = self.lang.isin(spaced)
        self._solid = self.count("length") - self.count("spaces")
        self._words = F.when(self.count("length") > 0, self.count("spaces") + 1).otherwise(0)
        self._factor = self.by_language({code: F.lit(lang.char_factor) for code, lang in languages.items()})

    def count(self, name: str) -> Column:
        return _count(self._side, name)

    def by_language(self, values: Mapping[str, Column]) -> Column:
        expression = F.when(F.lit(False), next(iter(values.values())))
        for code, value in values.items():
            expression = expression.when(self.lang == code, value)
        return expression

    @property
    def length(self) -> Column:
        """Words; characters in a script without spaces."""
        return F.when(self._spaced, self._words).otherwise(self._solid)

    @property
    def weight(self) -> Column:
        """Characters, made comparable by the language's factor (stopes)."""
        return self.count("length") * self._factor

    @property
    def longest_word(self) -> Column:
        """Characters of the longest word (OpusFilter LongWord); 0 in a script without spaces, and with a URL."""
        return F.when(
            self._spaced & ~F.contains(self.text, F.lit("://")), self.count("longest_word")
        ).otherwise(0)

    def share(self, *names: str) -> Column:
        """Share of some characters among those that are no spaces (OpusFilter AlphabetRatio, bicleaner)."""
        found = self.count(names[0])
        for name in names[1:]:
            found = found + self.count(name)
        return F.least(F.coalesce(F.try_divide(found, self._solid), F.lit(0.0)), F.lit(1.0)).cast("float")

    @property
    def script_share(self) -> Column:
        """Share of the language's own scripts among the letters (OpusFilter CharacterScore); 1 without letters.

        Own letters count by the language's factor: a Chinese character says as much as three letters of a foreign name.
        """
        own = (self.count("letters") - self.count("foreign")) * self._factor
        return F.coalesce(F.try_divide(own, own + self.count("foreign")), F.lit(1.0)).cast("float")

    @property
    def listing(self) -> Column:
        """Separators per word (two characters of an unspaced script count as a word); 0 for fewer than four."""
        words = F.when(self._spaced, self._words).otherwise(self._solid / 2)
        separators = self.count("separators")
        return F.when(separators >= 4, F.try_divide(separators, words)).otherwise(0.0).cast("float")

    @property
    def title_case(self) -> Column:
        """Share of capitalised words, in a text of three words or more that ends in a letter or digit (else 0)."""
        heading = F.regexp_like(F.right(self.text, F.lit(1)), F.lit(r"[\p{L}\p{N}]")) & (self._words >= 3)
        share = F.coalesce(F.try_divide(self.count("capitals"), self.count("words")), F.lit(0.0))
        return F.when(heading, share).otherwise(0.0).cast("float")


def numbers(side: str) -> Column:
    """The distinct numbers of a side, thousands separators and leading zeros aside; for the column `<side>_numbers`.

    A decimal fraction or a time counts as two numbers, since languages write them differently (2:30 is 2.30).
    A number before a word of scale is left out: 3 million is 300万.
    """
    text, digits = F.col(f"{side}_text"), _count(side, "digits")
    ascii_digits = F.when(
        _count(side, "ascii_digits") < digits,
        F.translate(text, OTHER_DIGITS, "0123456789" * (len(OTHER_DIGITS) // 10)),
    ).otherwise(text)
    joined = F.regexp_replace(ascii_digits, THOUSANDS, "")
    found = F.array_distinct(F.regexp_extract_all(joined, F.lit(NUMBER), 1))
    return F.when(digits > 0, found).otherwise(F.array().cast("array<string>"))


def _number_overlap() -> Column:
    """(common + 1) / (differing + 1) of the two sides' numbers (OpusCleaner).

    Where one side has none they may be spelled out, and count half.
    """
    a, b = F.col("src_numbers"), F.col("tgt_numbers")
    differing = F.size(F.array_except(a, b)) + F.size(F.array_except(b, a))
    weight = F.when((F.size(a) == 0) | (F.size(b) == 0), 0.5).otherwise(1.0)
    return ((F.size(F.array_intersect(a, b)) + 1) / (differing * weight + 1)).cast("float")


_URL = r"(?i)(?:https?://|www\.)[^\s<>\"'()（）。，]*[^\s<>\"'()（）。，.,;:!?]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"


def _url_mismatch(src: Column, tgt: Column) -> Column:
    """URLs and e-mail addresses that one side has and the other has not (bicleaner)."""
    a, b = F.regexp_extract_all(src, F.lit(_URL), 0), F.regexp_extract_all(tgt, F.lit(_URL), 0)
    differing = F.size(F.array_except(a, b)) + F.size(F.array_except(b, a))
    hints = [F.contains(text, F.lit(hint)) for text in (src, tgt) for hint in ("://", "www.", "@")]
    any_hint = hints[0]
    for hint in hints[1:]:
        any_hint = any_hint | hint
    return F.when(any_hint, differing).otherwise(0)


def _bracket_mismatch(src: _Side, tgt: _Side) -> Column:
    """Brackets left open on each side, plus their difference between the sides, plus 1 if one side alone has quotes.

    After bicleaner-hardrules.
    """
    left_open = [F.abs(side.count("opening") - side.count("closing")) for side in (src, tgt)]
    quotes_differ = (src.count("quotes") > 0) != (tgt.count("quotes") > 0)
    return (
        left_open[0]
        + left_open[1]
        + F.abs(src.count("opening") - tgt.count("opening"))
        + quotes_differ.cast("int")
    )


def _terminal_mismatch(src: _Side, tgt: _Side) -> Column:
    """Difference in the number of sentence ends, plus 1 for a question against none (OpusFilter TerminalPunctuation).

    Greek's question mark is a semicolon.
    """
    greek = tgt.lang == "el"
    semicolons = F.when(greek, tgt.count("semicolon_ends")).otherwise(0)
    ends = F.abs(src.count("ends") - tgt.count("ends") - semicolons)
    question_differs = (src.count("questions") > 0) != (tgt.count("questions") + semicolons > 0)
    return ends + question_differs.cast("int")


def flags(profanity: Mapping[str, Sequence[str]]) -> Column:
    """Findings that reject nothing: `email`, `phone`, `card` (with a valid Luhn check digit), `profanity`.

    `profanity` are words by language; they are matched whole, without regard to case.
    """
    both = F.concat_ws(" ", "src_text", "tgt_text")
    digits = F.regexp_replace(F.regexp_extract(both, r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)", 0), r"[ -]", "")
    phone = (
        r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}(?!\d)|\(\d{2,4}\) ?\d{3,4}[ -]\d{3,4}(?!\d)"
        r"|(?<!\d)\d{3}[-. ]\d{3}[-. ]\d{4}(?!\d)"
    )
    many_digits = F.greatest(_count("src", "digits"), _count("tgt", "digits")) >= 7
    found = [
        F.when(
            F.contains(both, F.lit("@")) & F.regexp_like(both, F.lit(r"[\w.+-]+@[\w-]+\.[\w.-]+")),
            F.lit("email"),
        ),
        F.when(many_digits & F.regexp_like(both, F.lit(phone)), F.lit("phone")),
        F.when(many_digits & (digits != "") & F.call_function("luhn_check", digits), F.lit("card")),
    ]
    for lang, words in sorted(profanity.items()):
        pattern = (
            r"(?iu)(?<![\p{L}\p{M}])(?:" + "|".join(_quote(word) for word in words) + r")(?![\p{L}\p{M}])"
        )
        for side in ("src", "tgt"):
            matches = F.regexp_like(f"{side}_text", F.lit(pattern))
            found.append(F.when((F.col(f"{side}_lang") == lang) & matches, F.lit("profanity")))
    return F.array_distinct(F.array_compact(F.array(*found)))


def _quote(word: str) -> str:
    return r"\Q" + word.replace(r"\E", "") + r"\E"
