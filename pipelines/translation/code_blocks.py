"""Lines that are code or data rather than language, found without a parser: which ones, and why.

One line of strong evidence (`def f(`, `SELECT … FROM`, `#include`, a statement that ends in a semicolon, ...) makes a
block; lines of weak evidence (indented, a comment, a bracket, a bare assignment) join the block they touch. A sentence
that merely mentions code is none: what it mentions is found inside the line (`spans.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import regex

_NAME = r"[a-z_$][\w$]*(?:\.\w+|\[[^\]]*\])*"
_TAG = r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>"
_VALUE = (
    rf"(?:[\w$.]*[(\[{{].*|[\"'].*[\"'];?|-?[\d.]+;?|new\s+.*|{_NAME}\s*[-+*/%]\s*(?:{_NAME}|\d+);?"
    r"|True|False|None|null|true|false)"
)
_TYPE = (
    "(?:unsigned |const )*(?:int|float|double|char|bool|boolean|String|string|void|long|auto|var|let|const)"
)
_STATEMENTS = (
    # Python
    r"(?:async\s+)?def\s+\w+\s*\(.*",
    r"class\s+\w+\s*(?:\([\w.,\s=]*\))?\s*:\s*$",
    r"from\s+[\w.]+\s+import\s+[\w.*,\s()]+$",
    r"import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+)*;?\s*$",
    r"(?:el)?if\s+[^,]*(?:[=<>!]=|[<>()\[\].]|\bin\b|\bnot\b)[^,]*:\s*$",
    r"(?:for\s+[\w,\s()]+\s+in\s+\S.*|while\s+\S.*|with\s+\S.*\s+as\s+\w+):\s*$",
    r"(?:except\s*[\w.]*(?:\s+as\s+\w+)?|else|try|finally):\s*$",
    r"(?:print|input|len|range|printf|puts|echo|require|alert)\s?\(.*\)\s*;?\s*$",
    r"return\s+[\w.]*(?:[\[(].*|\s*[-+*/%<>=]+.*|;)$",
    r">>>\s.*|Traceback\s+\(most\ recent.*|\s+at\s+[\w.$]+\([\w.]+:\d+\)|Exception\ in\ thread.*",
    # C, Java, C#, JavaScript, PHP
    r"\#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b.*",
    r"(?:public|private|protected|static|final|abstract|virtual)\s+[\w<>\[\]\s]+.*[({;]\s*$",
    rf"{_TYPE}\s+[*&]?\w+\s*(?:[=;(\[].*)$",
    r"(?:var|let|const)\s+[\w{}\[\],\s]+=.*",
    r"(?:export\s+(?:default\s+)?)?(?:async\s+)?function\b\s*\w*\s*\(.*",
    r"(?:if|for|while|switch|catch)\s*\(.*\)\s*\{?\s*$",
    r"(?:\}\s*)?(?:else(?:\s+if\s*\(.*\))?|try|finally|do)\s*\{\s*$",
    r"(?:[\w$\[\]]+\.)+\w+\s?\(.*\)?[;{,]?\s*$",  # object.method(...)
    r"[^.!?]*[\w)\]\"']\s*(?:\)|\]|\}|\+\+|--)\s*;\s*$",  # call(...);
    rf"{_NAME}\s*(?:[-+*/%|&]?=|:=|<-)\s*{_VALUE}\s*$",
    # SQL, in capitals
    r"(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|DROP\s+TABLE|ALTER\s+TABLE)\s+\S.*",
    r"CREATE\s+(?:TABLE|DATABASE|INDEX|VIEW)\s+\S.*",
    r"(?:FROM|WHERE|GROUP\s+BY|ORDER\s+BY|HAVING|LEFT\s+JOIN|INNER\s+JOIN|JOIN)\s+[\w.`\"*]+.*[;,=><\w)'\"]\s*$",
    # markup and style sheets
    rf"<\?(?:php|xml)\b.*|<!DOCTYPE\b.*|<!--.*|{_TAG}(?:.*{_TAG})?\s*$",
    r"[.\#]?[\w-]+(?:[\s,>:.\#]+[\w-]+)*\s*\{\s*$",
    r"[\w-]+\s*:\s*[^;{}]+;\s*$",
    r"[.\#]?[\w-]+[^.!?{}]*\{[^{}]*:[^{}]*;?\s*\}\s*$",
    # shell
    r"\$\s+(?:sudo|cd|ls|git|pip|npm|apt|curl|wget|docker|mkdir|cat|echo|python\d?)\b.*|\#!.*",
    r"(?:echo|read|export|source|chmod|cd|ls|grep|cat|mkdir|rm|cp|mv)\s+[-\"'$./~]\S*.*",
    r"(?:sudo|pip3?\s+install|npm\s+(?:install|run)|git\s+(?:clone|commit|push|pull|add)|docker\s+run)\s+\S*[^.]*$",
)
# no statement is without one of these, and most sentences are
_SIGNS = regex.compile(r"[(){}\[\];=<>#$:\"]|\b(?:import|[A-Z]{4,}|sudo|install|git|npm|docker|Traceback)\b")
_STRONG = regex.compile(rf"\s*(?:{'|'.join(_STATEMENTS)})")
_WEAK = regex.compile(
    r"""^(?:
        \s*[{}()\[\];,]+\s*                                # brackets alone
      | \s*(?:\#|//|/\*|\*/|--\s|<!--).*                    # comment
      | \s*\*\s.*\*/\s*
      | \s*(?:return|break|continue|pass|end|done|fi|esac|begin|then)\b[-\w\s.;]*
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
_REMARK = regex.compile(r"\s+(?:#|//)\s.*$")  # a comment after a statement
_LONG = regex.compile(r'"""|\'\'\'|/\*|\*/')
_FENCE = regex.compile(r"^(```+|~~~+)[^\n`]*\n.*?(?:^\1[ \t]*$|\Z)", regex.MULTILINE | regex.DOTALL)
_LINE = regex.compile(r"[^\n]*\n?")
_LIST_ITEM = regex.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S")
_SENTENCE = regex.compile(r"[a-z]{2,}[.!?][\"')]*\s*$|^\s*[A-Z][a-z]+(?:\s+[a-z]+){4,}")
_NO_SEPARATOR = regex.compile(r'"[^"\n]*"|(?<=\d),(?=\d{3}(?!\d))')  # quoted cells, thousands
_LONGEST_LINE = 500  # characters; a longer one is a paragraph, and no pattern is made to look at it
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
        bare = _NO_SEPARATOR.sub("", row)
        verse = bare.endswith((",", ".")) or max(map(len, bare.split(","))) > _LONGEST_CELL
        if ", " in bare or "|" in bare or "," not in bare or verse or (rows and bare.count(",") != commas):
            break
        commas, stop, rows = bare.count(","), line.start() + len(row), rows + 1
    return stop if rows >= 2 else None


def _code(text: str, place: int, end: int) -> int | None:
    """The end of a block of code lines that begins on this line."""
    kinds: list[tuple[str, int]] = []  # of each line in reach: strong, weak or blank; and where it ends
    closing = ""  # what ends the comment or docstring that a line is in
    for line in _LINE.finditer(text, place, end):
        row = line.group().rstrip("\r\n")
        if not line.group():
            break
        kind = "weak" if closing else _kind(row)
        if kind is None:
            break
        for mark in _LONG.findall(row):
            if not closing:
                closing = "*/" if mark == "/*" else mark
            elif mark == closing:
                closing = ""
        kinds.append((kind, line.start() + len(row)))
    while kinds and kinds[-1][0] == "blank":
        kinds.pop()
    if not kinds or kinds[0][0] == "blank" or not any(kind == "strong" for kind, _ in kinds):
        return None
    return kinds[-1][1]


def _kind(row: str) -> str | None:
    if not row.strip():
        return "blank"
    if len(row) > _LONGEST_LINE:
        return None
    if _SIGNS.search(row) and (_STRONG.match(row) or _STRONG.match(_REMARK.sub("", row))):
        return "strong"
    if _LIST_ITEM.match(row) and not row.rstrip().endswith(";"):
        return None
    comment = row.lstrip().startswith(("#", "//", "/*", "*", "--"))
    if _WEAK.match(row) and (comment or not _SENTENCE.search(row)):
        return "weak"
    return None
