"""Lines of WikiMatrix and News-Commentary, with their dirt."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from drain import drain
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.inputs import Input, RawLine
from pipelines.sources.tsv import read_tsv

MARGIN_FIRST = ("margin", "src", "tgt")
TWO = ("src", "tgt")


def tsv(
    folder: Path, data: str | bytes, form: str = "wikimatrix", columns: tuple[str, ...] = MARGIN_FIRST
) -> Input:
    path = folder / "corpus.tsv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Input("Corpus", "en-zh", form, str(path), path.name, "unknown", columns)


def news(folder: Path, data: str | bytes) -> Input:
    return tsv(folder, data, "news-commentary", TWO)


def read(source: Input) -> list[RawLine | None]:
    rows, broken = drain(read_tsv(source))
    assert broken is None
    return rows


def rows_of(source: Input) -> list[RawLine]:
    return [row for row in read(source) if row is not None]


def test_wikimatrix_rows_have_a_margin_a_line_and_no_document(tmp_path: Path) -> None:
    assert read(tsv(tmp_path, "1.2\tA cat.\t一只猫。\n1.05\tA dog.\t一条狗。\n")) == [
        RawLine(1, None, 1.2, "A cat.", "一只猫。"),
        RawLine(2, None, 1.05, "A dog.", "一条狗。"),
    ]


def test_english_goes_to_the_source_wherever_it_stands(tmp_path: Path) -> None:
    source = tsv(tmp_path, "1.2\tقطة.\tA cat.\n", columns=("margin", "tgt", "src"))
    assert read(source) == [RawLine(1, None, 1.2, "A cat.", "قطة.")]


def test_the_five_column_variant_ignores_its_language_tags(tmp_path: Path) -> None:
    source = tsv(tmp_path, "1.2\tA cat.\t一隻貓。\ten\tzh-Hant\n", columns=(*MARGIN_FIRST, "_", "_"))
    assert read(source) == [RawLine(1, None, 1.2, "A cat.", "一隻貓。")]


def test_news_commentary_separators_part_documents_and_keep_their_line_numbers(tmp_path: Path) -> None:
    rows = read(news(tmp_path, "a\t一\nb\t二\n\t\nc\t三\n\nd\t四\n"))
    assert rows == [
        RawLine(1, 1, None, "a", "一"),
        RawLine(2, 1, None, "b", "二"),
        None,
        RawLine(4, 2, None, "c", "三"),
        None,
        RawLine(6, 3, None, "d", "四"),
    ]


def test_separators_in_a_row_or_at_the_ends_part_nothing_but_are_all_told(tmp_path: Path) -> None:
    rows = read(news(tmp_path, "\n\t\na\t一\n\n\t\n\t\r\nb\t二\n\n"))
    assert [row and (row.line, row.doc) for row in rows] == [
        None,
        None,
        (3, 1),
        None,
        None,
        None,
        (7, 2),
        None,
    ]


def test_an_empty_line_is_malformed_where_no_documents_are(tmp_path: Path) -> None:
    (row,) = rows_of(tsv(tmp_path, "\n"))
    assert row.error is not None


@pytest.mark.parametrize(
    "text", ['"unclosed', 'say ""it""', '"a" and "b"', "'", '"', "a\\tb", "#comment", "a,b;c"]
)
def test_quotes_and_other_delimiters_are_text(tmp_path: Path, text: str) -> None:
    rows = rows_of(tsv(tmp_path, f"1.1\t{text}\t{text}\n1.2\tnext\t下\n"))
    assert rows[0] == RawLine(1, None, 1.1, text, text)
    assert rows[1] == RawLine(2, None, 1.2, "next", "下")


@pytest.mark.parametrize(
    ("line", "found"), [("", 1), ("1.1", 1), ("1.1\ta", 2), ("1.1\ta\tb\tc", 4), ("\t\t\t\t", 5)]
)
def test_a_wrong_number_of_fields_is_malformed_and_its_text_is_kept(
    tmp_path: Path, line: str, found: int
) -> None:
    bad, good = rows_of(tsv(tmp_path, f"{line}\n1.2\ta\tb\n"))
    assert bad == RawLine(1, None, None, line, None, f"expected 3 tab-separated fields, found {found}")
    assert good.error is None


@pytest.mark.parametrize(
    "margin",
    [
        *("", "n/a", "1,05", "1.0.4", "0x1p3", "--1", "nan", "-NaN", "inf", "-inf", "Infinity", "1e999"),
        "1_05",
    ],
)
def test_a_margin_that_is_no_finite_number_is_malformed(tmp_path: Path, margin: str) -> None:
    line = f"{margin}\tA cat.\t一只猫。"
    (row,) = rows_of(tsv(tmp_path, line + "\n"))
    assert row.error is not None
    assert repr(margin) in row.error
    assert (row.margin, row.src_raw, row.tgt_raw) == (None, line, None)


@pytest.mark.parametrize(("text", "margin"), [("1", 1.0), ("1.2e0", 1.2), ("-0.5", -0.5), ("0", 0.0)])
def test_a_margin_may_be_written_as_any_number(tmp_path: Path, text: str, margin: float) -> None:
    (row,) = rows_of(tsv(tmp_path, f"{text}\ta\tb\n"))
    assert row == RawLine(1, None, margin, "a", "b")


def test_one_sided_rows_are_rows(tmp_path: Path) -> None:
    assert rows_of(tsv(tmp_path, "1.1\tA cat.\t\n1.1\t\t一只猫。\n1.1\t\t\n")) == [
        RawLine(1, None, 1.1, "A cat.", ""),
        RawLine(2, None, 1.1, "", "一只猫。"),
        RawLine(3, None, 1.1, "", ""),
    ]
    assert rows_of(news(tmp_path, "A cat.\t\n\t一只猫。\n")) == [
        RawLine(1, 1, None, "A cat.", ""),
        RawLine(2, 1, None, "", "一只猫。"),
    ]


def test_invalid_utf8_is_malformed_and_belongs_to_its_document(tmp_path: Path) -> None:
    rows = read(news(tmp_path, b"a\tb\n\t\ncaf\xe9\tb\nc\td\n"))
    assert rows[2] is not None
    assert (rows[2].line, rows[2].doc, rows[2].src_raw) == (3, 2, "caf\\xe9\tb")
    assert rows[2].error is not None
    assert rows[3] == RawLine(4, 2, None, "c", "d")


def test_a_cut_gz_gives_its_rows_and_breaks(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"1.{n}\tLine {n * 7919}\t第{n}行\n" for n in range(500)).encode())
    path = tmp_path / "corpus.tsv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    source = Input("Corpus", "en-zh", "wikimatrix", str(path), path.name, "unknown", MARGIN_FIRST)
    rows, broken = drain(read_tsv(source))
    assert broken is not None
    assert len(rows) > 100
    errors = [row.line for row in rows if row is not None and row.error is not None]
    assert errors in ([], [len(rows)])


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), FIELD, FIELD), max_size=6))
def test_every_row_comes_back_as_it_was_written(rows: list[tuple[float, str, str]]) -> None:
    text = "".join(f"{margin!r}\t{src}\t{tgt}\n" for margin, src, tgt in rows)
    with tempfile.TemporaryDirectory() as folder:
        found = read(tsv(Path(folder), text))
    assert found == [RawLine(line, None, *row) for line, row in enumerate(rows, start=1)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["a\tb", "\ta", "a\t", "", "\t", "one", "a\tb\tc", "\r", "\t\t"]), max_size=12)
)
def test_news_commentary_gives_one_row_or_separator_for_each_line(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(news(Path(folder), "".join(f"{line}\n" for line in lines)))
    assert [row is None for row in found] == [not line.strip("\t\r") for line in lines]
    assert all(row is None or row.line == place for place, row in enumerate(found, start=1))
    docs = {row.doc for row in found if row is not None}
    assert docs == set(range(1, len(docs) + 1))  # numbered from 1, without gaps
