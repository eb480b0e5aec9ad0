"""Moses corpora: two halves on disk, or two members of a zip."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from drain import drain

from pipelines.sources.inputs import Input, RawLine
from pipelines.sources.moses import read_moses


def halves(folder: Path, src: bytes, tgt: bytes, suffix: str = "") -> Input:
    paths = [folder / f"Corpus.en-vi.{side}{suffix}" for side in ("en", "vi")]
    for path, data in zip(paths, (src, tgt), strict=True):
        path.write_bytes(data)
    parts = (str(paths[0]), str(paths[1]))
    return Input("Corpus", "en-vi", "moses", parts[0], paths[0].name, "unknown", parts=parts)


def zipped(path: Path, src: bytes, tgt: bytes, method: int = zipfile.ZIP_DEFLATED) -> Input:
    members = ("Corpus.en-vi.en", "Corpus.en-vi.vi")
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("README", "from OPUS")
        archive.writestr(members[0], src)
        archive.writestr(members[1], tgt)
    return Input("Corpus", "en-vi", "moses-zip", str(path), path.name, "unknown", parts=members)


def read(source: Input) -> list[RawLine]:
    rows, broken = drain(read_moses(source))
    assert broken is None
    return rows


def numbered(word: str, count: int) -> bytes:
    return "".join(f"{word} {number * 7919 % 10007}\n" for number in range(count)).encode()


def test_lines_are_paired_by_number(tmp_path: Path) -> None:
    assert read(halves(tmp_path, b"one\ntwo\n", "một\nhai\n".encode())) == [
        RawLine(1, None, None, "one", "một"),
        RawLine(2, None, None, "two", "hai"),
    ]


def test_a_zip_reads_like_the_files_in_it(tmp_path: Path) -> None:
    src, tgt = numbered("line", 3000), numbered("dòng", 3000)
    assert read(zipped(tmp_path / "z.zip", src, tgt)) == read(halves(tmp_path, src, tgt))


def test_halves_may_be_compressed(tmp_path: Path) -> None:
    rows = read(halves(tmp_path, gzip.compress(b"one\n"), gzip.compress("một\n".encode()), ".gz"))
    assert rows == [RawLine(1, None, None, "one", "một")]


def test_line_separators_inside_a_text_do_not_shift_the_pairing(tmp_path: Path) -> None:
    rows = read(halves(tmp_path, "o\u2028ne\x0b\nt\x85wo\r\n".encode(), "một\nhai\n".encode()))
    assert [(row.src_raw, row.tgt_raw) for row in rows] == [("o\u2028ne\x0b", "một"), ("t\x85wo\r", "hai")]


def test_one_sided_lines_are_rows(tmp_path: Path) -> None:
    rows = read(halves(tmp_path, b"one\n\n\n", b"\nhai\n\n"))
    assert [(row.src_raw, row.tgt_raw, row.error) for row in rows] == [
        ("one", "", None),
        ("", "hai", None),
        ("", "", None),
    ]


@pytest.mark.parametrize(
    ("src", "tgt", "side"), [(b"a\nb\nc\n", b"x\n", "target"), (b"a\n", b"x\ny\nz\n", "source")]
)
def test_a_line_without_a_counterpart_is_malformed(tmp_path: Path, src: bytes, tgt: bytes, side: str) -> None:
    rows = read(halves(tmp_path, src, tgt))
    assert [row.error for row in rows] == [None, *[f"the {side} file has no such line"] * 2]
    assert rows[2].line == 3
    assert (rows[2].src_raw or rows[2].tgt_raw) in ("c", "z")


def test_invalid_utf8_of_either_side_is_malformed_on_its_line(tmp_path: Path) -> None:
    rows = read(halves(tmp_path, b"a\nb\xff\nc\n", b"x\ny\nz\xe1\n"))
    assert [row.error is not None for row in rows] == [False, True, True]
    assert (rows[1].src_raw, rows[1].tgt_raw) == ("b\\xff", "y")
    assert (rows[2].src_raw, rows[2].tgt_raw) == ("c", "z\\xe1")


@pytest.mark.parametrize("side", [0, 1])
def test_a_cut_half_gives_the_pairs_before_it_and_breaks(tmp_path: Path, side: int) -> None:
    files = [gzip.compress(numbered(word, 2000)) for word in ("line", "dòng")]
    files[side] = files[side][: len(files[side]) // 2]
    rows, broken = drain(read_moses(halves(tmp_path, files[0], files[1], ".gz")))
    assert broken is not None
    good = [row for row in rows if row.error is None]
    assert 500 < len(good) < 2000
    assert all(row.tgt_raw == (row.src_raw or "").replace("line", "dòng") for row in good)


def damage_data(data: bytearray) -> None:
    end = data.find(b"PK\x03\x04", 60)  # behind the README comes the first text; here the second one begins
    data[end - 200 : end - 190] = bytes(10)


def damage_checksum(data: bytearray) -> None:
    entry = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 4)
    data[entry + 16] ^= 0xFF


def scramble(data: bytearray) -> None:
    data[2000:2010] = bytes(byte ^ 0xFF for byte in data[2000:2010])


def encrypt(data: bytearray) -> None:
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data[place + flags] |= 1


def damaged(source: Input, damage: Callable[[bytearray], None]) -> Input:
    data = bytearray(Path(source.path).read_bytes())
    damage(data)
    Path(source.path).write_bytes(bytes(data))
    return source


@pytest.mark.parametrize("damage", [damage_data, damage_checksum])
def test_a_damaged_member_gives_the_pairs_far_before_the_damage_and_breaks(
    tmp_path: Path, damage: Callable[[bytearray], None]
) -> None:
    source = zipped(tmp_path / "z.zip", numbered("line", 250_000), numbered("dòng", 250_000))
    rows, broken = drain(read_moses(damaged(source, damage)))
    assert broken is not None
    assert "Corpus.en-vi.en" in broken
    good = [row for row in rows if row.error is None]
    assert 50_000 < len(good) <= 250_000
    assert good[50_000] == RawLine(50_001, None, None, "line 3031", "dòng 3031")


@pytest.mark.parametrize(
    ("method", "damage"),
    [(zipfile.ZIP_DEFLATED, encrypt), (zipfile.ZIP_BZIP2, scramble), (zipfile.ZIP_LZMA, scramble)],
    ids=["encrypted", "bzip2", "lzma"],
)
def test_an_unreadable_member_of_any_kind_is_a_broken_file(
    tmp_path: Path, method: int, damage: Callable[[bytearray], None]
) -> None:
    source = zipped(tmp_path / "z.zip", numbered("line", 2000), numbered("dòng", 2000), method)
    _, broken = drain(read_moses(damaged(source, damage)))
    assert broken is not None
