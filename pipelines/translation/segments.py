"""A field's text as segments for the engine and exact separators between them, and back.

    "".join(piece.text for piece in split(text)) == text        # for any text

Lines come first, since NLLB joins them: then what starts a line (indentation, list marker, heading, blockquote), the
cells of a table row (Markdown, tab-separated, aligned columns), and the sentences (`sentencex`). A sentence over the
limit is cut at the strongest clause punctuation near its middle: NLLB loses text from about 200 tokens on
(sillsdev/silnlp#182), and the later sentences of an input with several (huggingface/transformers#24169), so a segment
is one sentence at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import regex
import sentencex

MARK = (
    "\ue000"  # stands for one protected span (protection.py); a text's own U+E000 is a protected span itself
)
BLOCK_MARK = (
    "\ue001"  # the same for whole lines, or a whole sentence: it parts what is before from what is after it
)
LIMIT = 120  # tokens of a segment, as `estimate_tokens` counts

Length = Callable[[str], float]


@dataclass(frozen=True)
class Piece:
    """A part of a text: a segment to translate, or (`translate` false) a separator that stays as it is."""

    text: str
    translate: bool


# what ends a line, wherever it is shown as one; other control characters, which no tokenizer keeps, separate as well
_BREAK = regex.compile(rf"([{BLOCK_MARK}\n\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]+)")
_PREFIX = regex.compile(
    r"""(?:[ \u00a0\t\u3000]*(?:
        >                                               # blockquote
      | \#{1,6}(?=[ \t])                                # heading
      | \[[ xX]\](?=[ \t])                              # task
      | [-*+•◦▪●○∙·‣–—](?=[ \t]) | [-•](?=\p{Lu})         # bullet
      | \(?\d{1,3}(?:\.\d{1,2})*[.):]?[.):](?=[ \t]|\p{L})  # 1.  1)  (1)  1.2.
      | \(?[A-Za-z]\)(?=[ \t])                          # a)  (a)
      | [A-Ha-h]\.(?=[ \t](?!\p{L}\.))                  # A.  but no initials: E. B. White
      | \(?[ivxIVX]{1,5}[.)](?=[ \t])                   # iv.
    ))*[ \u00a0\t\u3000]*""",
    regex.VERBOSE,
)
_CELL = regex.compile(r"([ \u00a0]*[|\t][| \u00a0\t]*| {3,})")
# markup and white space at a segment's edges; emphasis at an edge embraces the whole of it
_EDGE = r"[\s\u200b-\u200f\u2060\ufeff*_~|#=]"
_EDGES = regex.compile(rf"({_EDGE}*)(.*?)({_EDGE}*)", regex.DOTALL)
# two letters make a word; a single one (an answer "B", an unknown "x") is a name, but in a script of syllables or words
_WORD = regex.compile(r"\p{L}\p{M}*\p{L}|\p{Lo}")
# ends that the library misses: it takes "May." and "art." for abbreviations, and wants white space after "。"
_ABBREVIATIONS = (
    "vs|etc|ft|fig|vol|no|nos|pp|ca|cf|al|eds?|inc|co|corp|ltd|dept|est|min|max|approx|oz|lbs?|hrs?|jr|sr|st|dr|mr|mrs|ms|prof|"
    "gen|gov|sen|rep|mt|ave|blvd|rd|ext|int"
)
_MISSED = regex.compile(
    rf"(?<=\p{{Ll}}{{2}}[.!?]\s+)(?<!\b(?i:{_ABBREVIATIONS})\.\s+)(?=\p{{Lu}})|(?<=[。！？])(?![。！？”’」』）)])"
)
_QUOTES = regex.compile(
    r"[\"“”«»「」『』‘]|(?<!\p{L})'"
)  # what is said within a sentence is not parted from it
# ends that it sees where there are none: J.D. Salinger
_INITIALS = regex.compile(
    r"(?<!\p{L}\.?)(?!U\.\s?[SKN]\.|E\.U\.|D\.C\.|[AP]\.M\.|A\.D\.|B\.C\.)\p{Lu}\.\s?\p{Lu}\.\s+$"
)
# where a long sentence may be cut: after the punctuation, strongest first
_CLAUSES = tuple(
    regex.compile(pattern)
    for pattern in (
        r"(?<=[.!?][\"”’)]?)\s+(?=[\"“‘(]?\p{Lu})",  # sentences within a quotation
        r"(?<=[;؛；:：])\s+|(?<=[；：。！？।])|\s+(?=[–—]\s)",
        r"(?<=[,،、，)\]])\s+|(?<=[、，])",
        r"\s+(?=(?:and|or|but|because|which|that|while|when|where|if|so|although|since)\s)",
        r"\s+",
    )
)
_ALPHABETS, _SYLLABLES = r"\p{Latin}\p{Cyrillic}\p{Greek}", r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
# tokens of NLLB's vocabulary per character, on the safe side: (characters, weight)
_WEIGHTS = (
    (regex.compile(rf"[{_ALPHABETS}]"), 0.3),
    (regex.compile(rf"[{_SYLLABLES}]"), 0.8),
    (regex.compile(rf"(?V1)[\p{{L}}\p{{M}}--{_ALPHABETS}{_SYLLABLES}]"), 0.45),
    (regex.compile(r"[^\s\p{L}\p{M}]"), 1.0),
)
_MARK_TOKENS = 4  # a placeholder in a segment


def estimate_tokens(text: str) -> float:
    """About how many NLLB tokens a text makes, rather too many than too few; needs no tokenizer."""
    tokens = sum(weight * len(pattern.findall(text)) for pattern, weight in _WEIGHTS)
    return tokens + (_MARK_TOKENS - 1) * text.count(MARK)


def split(text: str, lang: str = "en", limit: float = LIMIT, length: Length = estimate_tokens) -> list[Piece]:
    """The pieces of a text; joined they are the text again. No segment is longer than `limit` by `length`.

    Any string is taken, control characters and lone surrogates included.
    """
    pieces: list[Piece] = []
    for piece in _pieces(text, lang, limit, length):
        if not piece.text:
            continue
        if pieces and not piece.translate and not pieces[-1].translate:
            piece = Piece(pieces.pop().text + piece.text, False)
        pieces.append(piece)
    return pieces


def join(pieces: Sequence[Piece], spaced: bool = True) -> str:
    """The text of translated pieces.

    Where the target language has no spaces between words (`spaced` false), the single space that parted two sentences
    goes, if it stands beside a wide character: `你好。 再见` is `你好。再见`, while `OK. Fine` keeps its space.
    """
    if spaced:
        return "".join(piece.text for piece in pieces)
    parts: list[str] = []
    for i, piece in enumerate(pieces):
        between = 0 < i < len(pieces) - 1 and pieces[i - 1].translate and pieces[i + 1].translate
        if piece.text == " " and between and (wide(pieces[i - 1].text[-1:]) or wide(pieces[i + 1].text[:1])):
            continue
        parts.append(piece.text)
    return "".join(parts)


_WIDE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3000-\u303f\uff00-\uffef]"
)


def wide(character: str) -> bool:
    """Whether a character is of a script without spaces, or punctuation as wide as its characters."""
    return _WIDE.match(character) is not None


def has_words(text: str) -> bool:
    """Whether there is anything to translate in a text: spans, numbers, punctuation and single letters are not."""
    return _WORD.search(text) is not None


def sentences(text: str, lang: str) -> list[str]:
    """The sentences of a line, each with the white space after it; joined they are the line again."""
    # the library refuses lone surrogates; a replacement of the same length leaves the places right
    clean = text if _is_valid(text) else text.encode("utf-8", "replace").decode()
    found: list[str] = []
    place = 0
    for sentence in sentencex.segment(lang, clean):
        rest = text[place : place + len(sentence)]
        found += [rest] if _QUOTES.search(rest) else _MISSED.split(rest)
        place += len(sentence)
    found.append(text[place:])
    whole: list[str] = []
    for sentence in filter(None, found):
        if whole and _INITIALS.search(whole[-1]):
            whole[-1] += sentence
        else:
            whole.append(sentence)
    return whole


def _is_valid(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _pieces(text: str, lang: str, limit: float, length: Length) -> Iterator[Piece]:
    for number, line in enumerate(_BREAK.split(text)):
        if number % 2:
            yield Piece(line, False)
            continue
        prefix = _PREFIX.match(line)
        start = prefix.end() if prefix else 0
        yield Piece(line[:start], False)
        for index, cell in enumerate(_CELL.split(line[start:])):
            if index % 2:
                yield Piece(cell, False)
                continue
            for sentence in sentences(cell, lang):
                yield from _sentence(sentence, limit, length)


def _sentence(text: str, limit: float, length: Length) -> Iterator[Piece]:
    edges = _EDGES.fullmatch(text)
    assert edges is not None  # the pattern matches any text
    before, body, after = edges.groups()
    yield Piece(before, False)
    if not has_words(body):
        yield Piece(body, False)
    elif length(body) <= limit or len(body) < 2:
        yield Piece(body, True)
    else:
        cut = _cut(body)
        yield from _sentence(body[:cut], limit, length)
        yield from _sentence(body[cut:], limit, length)
    yield Piece(after, False)


def _cut(text: str) -> int:
    """Where to cut a text in two: at the strongest boundary in its middle part, else in its middle."""
    middle = len(text) / 2
    edge = len(text) // 6
    for boundary in _CLAUSES:
        places = [found.end() for found in boundary.finditer(text, edge, len(text) - edge)]
        if places := [place for place in places if 0 < place < len(text)]:
            return min(places, key=lambda place: abs(place - middle))
    # no boundary at all: a grapheme's end, so that no mark loses its letter
    ends = [found.end() for found in regex.finditer(r"\X", text)]
    return min(ends[:-1], key=lambda place: abs(place - middle), default=int(middle))
