"""Bytes of compressed files, whole and damaged, and lines that end at a line feed alone."""

from __future__ import annotations

import bz2
import gzip
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import zstandard
from drain import drain
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.streams import BrokenFile, open_blocks, split_lines

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    ".bz2": lambda data: bz2.compress(data, 1),  # blocks of 100 kB, so that a cut file has whole ones
}
PACKED = [suffix for suffix in COMPRESS if suffix]
BOM = b"\xef\xbb\xbf"
Line = tuple[str, str | None]


def read_file(path: Path) -> tuple[list[Line], str | None]:
    return drain(split_lines(open_blocks(path)))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def lines_of(data: bytes) -> tuple[list[Line], str | None]:
    return drain(split_lines([data] if data else []))


def expected_lines(data: bytes) -> list[tuple[str, bool]]:
    """(text, whether it is invalid) of each line, the plain way."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if lines:
        lines[0] = lines[0].removeprefix(BOM)
    return [(line.decode("utf-8", "backslashreplace"), not is_utf8(line)) for line in lines]


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def noise(lines: int) -> bytes:
    """Lines that hardly compress."""
    chance = random.Random(20)
    return b"".join(b"%d %s\n" % (number, chance.randbytes(40).hex().encode()) for number in range(lines))


@st.composite
def cut_data(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Bytes of many kinds of lines, and the same cut into blocks."""
    pieces = st.sampled_from(
        [
            *(b"\n", b"\n", b"\r", b"a", b"\t", b"\xff", b"\xc3", b"\x0b", b"\x0c", b"\x1c", b"\0", BOM),
            *(character.encode() for character in "é中😀\u2028\x85"),
        ]
    )
    data = b"".join(draw(st.lists(pieces | st.binary(max_size=3), max_size=30)))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=8)) if len(data) > 1 else [])
    edges = [0, *cuts, len(data)]
    return data, [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


@pytest.mark.parametrize("suffix", COMPRESS)
def test_every_compression_gives_the_bytes_that_went_in(tmp_path: Path, suffix: str) -> None:
    data = noise(3000)
    path = write(tmp_path / f"file.tsv{suffix}", COMPRESS[suffix](data))
    assert b"".join(open_blocks(path)) == data


@pytest.mark.parametrize("suffix", PACKED)
def test_members_put_end_to_end_are_read_as_one_file(tmp_path: Path, suffix: str) -> None:
    pack = COMPRESS[suffix]
    data = pack(b"one\nt") + pack(b"") + pack(b"wo\n") + pack(noise(2500)) + pack(b"last")
    lines, broken = read_file(write(tmp_path / f"file{suffix}", data))
    assert broken is None
    assert [text for text, _ in lines[:2]] == ["one", "two"]
    assert lines[-1] == ("last", None)
    assert len(lines) == 2503


def test_zeros_may_pad_the_members_of_a_gzip_file(tmp_path: Path) -> None:
    data = gzip.compress(b"one\n") + bytes(700) + gzip.compress(b"two\n") + bytes(300)
    assert read_file(write(tmp_path / "file.gz", data)) == ([("one", None), ("two", None)], None)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_an_empty_text_has_no_lines(tmp_path: Path, suffix: str) -> None:
    assert read_file(write(tmp_path / f"file{suffix}", COMPRESS[suffix](b""))) == ([], None)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_truncated_file_gives_its_whole_lines_then_the_cut_one_then_breaks(
    tmp_path: Path, suffix: str
) -> None:
    data = noise(10_000)
    packed = COMPRESS[suffix](data)
    lines, broken = read_file(write(tmp_path / f"file{suffix}", packed[: len(packed) * 9 // 10]))
    assert broken is not None
    assert suffix in broken
    whole = [text for text, error in lines if error is None]
    assert len(whole) > 5000
    assert whole == data.decode().split("\n")[: len(whole)]
    cut = [(text, error) for text, error in lines if error is not None]
    assert [error for _, error in cut] in ([], [broken])
    assert all(data.decode().split("\n")[len(whole)].startswith(text) for text, _ in cut)


def test_a_truncated_gzip_file_gives_all_but_its_last_bytes(tmp_path: Path) -> None:
    data = noise(400)
    packed = gzip.compress(data)
    lines, broken = read_file(write(tmp_path / "file.gz", packed[:-8]))  # all text, but no check sum
    assert broken is not None
    assert lines == [(text, None) for text in data.decode().split("\n")[:-1]]


@pytest.mark.parametrize("suffix", PACKED)
def test_damage_leaves_the_lines_far_before_it(tmp_path: Path, suffix: str) -> None:
    data = noise(20_000)
    packed = bytearray(COMPRESS[suffix](data))
    packed[len(packed) * 9 // 10] ^= 0xFF
    lines, broken = read_file(write(tmp_path / f"file{suffix}", bytes(packed)))
    assert broken is not None
    whole = [text for text, error in lines if error is None]
    assert len(whole) > 5000
    if suffix != ".gz":  # which may still decode something before it notices
        assert whole == data.decode().split("\n")[: len(whole)]


@settings(max_examples=60, deadline=None)
@given(
    suffix=st.sampled_from(PACKED),
    place=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255) | st.none(),
)
def test_no_damage_ends_otherwise_than_in_a_broken_file(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, place: float, value: int | None
) -> None:
    data = "one\ttwo\nédeux\tüç\n".encode() * 9
    packed = bytearray(COMPRESS[suffix](data))
    at = int(place * len(packed))
    if value is None:
        del packed[at:]
    else:
        packed[at] = value
    path = write(tmp_path_factory.getbasetemp() / f"damaged{suffix}", bytes(packed))
    lines, broken = read_file(path)
    if value is None and at > 0:
        assert broken is not None
    if broken is None and at > 0:
        assert [text for text, _ in lines] == data.decode().split("\n")[:-1]


@pytest.mark.parametrize(
    "character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\r", "\x1c", "\x1d", "\x1e", "\0"]
)
def test_only_a_line_feed_ends_a_line(character: str) -> None:
    assert lines_of(f"a{character}b\nc".encode()) == ([(f"a{character}b", None), ("c", None)], None)


def test_empty_lines_count_and_the_last_line_need_not_end() -> None:
    assert [text for text, _ in lines_of(b"\n\na\n\n")[0]] == ["", "", "a", ""]
    assert [text for text, _ in lines_of(b"a\nb")[0]] == ["a", "b"]


def test_invalid_utf8_is_an_error_on_its_own_line_alone() -> None:
    lines, broken = lines_of(b"good\nb\xffd \xc3\nalso good \xc3\xa9\n")
    assert broken is None
    assert [error is not None for _, error in lines] == [False, True, False]
    assert [text for text, _ in lines] == ["good", "b\\xffd \\xc3", "also good é"]
    assert lines[1][1] is not None
    assert "byte 1" in lines[1][1]


@pytest.mark.parametrize("surrogate", [b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"])
def test_surrogates_and_overlong_forms_are_no_utf8(surrogate: bytes) -> None:
    assert lines_of(surrogate)[0][0][1] is not None


def test_a_byte_order_mark_is_dropped_at_the_beginning_only() -> None:
    assert lines_of(BOM + b"a\n" + BOM + b"b\n")[0] == [("a", None), ("\ufeffb", None)]


@settings(max_examples=200, deadline=None)
@given(cut_data())
def test_lines_are_those_of_a_plain_split_whatever_the_blocks(example: tuple[bytes, list[bytes]]) -> None:
    data, blocks = example
    lines, broken = drain(split_lines(blocks))
    assert broken is None
    assert [(text, error is not None) for text, error in lines] == expected_lines(data)


@settings(max_examples=80, deadline=None)
@given(cut_data())
def test_a_break_gives_the_whole_lines_then_the_cut_one_as_an_error(
    example: tuple[bytes, list[bytes]],
) -> None:
    data, blocks = example
    data, blocks = b"first\n" + data, [b"first\n", *blocks]

    def breaking(blocks: Iterable[bytes]) -> Iterator[bytes]:
        yield from blocks
        raise BrokenFile("cut here")

    whole, _, rest = data.rpartition(b"\n")
    lines, broken = drain(split_lines(breaking(blocks)))
    assert broken == "cut here"
    if rest:
        assert lines.pop() == (rest.decode("utf-8", "backslashreplace"), "cut here")
    assert [(text, error is not None) for text, error in lines] == expected_lines(whole + b"\n")
