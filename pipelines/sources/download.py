"""Downloads that survive bad lines: resumed, retried, checked, and visible only when whole.

What has come so far lies in `<name>.part`, with a note beside it (`<name>.part.version`) of which version of
the remote file it belongs to; only bytes of that same version are ever added to it (RFC 9110, If-Range). The
final name is given by one atomic rename after every check has passed.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from pipelines.errors import UserError
from pipelines.http import TransientError, pause_s, retry_after_s
from pipelines.sources.checksums import UnsoundError, record, recorded_sha256, verify
from pipelines.sources.partial import Part, Version
from pipelines.sources.registry import RemoteFile

Progress = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes of the whole file (None where the server does not tell)."""


class DownloadError(UserError):
    """A file could not be had; the sentence names it and says why."""


@dataclass(frozen=True)
class ClientSettings:
    """How patient a download is."""

    retries: int = 5
    """Tries after a failed one. Only tries in a row that brought nothing new count."""
    timeout_s: float = 30.0
    """Seconds without a byte before a connection is given up."""
    backoff_s: float = 1.0
    """Seconds before the next try, and as many again at random; doubled while tries bring nothing. A server may ask
    for more (Retry-After)."""
    longest_wait_s: float = 120.0
    """Seconds to wait at most, be it for back-off or because the server asks for it (Retry-After)."""


@dataclass(frozen=True)
class Downloaded:
    """A whole file on the disk."""

    path: Path
    bytes: int
    sha256: str
    fetched: bool
    """False if it was there already."""


def download(
    remote: RemoteFile,
    directory: Path,
    *,
    settings: ClientSettings = ClientSettings(),
    progress: Progress | None = None,
) -> Downloaded:
    """Downloads one file into `directory`, unless it is there already and whole.

    A file that is there is verified against `remote.sha256`, else against the checksum recorded when it came,
    else by its own format; if that fails, it is fetched anew. A connection that is cut or silent, 408, 425,
    429 and 5xx are tried again; any other refusal fails at once. A length that turns out too large is seen as
    a cut. One that is too small cannot be seen over HTTP, where the message ends with it: the checksum, or
    reading the gzip or zip through, finds that. Raises `DownloadError`. Not for two processes at once.
    """
    target = directory / remote.filename
    part = Part(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sha256 = _present(remote, directory)
        if fetched := sha256 is None:
            sha256 = _transfer_patiently(remote, part, settings, progress or (lambda done, total: None))
            part.publish(target)
        size = target.stat().st_size
        if fetched or recorded_sha256(directory, remote.filename) is None:
            record(directory, remote.filename, size=size, sha256=sha256, url=remote.shown_url)
    except OSError as error:
        where = error.filename or target
        raise DownloadError(f"{where}: cannot be read or written ({error.strerror or error}).") from None
    return Downloaded(target, size, sha256, fetched)


def _present(remote: RemoteFile, directory: Path) -> str | None:
    """The checksum of the file if it is there and whole."""
    path = directory / remote.filename
    if not path.is_file():
        return None
    try:
        return verify(path, path.name, remote.sha256 or recorded_sha256(directory, remote.filename))
    except UnsoundError:
        return None


def _transfer_patiently(remote: RemoteFile, part: Part, settings: ClientSettings, progress: Progress) -> str:
    """Tries until the part holds the whole file and its content is sound; returns its checksum."""
    furthest, fruitless = part.size(), 0

    def measure(state: RetryCallState) -> None:
        nonlocal furthest, fruitless
        fruitless = 0 if part.size() > furthest else fruitless + 1
        furthest = max(furthest, part.size())

    def wait(state: RetryCallState) -> float:
        return pause_s(state, fruitless, settings.backoff_s, settings.longest_wait_s)

    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        after=measure,
        stop=lambda state: fruitless > settings.retries,
        wait=wait,
        reraise=True,
    )
    try:
        with httpx.Client(
            verify=_certificates(),
            timeout=settings.timeout_s,
            follow_redirects=True,
            headers={"User-Agent": "polyinstruct"},
        ) as client:
            return retrying(_try_once, client, remote, part, settings, progress)
    except TransientError as error:
        tries = retrying.statistics["attempt_number"]
        raise DownloadError(
            f"{remote.shown_url}: given up at try {tries} ({error}); run the same command again to go on."
        ) from None


@cache
def _certificates() -> ssl.SSLContext:
    """Reading the certificate store takes a tenth of a second: once is enough."""
    return httpx.create_ssl_context()


def _try_once(
    client: httpx.Client, remote: RemoteFile, part: Part, settings: ClientSettings, progress: Progress
) -> str:
    try:
        resumed = _transfer(client, remote, part, settings, progress)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise DownloadError(f"{remote.shown_url}: cannot be fetched ({error}).") from None
    except httpx.TransportError as error:
        raise TransientError(str(error) or type(error).__name__) from None
    try:
        return verify(part.path, remote.filename, remote.sha256)
    except UnsoundError as fault:
        part.discard()
        if resumed:  # the pieces may not belong together: once more, in one piece
            raise TransientError(str(fault)) from None
        raise DownloadError(f"{remote.shown_url}: what came is not the file: {fault}.") from None


def _transfer(
    client: httpx.Client, remote: RemoteFile, part: Part, settings: ClientSettings, progress: Progress
) -> bool:
    """One request, which goes on where the part ends if it can; returns whether it did."""
    version, offset = part.version(), part.size()
    headers = {"Accept-Encoding": "identity"}  # lengths and offsets are those of the file itself
    if offset and version and version.url == remote.shown_url and version.validator:
        headers |= {"Range": f"bytes={offset}-", "If-Range": version.validator}
    else:
        version = None
    with client.stream("GET", remote.url, headers=headers) as response:
        if version and response.status_code in (206, 416):
            start, total = _content_range(response)
            same = version.agrees_with(_version_of(response, remote.shown_url, total))
            if same and response.status_code == 416 and total == offset:
                return True  # there was nothing left to send
            if not same or start != offset:
                part.discard()
                raise TransientError(f"the server cannot go on from byte {offset} of this version")
            version = replace(version, total=version.total or total)
        else:
            _expect_whole_file(response, remote, settings)
            length = response.headers.get("Content-Length", "")
            version = _version_of(response, remote.shown_url, int(length) if length.isdecimal() else None)
            part.begin(version)
            offset = 0
        done = offset
        progress(done, version.total)
        with part.path.open("ab") as sink:
            for chunk in response.iter_raw():
                sink.write(chunk)
                done += len(chunk)
                progress(done, version.total)
    if version.total is not None and done != version.total:
        if done > version.total:
            part.discard()
        raise TransientError(f"{done} bytes came of {version.total}")
    return offset > 0


def _version_of(response: httpx.Response, url: str, total: int | None) -> Version:
    return Version(url, response.headers.get("ETag"), response.headers.get("Last-Modified"), total)


def _content_range(response: httpx.Response) -> tuple[int | None, int | None]:
    """First byte and total of a Content-Range header; None for what it does not tell."""
    match = re.fullmatch(
        r"bytes (?:(\d{1,18})-\d+|\*)/(?:(\d{1,18})|\*)", response.headers.get("Content-Range", "")
    )
    start, total = match.groups() if match else (None, None)
    return int(start) if start else None, int(total) if total else None


def _expect_whole_file(response: httpx.Response, remote: RemoteFile, settings: ClientSettings) -> None:
    """Raises unless the response brings the file from its first byte on."""
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        asked = retry_after_s(response)
        if asked is not None and asked > settings.longest_wait_s:
            raise DownloadError(
                f"{remote.shown_url}: the server asks to wait {asked:.0f} s (HTTP {status}); try later."
            )
        raise TransientError(_status_text(response), asked)
    if status != 200:
        raise DownloadError(
            f"{remote.shown_url}: the server does not give this file ({_status_text(response)})."
        )
    encoding = response.headers.get("Content-Encoding", "identity")
    # some servers call the compression of a .gz file an encoding; the bytes are the file's all the same
    if encoding != "identity" and not remote.filename.endswith(".gz"):
        raise DownloadError(
            f"{remote.shown_url}: the server sends it compressed ({encoding}), though asked not to."
        )


def _status_text(response: httpx.Response) -> str:
    return f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
