"""Downloads against a server that cuts, stalls, refuses, forgets and lies."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import socket
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import UserError
from pipelines.sources.download import ClientSettings, DownloadError, download
from pipelines.sources.registry import RemoteFile

if TYPE_CHECKING:
    from conftest import Loopback

QUICK = ClientSettings(retries=2, timeout_s=5.0, backoff_s=0.01, longest_wait_s=2.0)
BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
LONGER = BODY + b"more"
CUT = 100_000
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_whole_file_comes_in_one_request_and_goes_on_record(server: Loopback, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    remote = RemoteFile(server.on("/a.bin", server.file(BODY)), "eval/a.bin")
    got = download(remote, tmp_path, settings=QUICK, progress=lambda done, total: steps.append((done, total)))
    assert (tmp_path / "eval" / "a.bin").read_bytes() == BODY
    assert (got.fetched, got.bytes, got.sha256) == (True, len(BODY), sha256(BODY))
    assert server.ranges == [None]
    assert names(tmp_path) == {"eval", "checksums.json"}
    assert names(tmp_path / "eval") == {"a.bin"}
    entry = {"bytes": len(BODY), "sha256": sha256(BODY), "url": remote.url}
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"eval/a.bin": entry}
    assert steps[0] == (0, len(BODY))
    assert steps[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_what_is_there_and_whole_is_not_asked_for_again(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(BODY)), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    again = download(remote, tmp_path, settings=QUICK)
    assert (again.fetched, again.sha256) == (False, sha256(BODY))
    assert len(server.requests) == 1


@pytest.mark.parametrize("expected", [None, sha256(BODY)])
def test_a_file_that_changed_on_the_disk_is_fetched_anew(
    server: Loopback, tmp_path: Path, expected: str | None
) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(BODY)), "a.bin", expected)
    download(remote, tmp_path, settings=QUICK)
    (tmp_path / "a.bin").write_bytes(OTHER)
    assert download(remote, tmp_path, settings=QUICK).fetched
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_file_put_there_by_hand_is_taken_if_its_format_vouches_for_it(
    server: Loopback, tmp_path: Path
) -> None:
    whole = gzip.compress(BODY)
    remote = RemoteFile(server.on("/a.gz", server.file(whole)), "a.gz")
    (tmp_path / "a.gz").write_bytes(whole[:-100])
    assert download(remote, tmp_path, settings=QUICK).fetched
    (tmp_path / "checksums.json").unlink()
    assert not download(remote, tmp_path, settings=QUICK).fetched
    assert json.loads((tmp_path / "checksums.json").read_text())["a.gz"]["sha256"] == sha256(whole)
    assert len(server.requests) == 1


def test_after_a_cut_the_rest_is_asked_for_and_nothing_half_written_has_the_final_name(
    server: Loopback, tmp_path: Path
) -> None:
    there: list[bool] = []
    rest = server.file(BODY)

    def look_then_serve(handler: object) -> None:
        there.append((tmp_path / "a.bin").exists())
        rest(handler)  # type: ignore[arg-type]

    remote = RemoteFile(server.on("/a.bin", server.file(BODY, cut=CUT), look_then_serve), "a.bin")
    got = download(remote, tmp_path, settings=QUICK)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert got.sha256 == sha256(BODY)
    assert server.ranges == [None, f"bytes={CUT}-"]
    assert server.requests[1].if_range == '"one"'
    assert there == [False]
    assert names(tmp_path) == {"a.bin", "checksums.json"}


def test_a_second_run_goes_on_where_the_first_gave_up(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(BODY, cut=CUT), server.status(500)), "a.bin")
    hasty = ClientSettings(retries=0, timeout_s=5.0, backoff_s=0.01)
    with pytest.raises(DownloadError, match=r"a\.bin: given up at try 2 .*run the same command again"):
        download(remote, tmp_path, settings=hasty)
    assert names(tmp_path) == {"a.bin.part", "a.bin.part.version"}
    server.on("/a.bin", server.file(BODY))
    download(remote, tmp_path, settings=hasty)
    assert server.ranges == [None, f"bytes={CUT}-", f"bytes={CUT}-"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_tries_that_bring_something_do_not_use_up_patience(server: Loopback, tmp_path: Path) -> None:
    bits = [server.file(BODY, cut=30_000)] * 9 + [server.file(BODY)]
    remote = RemoteFile(server.on("/a.bin", *bits), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, *(f"bytes={30_000 * n}-" for n in range(1, 10))]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_silent_connection_is_given_up_and_resumed(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(BODY, stall=CUT), server.file(BODY)), "a.bin")
    download(remote, tmp_path, settings=ClientSettings(retries=1, timeout_s=0.3, backoff_s=0.01))
    assert server.ranges == [None, f"bytes={CUT}-"]
    assert 0.3 <= server.requests[1].at - server.requests[0].at < 5.0
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_server_that_ignores_range_makes_it_start_over(server: Loopback, tmp_path: Path) -> None:
    answers = (server.file(BODY, cut=CUT), server.file(BODY, ranges=False))
    remote = RemoteFile(server.on("/a.bin", *answers), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={CUT}-"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_file_changed_between_tries_is_not_patched_together(server: Loopback, tmp_path: Path) -> None:
    answers = (server.file(BODY, cut=CUT), server.file(OTHER, etag='"two"'))
    remote = RemoteFile(server.on("/a.bin", *answers), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={CUT}-"]
    assert (tmp_path / "a.bin").read_bytes() == OTHER


@pytest.mark.parametrize(
    "lie",
    [
        {"etag": '"two"', "heed_if_range": False},
        {"total": len(BODY) + 1},
        {"first": CUT - 1},
    ],
    ids=["another version", "another total", "another first byte"],
)
def test_a_partial_answer_that_does_not_fit_makes_it_start_over(
    server: Loopback, tmp_path: Path, lie: dict[str, object]
) -> None:
    answers = (server.file(BODY, cut=CUT), server.file(OTHER, **lie), server.file(OTHER))  # type: ignore[arg-type]
    remote = RemoteFile(server.on("/a.bin", *answers), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={CUT}-", None]
    assert (tmp_path / "a.bin").read_bytes() == OTHER


@pytest.mark.parametrize(
    ("etag", "modified", "resumed_with"),
    [(None, DATE, DATE), ('W/"one"', DATE, DATE), ('W/"one"', None, None), (None, None, None)],
    ids=["date only", "weak tag and date", "weak tag only", "nothing"],
)
def test_only_a_strong_validator_lets_it_resume(
    server: Loopback, tmp_path: Path, etag: str | None, modified: str | None, resumed_with: str | None
) -> None:
    whole = server.file(BODY, etag=etag, modified=modified)
    remote = RemoteFile(
        server.on("/a.bin", server.file(BODY, etag=etag, modified=modified, cut=CUT), whole), "a.bin"
    )
    download(remote, tmp_path, settings=QUICK)
    assert server.requests[1].if_range == resumed_with
    assert server.ranges[1] == (f"bytes={CUT}-" if resumed_with else None)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def killed_before_the_rename(remote: RemoteFile, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            download(remote, directory, settings=QUICK)
    assert not (directory / remote.filename).exists()


def test_416_finishes_a_part_that_is_complete(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(BODY)), "a.bin")
    killed_before_the_rename(remote, tmp_path, monkeypatch)
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={len(BODY)}-"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_416_for_a_part_that_is_too_long_makes_it_start_over(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(LONGER)), "a.bin")
    killed_before_the_rename(remote, tmp_path, monkeypatch)
    server.on("/a.bin", server.file(BODY))  # the same tag, as a careless server would
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={len(LONGER)}-", None]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_416_that_does_not_tell_the_length_makes_it_start_over(server: Loopback, tmp_path: Path) -> None:
    answers = (server.file(BODY, cut=CUT), server.status(416), server.file(BODY))
    remote = RemoteFile(server.on("/a.bin", *answers), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={CUT}-", None]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_server_that_sends_less_of_a_range_than_asked_is_asked_again(
    server: Loopback, tmp_path: Path
) -> None:
    answers = (server.file(BODY, cut=CUT), server.file(BODY, length=50_000), server.file(BODY))
    remote = RemoteFile(server.on("/a.bin", *answers), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={CUT}-", f"bytes={CUT + 50_000}-"]
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_part_of_another_url_is_not_gone_on_with(server: Loopback, tmp_path: Path) -> None:
    first = RemoteFile(server.on("/a.bin", server.file(BODY, cut=CUT), server.status(404)), "a.bin")
    with pytest.raises(DownloadError):
        download(first, tmp_path, settings=QUICK)
    assert (tmp_path / "a.bin.part").stat().st_size == CUT
    mirror = RemoteFile(server.on("/mirror/a.bin", server.file(OTHER)), "a.bin")
    download(mirror, tmp_path, settings=QUICK)
    assert server.requests[-1].range is None
    assert (tmp_path / "a.bin").read_bytes() == OTHER


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_fails_at_once_and_names_the_url(server: Loopback, tmp_path: Path, code: int) -> None:
    remote = RemoteFile(server.on("/a.bin", server.status(code)), "a.bin")
    with pytest.raises(DownloadError) as failure:
        download(remote, tmp_path, settings=QUICK)
    (sentence,) = failure.value.problems
    assert remote.url in sentence
    assert f"HTTP {code}" in sentence
    assert len(server.requests) == 1
    assert names(tmp_path) == set()


def test_server_errors_are_tried_again(server: Loopback, tmp_path: Path) -> None:
    answers = (server.status(500), server.status(503), server.file(BODY))
    remote = RemoteFile(server.on("/a.bin", *answers), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert len(server.requests) == 3


def test_server_errors_without_end_are_given_up(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.status(502)), "a.bin")
    with pytest.raises(DownloadError, match=r"given up at try 3 \(HTTP 502"):
        download(remote, tmp_path, settings=QUICK)
    assert len(server.requests) == 1 + QUICK.retries


def test_back_off_doubles(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.status(500)), "a.bin")
    with pytest.raises(DownloadError):
        download(remote, tmp_path, settings=ClientSettings(retries=3, backoff_s=0.03))
    at = [seen.at for seen in server.requests]
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert all(wait >= 0.03 * 2**n for n, wait in enumerate(waits)), waits


def test_retry_after_in_seconds_is_respected(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.status(429, Retry_After="1"), server.file(BODY)), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert server.requests[1].at - server.requests[0].at >= 1.0


@pytest.mark.parametrize("asked", ["0", DATE])
def test_a_server_that_asks_for_no_wait_is_given_the_back_off(
    server: Loopback, tmp_path: Path, asked: str
) -> None:
    """0 seconds, or a date in the past, would use up all tries within milliseconds."""
    remote = RemoteFile(
        server.on("/a.bin", server.status(503, Retry_After=asked), server.file(BODY)), "a.bin"
    )
    download(remote, tmp_path, settings=ClientSettings(retries=1, backoff_s=0.2))
    assert server.requests[1].at - server.requests[0].at >= 0.2


def test_a_wait_beyond_all_patience_is_a_failure(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.status(429, Retry_After="3600")), "a.bin")
    with pytest.raises(DownloadError, match=r"asks to wait 3600 s .HTTP 429"):
        download(remote, tmp_path, settings=QUICK)
    assert len(server.requests) == 1


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without ranges"])
def test_a_content_length_too_large_is_never_believed(server: Loopback, tmp_path: Path, ranges: bool) -> None:
    lie = server.file(BODY, length=len(BODY) + 1000, ranges=ranges)
    remote = RemoteFile(server.on("/a.bin", lie), "a.bin")
    with pytest.raises(DownloadError, match="given up"):
        download(remote, tmp_path, settings=QUICK)
    assert not (tmp_path / "a.bin").exists()


@pytest.mark.parametrize("name", ["a.gz", "a.zip"])
def test_a_content_length_too_small_is_found_by_the_format(
    server: Loopback, tmp_path: Path, name: str
) -> None:
    body = gzip.compress(BODY)
    remote = RemoteFile(server.on("/a", server.file(body, length=len(body) - 500)), name)
    with pytest.raises(DownloadError, match=r"what came is not the file: it is no whole"):
        download(remote, tmp_path, settings=QUICK)
    assert names(tmp_path) == set()


def test_a_content_length_too_small_is_found_by_the_checksum(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a", server.file(BODY, length=CUT)), "a.json", sha256(BODY))
    with pytest.raises(DownloadError, match=f"its sha256 is {sha256(BODY[:CUT])}, expected {sha256(BODY)}"):
        download(remote, tmp_path, settings=QUICK)
    assert names(tmp_path) == set()


def test_an_empty_file_is_no_file(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a", server.file(b"")), "a.tsv.gz")
    with pytest.raises(DownloadError, match="it is empty"):
        download(remote, tmp_path, settings=QUICK)
    assert names(tmp_path) == set()


def test_a_wrong_checksum_fails_after_one_whole_download(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(OTHER)), "a.bin", sha256(BODY))
    with pytest.raises(DownloadError, match="not the file"):
        download(remote, tmp_path, settings=QUICK)
    assert len(server.requests) == 1
    assert names(tmp_path) == set()


@pytest.mark.parametrize("packed", [False, True], ids=["checksum", "gzip"])
def test_pieces_that_do_not_belong_together_are_fetched_in_one(
    server: Loopback, tmp_path: Path, packed: bool
) -> None:
    old, new = (gzip.compress(data, mtime=0) if packed else data for data in (OTHER, BODY))
    # the same tag for another content: only the content can tell
    answers = (server.file(old, cut=CUT), server.file(new), server.file(new))
    remote = RemoteFile(server.on("/a", *answers), "a.gz", None if packed else sha256(new))
    download(remote, tmp_path, settings=QUICK)
    assert server.ranges == [None, f"bytes={CUT}-", None]
    assert (tmp_path / "a.gz").read_bytes() == new


def test_a_chunked_answer_without_length_is_taken(server: Loopback, tmp_path: Path) -> None:
    remote = RemoteFile(server.on("/a.bin", server.file(BODY, chunked=True)), "a.bin")
    steps: list[int | None] = []
    download(remote, tmp_path, settings=QUICK, progress=lambda done, total: steps.append(total))
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert set(steps) == {None}


def test_a_compressed_transfer_is_refused_but_for_gz_files(server: Loopback, tmp_path: Path) -> None:
    packed = gzip.compress(BODY)
    url = server.on("/a", server.file(packed, encoding="gzip"))
    with pytest.raises(DownloadError, match=r"compressed \(gzip\)"):
        download(RemoteFile(url, "a.json"), tmp_path, settings=QUICK)
    download(RemoteFile(url, "a.tsv.gz"), tmp_path, settings=QUICK)
    assert (tmp_path / "a.tsv.gz").read_bytes() == packed


def test_redirects_are_followed(server: Loopback, tmp_path: Path) -> None:
    server.on("/new.bin", server.file(BODY))
    remote = RemoteFile(server.on("/old.bin", server.status(302, Location="/new.bin")), "a.bin")
    download(remote, tmp_path, settings=QUICK)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_no_server_at_all(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.bin"
        with pytest.raises(DownloadError, match="given up at try 3"):
            download(RemoteFile(url, "a.bin"), tmp_path, settings=QUICK)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a.bin", "no-url", "http://[::1"])
def test_what_is_no_http_url_fails_at_once(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="cannot be fetched"):
        download(RemoteFile(url, "a.bin"), tmp_path, settings=ClientSettings(backoff_s=60.0))


def test_credentials_of_a_mirror_are_written_nowhere(server: Loopback, tmp_path: Path) -> None:
    server.on("/a.bin", server.file(BODY))
    secret = server.url("").replace("http://", "http://user:s3cret@")
    download(RemoteFile(f"{secret}/a.bin", "a.bin"), tmp_path, settings=QUICK)
    assert "s3cret" not in (tmp_path / "checksums.json").read_text()
    with pytest.raises(DownloadError) as failure:
        download(RemoteFile(f"{secret}/b.bin", "b.bin"), tmp_path, settings=QUICK)
    assert "s3cret" not in str(failure.value)


def test_a_damaged_record_says_what_to_do(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "checksums.json").write_text('{"a.bin": ')
    remote = RemoteFile(server.on("/a.bin", server.file(BODY)), "a.bin")
    with pytest.raises(UserError, match=r"checksums\.json: is damaged; delete it"):
        download(remote, tmp_path, settings=QUICK)


def test_a_folder_that_cannot_be_written_is_one_sentence(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "eval").write_text("a file where a folder should be")
    remote = RemoteFile(server.on("/a.bin", server.file(BODY)), "eval/a.bin")
    with pytest.raises(DownloadError, match="cannot be read or written"):
        download(remote, tmp_path, settings=QUICK)
    assert server.requests == []
