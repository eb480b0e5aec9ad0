"""The phrases that the rules look for: wiki and web residue, boiler-plate by language.

They are searched by RE2, through pyarrow, in a whole column at once: one pass over the text for all phrases together.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

# link, template, table and image syntax; entities that were escaped twice; tags; footnote marks
_MARKUP_PHRASES = (
    "[[", "]]", "{{", "}}", "{|", "|}", "'''", "==", "|thumb", "thumb|", "File:", "Image:", "Category:", ".mw-", "ISBN",
    "{\\", "&nbsp;", "&quot;", "&lt;", "&gt;", "&amp;", "px|", "__TOC__",
)  # fmt: skip
_MARKUP_PATTERNS = (r"</?[a-zA-Z!][^<>]{0,200}/?>", r"\[(?:\d{1,3}|edit|update|citation needed)\]")

# what Wikipedia's citation templates and web pages print around text; an English title behind such a phrase is what
# heads the mined corpora
_BOILERPLATE: dict[str, tuple[str, ...]] = {
    "en": (
        "Retrieved ", "Archived ", "Accessed ", "Wayback Machine", "All rights reserved", "Copyright ©", "Click here",
        "Read more", "(PDF)", "doi:", "^ a b", " » ", " › ", "(in English)", "(in German)", "(in French)",
        "(in Spanish)", "ISSN",
    ),
    "ar": ("اطلع عليه", "مؤرشف من", "نسخة محفوظة", "(بالإنجليزية)", "(باللغة الإنجليزية)", "واي باك مشين", " » "),
    "el": ("(στα αγγλικά)", "(στα Αγγλικά)", "(στην αγγλική)", "Ανακτήθηκε στις", "Ανακτήθηκε την", "Αρχειοθετήθηκε"),
    "hi": ("अभिगमन तिथि", "से संग्रहीत", "(अंग्रेज़ी में)", "(अंग्रेजी में)", "वेबैक मशीन", " » "),
    "tr": ("Erişim tarihi", "arşivlendi", "(İngilizce)", "Wayback Machine", " » "),
    "vi": (
        "Truy cập ngày", "Truy cập lúc", "Truy cập tháng", "Bản gốc lưu trữ", "(bằng tiếng Anh)", "(tiếng Anh)", " » ",
    ),
    "zh": (
        "原始内容存档", "互联网档案馆", "存档于", "（英文）", "(英文)", "（英语）", "失效链接",
        "原始內容存檔", "網際網路檔案館", "失效連結", "»",
    ),
}  # fmt: skip
_EDGES = (r"[©®|^]$", r"^[|^©®]")

_MARKUP = "|".join((*map(re.escape, _MARKUP_PHRASES), *_MARKUP_PATTERNS))


def count_markup(texts: pa.Array) -> pa.Array:
    """Pieces of markup in each text."""
    return _count(texts, _MARKUP)


def count_boilerplate(texts: pa.Array, lang: str) -> pa.Array:
    """Phrases in each text that a web page or Wikipedia's templates print in this language."""
    return _count(texts, "|".join((*map(re.escape, _BOILERPLATE.get(lang, ())), *_EDGES)))


def _count(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.cast(pc.count_substring_regex(texts, pattern), pa.int32())
