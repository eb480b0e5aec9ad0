"""The numbers of a text, as far as languages agree about them: patterns for Spark, and a function for plain Python."""

from __future__ import annotations

import regex

OTHER_DIGITS = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९０１２３４５６７８９"
# regular expressions of the words that scale the number before them, in the languages of the paper
_SCALES = (
    "hundred", "thousand", "million", "billion", "trillion", "bn", "[百千万亿萬億兆]", "多万", "余万",
    "bin", "milyon", "milyar", "trilyon", "nghìn", "ngàn", "triệu", "tỷ", "tỉ",
    "مئة", "مائة", "ألف", "آلاف", "مليون", "ملايين", "مليار", "χιλ", "εκατ", "δισ", "τρισ",
    "सौ", "हज़ार", "हजार", "लाख", "करोड़", "करोड़", "अरब", "मिलियन", "बिलियन",
)  # fmt: skip
NUMBER = rf"(?<![0-9])0*+([0-9]++|(?<=0)(?![0-9]))(?!(?:[ -]?(?:{'|'.join(_SCALES)})))"
THOUSANDS = (
    r"(?<=[0-9])[.,٫٬](?=[0-9]{3}(?![0-9]))"  # a separator of thousands, whichever sign the language uses
)

_DIGITS = str.maketrans(OTHER_DIGITS, "0123456789" * (len(OTHER_DIGITS) // 10))
_NUMBER = regex.compile(NUMBER)
_THOUSANDS = regex.compile(THOUSANDS)


def numbers(text: str) -> set[str]:
    """The distinct numbers of a text, thousands separators and leading zeros aside.

    A decimal fraction or a time counts as two numbers, since languages write them differently (2:30 is 2.30). A number
    before a word of scale is left out: 3 million is 300万.
    """
    return set(_NUMBER.findall(_THOUSANDS.sub("", text.translate(_DIGITS))))


def number_overlap(source: set[str], target: set[str]) -> float:
    """(common + 1) / (differing + 1) of two texts' numbers (OpusCleaner); half weight where one spells them out."""
    weight = 0.5 if not source or not target else 1.0
    return (len(source & target) + 1) / (len(source ^ target) * weight + 1)
