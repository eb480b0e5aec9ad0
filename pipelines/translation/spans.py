"""What must come back from translation exactly as it went in: where it stands in a text, and of what kind it is.

Kinds: `code` (fenced, bare, inline, JSON, CSV, markup), `control` (tokens that engines give a meaning, and characters no
tokenizer keeps), `latex`, `url`, `email`, `path`, `placeholder`, `identifier`, `math`, `quantity`, `tag` (hashtags and mentions),
`emoji`.

Numbers are protected only where their written form is the same in all languages: IP addresses, versions, colours, hex
numbers, and a number with a symbol of computing or physics (16 GB, 20 °C, 90 km/h). Its number must be whole, or a
decimal fraction without exactly three digits: "1,500 km/h" is a different number in Turkish or Vietnamese. All other
numbers are the engine's to write, and checked afterwards as numbers. Names of units ("5 miles") are words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import regex

from pipelines.translation.code_blocks import code_blocks
from pipelines.translation.segments import BLOCK_MARK, MARK


@dataclass(frozen=True)
class Span:
    """A part of a text, from `start` to `end` (exclusive), that is not translated as running text."""

    start: int
    end: int
    kind: str
    block: bool = False  # whole lines: nothing around it belongs to its sentence


_EXTENSIONS = (
    "py|js|ts|jsx|tsx|java|c|h|cpp|cs|go|rs|rb|php|pl|sh|bat|ps1|sql|html?|css|scss|xml|json|ya?ml|toml|ini|cfg|conf|csv|tsv|txt|md|"
    "tex|pdf|docx?|xlsx?|pptx?|zip|tar|gz|exe|dll|jar|log|png|jpe?g|gif|svg|mp3|mp4|wav|avi|ipynb|class"
)
_UNITS = (
    "[kKMGT]i?B|[kKMGT]b(?:it)?(?:/s|ps)|[kMGT]?Hz|px|dpi|fps|rpm|mAh|[kMG]?Wh?|[km]?V|mA|[kMG]?Pa|dB|"
    "°\\s?[CF]|[km]m?/h|m/s(?:\\^?2|²)?|k?m²|[cmk]?m³|m?g/d?L|kcal|[kM]J|mmHg"
)
_OPERAND = r"(?:\d+(?:\.\d+)?[a-z]?|[a-zA-Z](?:_\w)?(?:\([a-z\d]\))?|(?:sin|cos|tan|log|ln|sqrt|exp)\s?\([^()\n]*\)|π|θ|\([^()\n]{1,30}\))(?:[²³]|\^[-\d\w{}()]+)?"
_PATTERNS = (
    # tokens of NLLB, M2M-100, MADLAD-400, OPUS-MT and chat formats; SentencePiece's own space; what is no character
    ("control", r"</?s>|<(?:unk|pad|mask|bos|eos|sep|cls)>|<\|[^|<>\n]{1,40}\|>|\[/?INST\]|<2[a-z]{2,3}>|>>[a-z]{2,3}(?:_\w+)?<<|\b[a-z]{3}_[A-Z][a-z]{3}\b|__[a-z]{2,3}__|▁+|[\p{Co}\p{Cs}\p{Cn}]+"),
    ("code", r"```[^`]+```|``[^`\n]+``|`[^`\n]+`"),
    ("latex", r"\$\$[^$]+\$\$|\\\([^\n]+?\\\)|\\\[.+?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\$(?=[^$\n]*[\\^_={}])[^$\n]+\$|\$[a-zA-Z]\$|(?:[a-zA-Z\d]\s?)?\\[a-zA-Z]{2,}(?:\[[^\]\n]*\])?(?:\{[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*\})+(?:[\^_](?:\{[^{}\n]*\}|\w))*"),
    ("email", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    ("url", r"(?i:(?:https?|ftp)://|www\.)[^\s<>\"'（）。，、]*[^\s<>\"'()（）。，、.,;:!?\]]|\b(?i:[a-z\d-]+\.)+(?:com|org|net|edu|gov|io|info|co\.uk)\b(?:/[\w./?=&%#~+-]*[\w/])?"),
    ("path", rf"(?<![\w/.])(?:~|\.\.?)/[\w.+@/-]*[\w/]|(?<![\w/.:])/(?:[\w.+@-]+/)+(?:[\w.+@-]*[\w])?|(?<![\w/.:])/(?:etc|usr|var|home|tmp|bin|opt|dev|proc)\b|\b[A-Za-z]:\\(?:[\w .-]+\\)*[\w.-]*|\b[\w-]+(?:\.[\w-]+)*\.(?:{_EXTENSIONS})\b(?!\()"),
    ("placeholder", r"\{\{[^{}\n]+\}\}|\$?\{(?:[A-Za-z_][\w.]*|\d*)\}|%\(\w+\)[sdif]|(?<![\w%])%(?:\d+\$)?-?\d*(?:\.\d+)?[sdifgxu](?!\w)|\[[A-Z][A-Z\d_ ]*\](?!\()|<\s?/?[A-Za-z][\w:-]*(?:\s[^<>\n]*)?/?>|_{2,}|\.{5,}"),
    ("code", r"(?<literal>\{(?:[^{}\n]|(?&literal))*[\"']\s*:(?:[^{}\n]|(?&literal))*\})|\[\s*(?:\"[^\"\n]*\"|'[^'\n]*'|-?\d[\d.]*)(?:\s*,\s*(?:\"[^\"\n]*\"|'[^'\n]*'|-?\d[\d.]*))*\s*\]"),
    ("identifier", r"\b[A-Za-z_$][\w$]*(?:\.[A-Za-z_]\w*)*\((?:\)|(?=[^()\n]*[\"'=_\[\]\d,.])[^()\n]*\))|\b[A-Za-z][A-Za-z\d]*(?:_[A-Za-z\d]+)+\b|\b[a-z]+[a-z\d]*[A-Z][A-Za-z\d]*\b|(?<![\w-])--[a-z][\w-]+(?:=\S+)?"),
    ("quantity", rf"\b\d+(?:\.\d+){{2,}}(?:-[A-Za-z\d.]*[A-Za-z\d])?\b|\bv\d+(?:\.\d+)+\b|\b0x[\dA-Fa-f]+\b|(?<![\d.,])\d+(?:\.(?!\d{{3}}(?!\d))\d+)?\s?(?:{_UNITS})(?![\w/])"),
    ("math", rf"(?<![\w.,$%:])(?:{_OPERAND} ?[-+*/^=<>≤≥≠≈×÷−±·]=? ?)+-?{_OPERAND}(?![\w%:])"),
    ("tag", r"(?<![\w#&])#(?:[\dA-Fa-f]{6}\b|\p{L}\w+)|(?<![\w@.])@\w{2,}"),
    ("emoji", r"(?:\p{Regional_Indicator}{2}|(?:\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?(?:\u200d\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?)*\s?)+(?<!\s))"),
    ("placeholder", r"(?<![A-Za-z\d])[XΧХ]\d{1,3}(?![A-Za-z\d])"),  # looks like one of our own (protection.py)
)  # fmt: skip
_INLINE = tuple((kind, regex.compile(pattern, regex.DOTALL)) for kind, pattern in _PATTERNS)
# digits joined by one sign are a date, a score, a range or a phone number, letters by a slash or hyphen are words
_NO_MATH = regex.compile(
    r"[\d.]+(?:[-/−][\d.]+)+|[A-Za-z](?:\s?[-/]\s?[A-Za-z])+|\d+\s?[-−/]\s?[A-Za-z]|[A-Za-z]\s?[-/−]\s?\d+"
)
_NAME = regex.compile(r"(?<![\w$])[A-Za-z_$][\w$]*(?![\w$])")
_DISTINCT = regex.compile(r"\w*[a-z\d][A-Z]\w*|\w*[A-Za-z]\d\w*|\w*_\w*|[A-Z]{4,}")


def find_spans(text: str, names: frozenset[str] = frozenset()) -> list[Span]:
    """The protected spans of a text, in order and not overlapping; `names` are further words to protect."""
    found = [Span(start, end, "code", True) for start, end in code_blocks(text)]
    rest = _hide(text, found)
    for kind, pattern in _INLINE:
        spans = [Span(match.start(), match.end(), kind) for match in pattern.finditer(rest)]
        if kind == "math":
            spans = [span for span in spans if not _NO_MATH.fullmatch(rest, span.start, span.end)]
        if kind == "emoji":
            spans = [replace(span, block=_ends_sentence(text, span)) for span in spans]
        rest = _hide(rest, spans)
        found += spans
    if names:
        found += [
            Span(match.start(), match.end(), "identifier")
            for match in _NAME.finditer(rest)
            if match.group() in names
        ]
    return sorted(found, key=lambda span: span.start)


def _ends_sentence(text: str, emoji: Span) -> bool:
    """Whether an emoji stands between two sentences or beside one, rather than for a word within it."""
    before, after = text[: emoji.start].rstrip(" "), text[emoji.end :].lstrip(" ")
    return not (before[-1:].isalnum() and after[:1].isalnum() and after[:1].islower())


def _hide(text: str, spans: Sequence[Span]) -> str:
    """The text with its spans made line breaks, which no pattern of a span begins or ends with."""
    if not spans:
        return text
    hidden = list(text)
    for span in spans:
        hidden[span.start : span.end] = "\n" * (span.end - span.start)
    return "".join(hidden)


def code_names(text: str, spans: Iterable[Span]) -> frozenset[str]:
    """Names in a text's code that no running text has (`ArrayList`, `WHERE`): protected wherever the row has them."""
    code = (text[span.start : span.end] for span in spans if span.kind == "code")
    return frozenset(
        name for part in code for name in _NAME.findall(part) if len(name) > 2 and _DISTINCT.fullmatch(name)
    )


def mask(text: str, spans: Iterable[Span]) -> str:
    """The text with each span replaced by one mark. A text's own marks are spans, so that marks are never ambiguous."""
    parts, place = [], 0
    for span in spans:
        parts += [text[place : span.start], BLOCK_MARK if span.block else MARK]
        place = span.end
    return "".join((*parts, text[place:]))
