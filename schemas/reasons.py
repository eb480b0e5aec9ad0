"""Why a row was rejected: the closed vocabulary of `reason`, in the order in which the reasons are tried.

The names are a public contract: they appear in datasets, manifests and reports, and are never renamed.
A row carries the first reason that holds; `null` means kept.
"""

from __future__ import annotations

KEPT = "kept"  # stands for the reason of a row that was not rejected, where rows are counted by reason

REASONS: dict[str, str] = {
    # the line itself
    "malformed_line": "wrong number of fields, invalid UTF-8, a margin that is no number, or cut off by a broken file",
    "empty": "one side, or both, holds no text",
    "license": "the corpus's licence is not among `licenses.allow`",
    # the text (pipelines/cleaning/rules.py, in this order)
    "markup": "tags, templates or link syntax in the raw text",
    "boilerplate": "citation or navigation boiler-plate of a web page or wiki",
    "broken_text": "replacement characters or mojibake that could not be repaired",
    "too_short": "fewer words (characters, where a script has no spaces) than allowed",
    "too_long": "more words (characters, where a script has no spaces) than allowed",
    "copy": "both sides are the same text, or nearly",
    "long_word": "a word longer than any real one",
    "alphabet": "too few letters",
    "digits": "too many digits",
    "script": "too few letters of the language's own script",
    "repetition": "a piece of text repeated over and over",
    "listing": "a list of names or items rather than a sentence",
    "title_case": "a heading: Every Word Capitalised, no full stop",
    "length_ratio": "one side is too long for the other",
    "number_mismatch": "the numbers of the two sides differ",
    "url_mismatch": "the URLs or e-mail addresses of the two sides differ",
    "brackets": "brackets or quotes that do not match",
    "punctuation": "the two sides hold different numbers of sentences",
    "low_margin": "LASER margin below the threshold",
    "wrong_source_language": "language identification does not confirm the source language",
    "wrong_target_language": "language identification does not confirm the target language",
    "chinese_script": "Chinese in a script (Hans, Hant, mixed) that is not wanted",
    # other rows and other datasets (pipelines/dedup)
    "contaminated": "overlaps with an evaluation set",
    "exact_duplicate": "the same pair of texts as a better row",
    "near_duplicate": "nearly the same pair of texts as a better row",
    "hub": "a mined text with many different counterparts",
    "source_cap": "more rows with this source text than allowed; better ones were kept",
    "target_cap": "more rows with this target text than allowed; better ones were kept",
}

# those that a row falls for because of other rows (pipelines/dedup), not by itself
AMONG_ROWS = ("exact_duplicate", "near_duplicate", "hub", "source_cap", "target_cap")
