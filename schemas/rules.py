"""What each reason is decided by: the scores of a row, and the thresholds that they are held against.

A reason with one score and one threshold is that comparison and nothing more: above a `.max`, or below a `.min`, a row
falls. The others are spelled out where they are decided (`pipelines/cleaning/decide.py`, `pipelines/dedup/`).
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """Columns of a scored row, and keys of `schemas/thresholds.py`."""

    scores: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = ()

    @property
    def is_comparison(self) -> bool:
        """Whether the reason holds just where the one score is beyond the one threshold."""
        return len(self.scores) == 1 == len(self.thresholds) and self.thresholds[0].endswith((".min", ".max"))


def _compare(score: str, threshold: str) -> Rule:
    return Rule((score,), (threshold,))


# in the order of schemas/reasons.py
RULES: dict[str, Rule] = {
    "malformed_line": Rule(("detail",)),
    "empty": Rule(("src_length", "tgt_length")),
    "license": Rule(("license",)),
    "markup": _compare("markup", "markup.max"),
    "boilerplate": _compare("boilerplate", "boilerplate.max"),
    "broken_text": _compare("broken_text", "broken_text.max"),
    "too_short": Rule(("src_length", "tgt_length"), ("length.min_words", "length.min_chars")),
    "too_long": Rule(("src_length", "tgt_length"), ("length.max_words", "length.max_chars")),
    "copy": _compare("copy", "copy.max"),
    "long_word": _compare("longest_word", "long_word.max"),
    "alphabet": _compare("alphabet_share", "alphabet.min"),
    "digits": _compare("digit_share", "digits.max"),
    "script": Rule(("src_script_share", "tgt_script_share"), ("script.min",)),
    "repetition": _compare("repetition", "repetition.max"),
    "listing": _compare("listing", "listing.max"),
    "title_case": _compare("title_case", "title_case.max"),
    "length_ratio": Rule(("length_ratio",), ("length_ratio.min", "length_ratio.max")),
    "number_mismatch": _compare("number_overlap", "numbers.min"),
    "url_mismatch": _compare("url_mismatch", "urls.max"),
    "brackets": _compare("bracket_mismatch", "brackets.max"),
    "punctuation": _compare("terminal_mismatch", "punctuation.max"),
    "low_margin": _compare("margin", "margin.min"),
    "wrong_source_language": Rule(
        ("lid_src", "lid_src_prob", "lid_src_claimed"), ("lid.sure", "lid.min_src")
    ),
    "wrong_target_language": Rule(
        ("lid_tgt", "lid_tgt_prob", "lid_tgt_claimed"), ("lid.sure", "lid.min_tgt")
    ),
    "chinese_script": Rule(("zh_script",)),
    "contaminated": _compare("contamination", "contamination.max"),
    "exact_duplicate": Rule(("content_id",)),
    "near_duplicate": Rule(("cluster_id",)),
    "hub": Rule(("margin",), ("hub.max_partners",)),
    "source_cap": Rule(),
    "target_cap": Rule(),
}
