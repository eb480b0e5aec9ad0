"""Repairs that lose nothing: NFC, control and zero-width characters, white space, HTML entities, mojibake.

Nothing else is repaired. Tags, templates and link syntax say that the row is a web page's residue and are scored on the
raw text (`rules.py`).
"""

from __future__ import annotations

import html
import re
import unicodedata

import ftfy
import ftfy.badness
import pyarrow as pa
import pyarrow.compute as pc

# News-Commentary's `&amp; # 160 ;`: an entity escaped twice and then tokenised
_SPLIT_ENTITY = re.compile(r"&\s?(?:amp\s?;\s?)?#\s?(x?[0-9A-Fa-f]{2,6})\s?;")
_VIRAMA = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
# joiners are part of the spelling after a virama (Indic scripts) and between Arabic letters (Persian), noise elsewhere
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufe00-\ufe0f]"
    f"|(?<![{_VIRAMA}])(?:(?<![\u0600-\u06ff])|(?![\u200c\u200d][\u0600-\u06ff]))[\u200c\u200d]"
)
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
# UTF-8 read as cp1252 or Latin-1: a lead byte, then a continuation byte, as those encodings show them. Only texts that
# hold such a couple are given to ftfy, whose own look at a text takes 30 microseconds. Couples with a quote or dash do
# not count: they end a Vietnamese word in capitals ("XÃ")
_MOJIBAKE = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u20ac]"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# what a step above could change, for one look through a whole column (RE2): all else needs no more than NFC
_SUSPECT = (
    "[&\x00-\x1f\x7f-\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
    f"|  |^ | $|{_MOJIBAKE.pattern}"
)


def normalize(text: str) -> str:
    """The normalised text; idempotent, since a repair that reveals another is followed by it."""
    while (repaired := _repair(text)) != text:
        text = repaired
    return text


def _repair(text: str) -> str:
    if not text.isascii() and _MOJIBAKE.search(text) and ftfy.badness.is_bad(text):
        text = ftfy.fix_encoding(text)
    if "&" in text:
        # an entity ends in a semicolon: ?a=1&copy=2 holds none
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), _SPLIT_ENTITY.sub(r"&#\1;", text))
    text = _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
    return unicodedata.normalize("NFC", text)


def normalize_all(texts: pa.Array) -> list[str]:
    """Normalises a column of strings; a missing text becomes empty."""
    suspects = pc.match_substring_regex(texts, _SUSPECT)
    return [
        (normalize(text) if suspect else _nfc(text)) if text else ""
        for text, suspect in zip(texts.to_pylist(), suspects.to_pylist(), strict=True)
    ]


def _nfc(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    # composing can make what another repair looks for
    return text if composed == text else normalize(composed)
