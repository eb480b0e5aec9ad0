"""TMX 1.4 translation memories, read as a stream. They are XML from strangers: entities are refused (defusedxml)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from pipelines.sources.inputs import Input, RawLine
from pipelines.streams import BrokenFile, open_blocks

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = {"bpt", "ept", "it", "ph", "ut"}  # native formatting codes of the source document: no text


class _Stream(io.RawIOBase):
    """A readable file over blocks of bytes, as the XML parser wants it."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._blocks, b"")
        size = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def read_tmx(source: Input) -> Iterator[RawLine]:
    """The translation units of a TMX file, numbered from 1; a unit that lacks a language has an empty side.

    Raises `BrokenFile` where the XML ends too early, is not well formed, or defines entities.
    """
    unit = 0
    try:
        parser = iterparse(_Stream(open_blocks(source.path)), events=("start", "end"))
        _, root = next(parser)
        body: Element = root
        for event, element in parser:
            if event == "start" and _tag(element) == "body":
                body = element
            elif event == "end" and _tag(element) == "tu":
                unit += 1
                texts = _texts(element)
                yield RawLine(unit, None, None, texts.get(source.src_lang), texts.get(source.tgt_lang))
                body.clear()  # what has been read is no longer needed
    except DefusedXmlException as error:
        raise BrokenFile(
            f"after unit {unit}: the XML defines entities, which is refused ({error!r})"
        ) from None
    except (ParseError, StopIteration, LookupError, ValueError) as error:
        raise BrokenFile(f"after unit {unit}: not well-formed XML ({error})") from None


def _tag(element: Element) -> str:
    """An element's name without its namespace, which some tools write and others do not."""
    return str(element.tag).rpartition("}")[2]


def _texts(unit: Element) -> dict[str, str]:
    """The first segment of each language, by primary subtag (`zh-CN` is `zh`)."""
    texts: dict[str, str] = {}
    for variant in unit:
        if _tag(variant) != "tuv":
            continue
        language = (variant.get(_LANG) or variant.get("lang") or "").replace("_", "-").split("-")[0].lower()
        segment = next((child for child in variant if _tag(child) == "seg"), None)
        if segment is not None:
            texts.setdefault(language, _text(segment))
    return texts


def _text(element: Element) -> str:
    parts = [element.text or ""]
    for child in element:
        if _tag(child) not in _CODES:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
