"""TMX: units, languages, inline codes, and XML that is cut off or hostile."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from drain import drain

from pipelines.sources.inputs import Input, RawLine
from pipelines.sources.tmx import read_tmx

HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'


def write(folder: Path, xml: str | bytes, name: str = "corpus.tmx") -> Input:
    path = folder / name
    path.write_bytes(xml.encode() if isinstance(xml, str) else xml)
    return Input("Corpus", "en-zh", "tmx", str(path), path.name, "unknown")


def tmx(*units: str) -> str:
    return f'{HEADER}<tmx version="1.4"><header srclang="en"/><body>{"".join(units)}</body></tmx>'


def unit(en: str, zh: str, zh_code: str = "zh") -> str:
    return f'<tu tuid="x"><tuv xml:lang="en"><seg>{en}</seg></tuv><tuv xml:lang="{zh_code}"><seg>{zh}</seg></tuv></tu>'


def texts(folder: Path, xml: str | bytes) -> list[tuple[str | None, str | None]]:
    rows, broken = drain(read_tmx(write(folder, xml)))
    assert broken is None
    assert [row.line for row in rows] == list(range(1, len(rows) + 1))
    return [(row.src_raw, row.tgt_raw) for row in rows]


def test_units_are_numbered_from_one(tmp_path: Path) -> None:
    rows, broken = drain(
        read_tmx(write(tmp_path, tmx(unit("A cat.", "一只猫。"), unit("A dog.", "一条狗。"))))
    )
    assert broken is None
    assert rows == [
        RawLine(1, None, None, "A cat.", "一只猫。"),
        RawLine(2, None, None, "A dog.", "一条狗。"),
    ]


@pytest.mark.parametrize("code", ["zh", "zh-CN", "zh_CN", "ZH-cn", "zh-Hant-TW"])
def test_a_language_is_told_by_its_primary_subtag(tmp_path: Path, code: str) -> None:
    assert texts(tmp_path, tmx(unit("A cat.", "一只猫。", code))) == [("A cat.", "一只猫。")]


def test_a_code_that_only_begins_alike_is_another_language(tmp_path: Path) -> None:
    assert texts(tmp_path, tmx(unit("A cat.", "一只猫。", "zha"))) == [("A cat.", None)]


def test_old_files_name_the_language_without_namespace(tmp_path: Path) -> None:
    xml = tmx('<tu><tuv lang="EN-US"><seg>A cat.</seg></tuv><tuv lang="zh"><seg>一只猫。</seg></tuv></tu>')
    assert texts(tmp_path, xml) == [("A cat.", "一只猫。")]


def test_the_order_of_the_languages_does_not_matter_and_others_are_left_out(tmp_path: Path) -> None:
    one = (
        '<tu><tuv xml:lang="fr"><seg>Un chat.</seg></tuv><tuv xml:lang="zh"><seg>一只猫。</seg></tuv>'
        '<tuv xml:lang="en"><seg>A cat.</seg></tuv><tuv xml:lang="en"><seg>A second one.</seg></tuv></tu>'
    )
    assert texts(tmp_path, tmx(one)) == [("A cat.", "一只猫。")]


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ('<bpt i="1">&lt;b&gt;</bpt>bold<ept i="1">&lt;/b&gt;</ept> word', "bold word"),
        ('before<ph x="1">{0}</ph> after', "before after"),
        ("one<it pos='begin'>&lt;i&gt;</it> two<ut>x</ut>", "one two"),
        ("a <hi type='term'>marked</hi> word", "a marked word"),
        ("a <hi>nested<ph>x</ph> one</hi> here", "a nested one here"),
        ("5 &lt; 6 &amp; 7 &#233;", "5 < 6 & 7 é"),
        ("<![CDATA[a < b]]>", "a < b"),
        ("", ""),
    ],
)
def test_inline_codes_are_dropped_and_the_text_around_them_stays(
    tmp_path: Path, segment: str, text: str
) -> None:
    assert texts(tmp_path, tmx(unit(segment, "字"))) == [(text, "字")]


def test_a_unit_that_lacks_a_language_or_segment_has_an_empty_side(tmp_path: Path) -> None:
    only_en = '<tu><tuv xml:lang="en"><seg>A cat.</seg></tuv></tu>'
    no_seg = '<tu><tuv xml:lang="en"/><tuv xml:lang="zh"><seg>一只猫。</seg></tuv></tu>'
    assert texts(tmp_path, tmx(only_en, no_seg, "<tu/>")) == [
        ("A cat.", None),
        (None, "一只猫。"),
        (None, None),
    ]


def test_utf16_is_read_as_its_declaration_says(tmp_path: Path) -> None:
    xml = tmx(unit("A cat.", "一只猫。")).replace("UTF-8", "UTF-16").encode("utf-16")
    assert texts(tmp_path, xml) == [("A cat.", "一只猫。")]


def test_a_compressed_file_is_read_and_a_cut_one_breaks(tmp_path: Path) -> None:
    packed = gzip.compress(tmx(*(unit(f"Cat {n * 7919}.", f"猫{n * 7919}。") for n in range(3000))).encode())
    rows, broken = drain(read_tmx(write(tmp_path, packed, "whole.tmx.gz")))
    assert (len(rows), broken) == (3000, None)
    rows, broken = drain(read_tmx(write(tmp_path, packed[: len(packed) // 2], "cut.tmx.gz")))
    assert broken is not None
    assert 500 < len(rows) < 3000


@pytest.mark.parametrize("kept", [0, 1, 700])
def test_xml_that_is_cut_off_keeps_what_was_read(tmp_path: Path, kept: int) -> None:
    units = [unit(f"Cat {n}.", f"猫{n}。") for n in range(kept + 1)]
    xml = tmx(*units)
    rows, broken = drain(read_tmx(write(tmp_path, xml[: xml.rindex("</seg>")])))
    assert broken is not None
    assert f"after unit {kept}" in broken
    assert [row.src_raw for row in rows] == [f"Cat {n}." for n in range(kept)]


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "no xml at all",
        "<tmx><body>",
        tmx(unit("a", "b")).replace("</tu>", ""),
        "<tmx><body><tu>&nbsp;</tu></body></tmx>",
        b"<tmx><body><tu><tuv><seg>\xff</seg></tuv></tu></body></tmx>",
        tmx(unit("a\x01b", "b")),
    ],
    ids=["empty", "text", "unclosed", "misnested", "undefined-entity", "invalid-utf8", "control"],
)
def test_what_is_not_well_formed_is_a_broken_file(tmp_path: Path, xml: str | bytes) -> None:
    rows, broken = drain(read_tmx(write(tmp_path, xml)))
    assert rows == []
    assert broken is not None


@pytest.mark.parametrize("encoding", ["foo-8", "gb2312"])
def test_an_encoding_that_the_parser_lacks_is_a_broken_file(tmp_path: Path, encoding: str) -> None:
    _, broken = drain(read_tmx(write(tmp_path, tmx(unit("a", "b")).replace("UTF-8", encoding))))
    assert broken is not None


def test_units_in_a_default_namespace_do_not_vanish(tmp_path: Path) -> None:
    xml = tmx(unit("A cat.", "一只猫。")).replace("<tmx ", '<tmx xmlns="http://www.lisa.org/tmx14" ')
    rows, broken = drain(read_tmx(write(tmp_path, xml)))
    assert rows or broken


def test_a_bomb_of_entities_is_refused_unexpanded(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))
    xml = f'<!DOCTYPE tmx [<!ENTITY e0 "lol">{levels}]>' + tmx(unit("&e12;", "b")).removeprefix(HEADER)
    rows, broken = drain(read_tmx(write(tmp_path, xml)))
    assert rows == []
    assert broken is not None
    assert "entities" in broken
    assert "lol" not in broken


def test_an_entity_is_refused_however_small(tmp_path: Path) -> None:
    xml = '<!DOCTYPE tmx [<!ENTITY x "hello">]>' + tmx(unit("&x;", "b")).removeprefix(HEADER)
    rows, broken = drain(read_tmx(write(tmp_path, xml)))
    assert rows == []
    assert broken is not None
    assert "hello" not in broken


@pytest.mark.parametrize("kind", ["general", "parameter"])
def test_external_entities_are_refused_and_their_file_is_not_read(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    place = f'SYSTEM "{secret.as_uri()}"'
    declared = f"<!ENTITY x {place}>" if kind == "general" else f"<!ENTITY % x {place}> %x;"
    xml = f"<!DOCTYPE tmx [{declared}]>" + tmx(unit("&x;", "b")).removeprefix(HEADER)
    rows, broken = drain(read_tmx(write(tmp_path, xml)))
    assert rows == []
    assert broken is not None
    assert "hunter2" not in broken
