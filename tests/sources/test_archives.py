"""Archives that mean well, and archives that do not."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.archives import ArchiveError, Limits, extract, safe_members

FILES = {"set/dev/a.txt": b"alpha\n", "set/dev/b.txt": b"beta\n", "set/test/c.json": b"{}"}


def make_zip(path: Path, files: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def make_tar(path: Path, files: Iterable[tuple[str | tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def tar_member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


ARCHIVES: dict[str, Callable[[Path, Iterable[tuple[str, bytes]]], Path]] = {
    "a.zip": make_zip,
    "a.tar": make_tar,
    "a.tar.gz": make_tar,
}


@pytest.fixture(params=ARCHIVES)
def good(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An archive of FILES, with a leading ./ as tar writes it."""
    return ARCHIVES[request.param](tmp_path / request.param, [(f"./{n}", data) for n, data in FILES.items()])


def test_everything_is_unpacked(good: Path, tmp_path: Path) -> None:
    paths = extract(good, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES
    assert sorted(paths) == sorted(tmp_path / "out" / name for name in FILES)
    assert {path.name for path in tmp_path.iterdir()} == {good.name, "out"}


def test_only_what_matches_is_unpacked_and_what_was_there_before_is_gone(good: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stale.txt").write_text("from another version")
    extract(good, tmp_path / "out", ["set/*/a.txt", "*.json"])
    assert tree(tmp_path / "out") == {name: FILES[name] for name in ("set/dev/a.txt", "set/test/c.json")}


def test_members_are_named_as_the_archive_names_them(good: Path) -> None:
    members = safe_members(good, ["*/b.txt"])
    assert [(m.name.removeprefix("./"), m.path, m.size) for m in members] == [("set/dev/b.txt",) * 2 + (5,)]
    if good.suffix == ".zip":
        with zipfile.ZipFile(good) as archive:
            assert archive.read(members[0].name) == b"beta\n"


def test_what_is_there_already_is_not_written_again(good: Path, tmp_path: Path) -> None:
    paths = extract(good, tmp_path / "out")
    before = [path.stat().st_ino for path in paths]
    assert [path.stat().st_ino for path in extract(good, tmp_path / "out")] == before
    paths[0].write_bytes(b"cut")
    extract(good, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES


def test_an_interruption_leaves_nothing_under_the_final_name(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = 0
    copy = shutil.copyfileobj

    def interrupted(source: IO[bytes], sink: IO[bytes], length: int) -> None:
        nonlocal copies
        copies += 1
        if copies == 2:
            raise KeyboardInterrupt
        copy(source, sink, length)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", interrupted)
        with pytest.raises(KeyboardInterrupt):
            extract(good, tmp_path / "out")
    assert copies == 2
    assert not (tmp_path / "out").exists()
    extract(good, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES
    assert {path.name for path in tmp_path.iterdir()} == {good.name, "out"}


def refused(archive: Path, directory: Path, because: str, limits: Limits | None = None) -> None:
    """The archive is refused with a sentence that names it, and the disk is as it was."""
    before = set(directory.rglob("*"))
    with pytest.raises(ArchiveError) as failure:
        extract(archive, directory / "out", limits=limits or Limits())
    (sentence,) = failure.value.problems
    assert str(archive) in sentence
    assert because in sentence
    assert set(directory.rglob("*")) == before


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("../evil.txt", "member '../evil.txt' points outside"),
        ("set/../../evil.txt", "points outside"),
        ("set/..", "points outside"),
        ("/etc/evil.txt", "absolute name"),
        ("C:/evil.txt", "absolute name"),
        ("..\\evil.txt", "backslash"),
    ],
)
def test_names_that_lead_elsewhere(tmp_path: Path, kind: str, name: str, because: str) -> None:
    archive = ARCHIVES[kind](tmp_path / kind, [("fine.txt", b"fine"), (name, b"evil")])
    refused(archive, tmp_path, because)


@pytest.mark.parametrize(
    ("mode", "because"),
    [
        (stat.S_IFLNK | 0o777, "is a link"),
        (stat.S_IFIFO | 0o644, "is a device or pipe"),
        (stat.S_IFCHR | 0o644, "is a device or pipe"),
    ],
)
def test_what_is_no_file_in_a_zip(tmp_path: Path, mode: int, because: str) -> None:
    archive = make_zip(tmp_path / "a.zip", [("fine.txt", b"fine"), (zip_member("odd", mode), b"/etc/passwd")])
    refused(archive, tmp_path, f"member 'odd' {because}")


@pytest.mark.parametrize(
    ("kind", "because"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.FIFOTYPE, "is a device or pipe"),
        (tarfile.CHRTYPE, "is a device or pipe"),
        (tarfile.BLKTYPE, "is a device or pipe"),
    ],
)
def test_what_is_no_file_in_a_tar(tmp_path: Path, kind: bytes, because: str) -> None:
    odd = tar_member("odd", kind, "fine.txt")
    refused(
        make_tar(tmp_path / "a.tar.gz", [("fine.txt", b"fine"), (odd, b"")]), tmp_path, f"'odd' {because}"
    )


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide(tmp_path: Path, kind: str) -> None:
    twice = ARCHIVES[kind](tmp_path / kind, [("a/b.txt", b"1"), ("a/./b.txt", b"2")])
    refused(twice, tmp_path, "'a/./b.txt' is there twice")
    both = ARCHIVES[kind](tmp_path / kind, [("a", b"a file"), ("a/b.txt", b"in a folder")])
    refused(both, tmp_path, "needs a folder where the archive has the file a")


def test_an_encrypted_member(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("a.txt", b"text")])
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", raw, raw.index(signature) + offset, 1)
    archive.write_bytes(raw)
    refused(archive, tmp_path, "is encrypted")


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_limits(tmp_path: Path, kind: str) -> None:
    bomb = ARCHIVES[kind](tmp_path / kind, [("a.txt", b"ok"), ("zeros", bytes(8 << 20))])
    refused(bomb, tmp_path, "member 'zeros' expands the archive more than 200 times")
    refused(bomb, tmp_path, "'zeros' brings the unpacked size over 5000 bytes", Limits(total_bytes=5000))
    refused(bomb, tmp_path, "'zeros' is one file too many (at most 1)", Limits(files=1))
    assert len(extract(bomb, tmp_path / "out", limits=Limits(ratio=1e6))) == 2


def test_a_small_repetitive_file_is_no_bomb(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("a.txt", b"\n" * 500_000)])
    assert archive.stat().st_size < 500_000 / 200
    assert extract(archive, tmp_path / "out")[0].stat().st_size == 500_000


def test_a_tar_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """The header promises a tebibyte; only its first kilobytes are there."""
    info = tarfile.TarInfo("zeros")
    info.size = 1 << 40
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    refused(tmp_path / "a.tar", tmp_path, "'zeros' brings the unpacked size over")


def test_a_negative_size_ends(tmp_path: Path) -> None:
    info = tarfile.TarInfo("back")
    info.size = -1024
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    refused(tmp_path / "a.tar", tmp_path, "'back' has a negative size")


def test_a_zip_that_lies_about_a_size(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", [("a.txt", b"x" * 1000)])
    raw = bytearray(archive.read_bytes())
    struct.pack_into("<L", raw, raw.index(b"PK\x01\x02") + 24, 10)
    archive.write_bytes(raw)
    with pytest.raises(ArchiveError, match="no whole zip or tar archive"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "missing"])
def test_damaged_archives_are_one_sentence(good: Path, tmp_path: Path, damage: str) -> None:
    raw = good.read_bytes()
    # a bare tar has checksums over its headers only
    middle = 0 if good.suffix == ".tar" else len(raw) // 3
    damaged = {
        "truncated": raw[: len(raw) // 2] if good.suffix != ".tar" else raw[:700],
        "flipped": raw[:middle]
        + bytes(byte ^ 255 for byte in raw[middle : middle + 40])
        + raw[middle + 40 :],
        "empty": b"",
        "text": b"<html>404 Not Found</html>",
    }
    if damage == "missing":
        good.unlink()
    else:
        good.write_bytes(damaged[damage])
    with pytest.raises(ArchiveError) as failure:
        extract(good, tmp_path / "out")
    assert str(good) in failure.value.problems[0]
    assert not (tmp_path / "out").exists()


def test_a_glob_that_matches_nothing(good: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"holds no member like \*/zz\.txt"):
        extract(good, tmp_path / "out", ["*.json", "*/zz.txt"])
    assert not (tmp_path / "out").exists()


@given(
    st.lists(
        st.text(st.sampled_from("ab./\\: \x01é"), min_size=1, max_size=12),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.sampled_from(list(ARCHIVES)),
)
@settings(max_examples=60, deadline=None)
def test_no_name_whatever_writes_outside(names: list[str], kind: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        archive = ARCHIVES[kind](root / kind, [(member, b"data") for member in names])
        try:
            paths = extract(archive, root / "inner" / "out")
        except ArchiveError:
            paths = []
        written = {path for path in root.rglob("*") if path.is_file()} - {archive}
        assert {p for p in written if not p.is_relative_to(root / "inner" / ".out.staging")} == set(paths)
        assert all(path.resolve().is_relative_to((root / "inner" / "out").resolve()) for path in paths)
