"""Lines that are code or data rather than language, found without a parser: which ones, and why.

One line of strong evidence (`def f(`, `SELECT … FROM`, `#include`, a statement that ends in a semicolon, ...) makes a
block; lines of weak evidence (indented, a comment, a bracket, a bare assignment) join the block they touch. A sentence
that merely mentions code is none: what it mentions is found inside the line (`spans.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import regex

_STRONG = regex.compile(
    r"""^\s*(?:
        (?:async\s+)?def\s+\w+\s*\(.*                                       # Python
      | class\s+\w+\s*(?:\([\w.,\s=]*\))?\s*:\s*$
      | from\s+[\w.]+\s+import\s+[\w.*,\s()]+$
      | import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+)*;?\s*$
      | (?:el)?if\s+[^,]*(?:[=<>!]=|[<>()\[\].]|\bin\b|\bnot\b)[^,]*:\s*$
      | (?:for\s+[\w,\s()]+\s+in\s+\S.*|while\s+\S.*|with\s+\S.*\s+as\s+\w+|except\s*[\w.]*(?:\s+as\s+\w+)?|else|try|finally):\s*$
      | (?:print|input|len|range|printf|puts|echo|require|alert)\s?\(.*\)\s*;?\s*$
      | return\s+[\w.]*(?:[\[(].*|\s*[-+*/%<>=]+.*|;)$
      | \#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b.*               # C
      | (?:public|private|protected|static|final|abstract|virtual)\s+[\w<>\[\]\s]+.*[({;]\s*$   # Java, C#
      | (?:unsigned\s+|const\s+)?(?:int|float|double|char|bool|boolean|String|string|void|long|auto|var|let|const)\s+[*&]?\w+\s*(?:[=;(\[].*)$
      | (?:var|let|const)\s+[\w{}\[\],\s]+=.*
      | (?:export\s+(?:default\s+)?)?(?:async\s+)?function\b\s*\w*\s*\(.*   # JavaScript
      | (?:if|for|while|switch|catch)\s*\(.*\)\s*\{?\s*$
      | (?:\}\s*)?(?:else(?:\s+if\s*\(.*\))?|try|finally|do)\s*\{\s*$
      | (?:[\w$\[\]]+\.)+\w+\s?\(.*\)?[;{,]?\s*$                            # object.method(...)
      | [\w$.\[\]"']+\s*(?:[-+*/%|&]?=|:=|<-)\s*(?:[\w$.]*[(\[{].*|["'].*["'];?|-?[\d.]+;?|new\s+.*|[\w.]+\s*[-+*/%]\s*[\w.]+;?|True|False|None|null|true|false)\s*$
      | (?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE\s+(?:TABLE|DATABASE|INDEX|VIEW)|ALTER\s+TABLE|DROP\s+TABLE)\s+\S.*
      | (?:FROM|WHERE|GROUP\s+BY|ORDER\s+BY|HAVING|LEFT\s+JOIN|INNER\s+JOIN|JOIN)\s+[\w.`"*]+.*[;,=><\w)]$
      | <\?(?:php|xml)\b.*|<!DOCTYPE\b.*|<!--.*
      | </?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>(?:.*</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>)?\s*$         # a line of markup
      | [.\#]?[\w-]+(?:[\s,>:.\#]+[\w-]+)*\s*\{\s*$                         # CSS rule, block opener
      | [\w-]+\s*:\s*[^;{}]+;\s*$                                           # CSS declaration
      | [^.!?]*[\w)\]"']\s*(?:\)|\]|\}|\+\+|--)\s*;\s*$                     # call(...);
      | \$\s+(?:sudo|cd|ls|git|pip|npm|apt|curl|wget|docker|mkdir|cat|echo|python\d?)\b.*       # shell
      | (?:sudo|pip3?\s+install|npm\s+(?:install|run|i)|git\s+(?:clone|commit|push|pull|add|checkout)|docker\s+run|apt(?:-get)?\s+install)\s+\S*[^.]*$
      | \#!.*
      | (?:Traceback\s+\(most\ recent|\s+at\s+[\w.$]+\([\w.]+:\d+\)|Exception\ in\ thread).*
      | >>>\s.*
    )""",
    regex.VERBOSE,
)  # fmt: skip
_WEAK = regex.compile(
    r"""^(?:
        \s*[{}()\[\];,]+\s*                                # brackets alone
      | \s*(?:\#|//|/\*|\*/|--\s|<!--).*                    # comment
      | \s*\*\s.*\*/\s*
      | \s*(?:return|break|continue|pass|end|done|fi|esac|begin|then)\b[\w\s.;]*
      | [ \t]{2,}\S.*                                       # indented
      | \s*[\w$.\[\]]+\s*(?:[-+*/%]?=)\s*\S.*               # assignment
      | .*[;{]\s*
      | \s*["'`\[{(].*[,\])}]\s*                            # an item of a literal
      | \s*(?:\w+\s+)?\w+\s+(?:INT|INTEGER|VARCHAR|TEXT|DATE|DECIMAL|FLOAT|CHAR|BOOLEAN)\b.*   # column of a table
      | \s*(?:AND|OR|ON|LIMIT|VALUES|SET|AS|UNION)\b.*
      | \s*["'][^"']*["']\s*:\s*.*
    )$""",
    regex.VERBOSE,
)
_FENCE = regex.compile(r"^(```+|~~~+)[^\n`]*\n.*?(?:^\1[ \t]*$|\Z)", regex.MULTILINE | regex.DOTALL)
_LINE = regex.compile(r"[^\n]*\n?")
_LIST_ITEM = regex.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S")
_SENTENCE = regex.compile(r"[a-z]{2,}[.!?][\"')]*\s*$|^\s*[A-Z][a-z]+(?:\s+[a-z]+){4,}")
_QUOTED = regex.compile(r'"[^"\n]*"')
_LONGEST_CELL = 60  # characters, outside quotes
_JSON = json.JSONDecoder()


def code_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each block of code or data lines, in order; the line break after the last line is outside."""
    place = 0
    for fence in _FENCE.finditer(text):
        yield from _bare(text, place, fence.start())
        yield fence.start(), fence.end()
        place = fence.end()
    yield from _bare(text, place, len(text))


def _bare(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    place = start
    while place < end:
        line = _LINE.match(text, place, end)
        if line is None or line.end() == place:
            return
        if (
            block := _json(text, place, end) or _csv(text, place, end) or _code(text, place, end)
        ) is not None:
            yield place, block
            place = block
        else:
            place = line.end()


def _json(text: str, place: int, end: int) -> int | None:
    """The end of a JSON object or array that begins on this line and ends a line."""
    begin = place + len(text[place:end]) - len(text[place:end].lstrip(" \t"))
    if begin >= end or text[begin] not in "{[":
        return None
    try:
        value, stop = _JSON.raw_decode(text, begin)
    except (ValueError, RecursionError):
        return None
    rest = text[stop:end].split("\n", 1)[0]
    return stop if value and stop <= end and not rest.strip(" \t\r,.;") else None


def _csv(text: str, place: int, end: int) -> int | None:
    """The end of comma-separated records: at least two lines with the same number of commas, none with a space after.

    `Name, Age` over `Ann, 7` is taken for language: people write so, machines do not.
    """
    commas, stop, rows = 0, place, 0
    for line in _LINE.finditer(text, place, end):
        row = line.group().rstrip("\r\n")
        bare = _QUOTED.sub("", row)
        verse = bare.endswith((",", ".")) or max(map(len, bare.split(","))) > _LONGEST_CELL
        if ", " in bare or "," not in bare or verse or (rows and bare.count(",") != commas):
            break
        commas, stop, rows = bare.count(","), line.start() + len(row), rows + 1
    return stop if rows >= 2 else None


def _code(text: str, place: int, end: int) -> int | None:
    """The end of a block of code lines that begins on this line."""
    kinds: list[tuple[str, int]] = []  # of each line in reach: strong, weak or blank; and where it ends
    for line in _LINE.finditer(text, place, end):
        row = line.group().rstrip("\r\n")
        if not line.group():
            break
        kind = _kind(row)
        if kind is None:
            break
        kinds.append((kind, line.start() + len(row)))
    while kinds and kinds[-1][0] == "blank":
        kinds.pop()
    if not kinds or kinds[0][0] == "blank" or not any(kind == "strong" for kind, _ in kinds):
        return None
    return kinds[-1][1]


def _kind(row: str) -> str | None:
    if not row.strip():
        return "blank"
    if _STRONG.match(row):
        return "strong"
    if _LIST_ITEM.match(row) and not row.rstrip().endswith(";"):
        return None
    comment = row.lstrip().startswith(("#", "//", "/*", "*", "--"))
    if _WEAK.match(row) and (comment or not _SENTENCE.search(row)):
        return "weak"
    return None
