"""A real HTTP server on the loopback that can be told to misbehave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Seen:
    """A request as the server saw it."""

    path: str
    at: float
    range: str | None
    if_range: str | None


@dataclass
class Loopback:
    """Answers each path with its answers in turn, the last one for ever; 404 for a path that has none."""

    port: int = 0
    requests: list[Seen] = field(default_factory=list)
    _answers: dict[str, list[Answer]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str, *answers: Answer) -> str:
        """Sets the answers of a path and returns its URL."""
        self._answers[path] = list(answers)
        return self.url(path)

    @property
    def ranges(self) -> list[str | None]:
        return [seen.range for seen in self.requests]

    def close(self) -> None:
        self._over.set()

    def status(self, code: int, **headers: str) -> Answer:
        """An answer without a file."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(code)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return answer

    def file(
        self,
        body: bytes,
        *,
        etag: str | None = '"one"',
        modified: str | None = None,
        ranges: bool = True,
        heed_if_range: bool = True,
        cut: int | None = None,
        stall: int | None = None,
        length: int | None = None,
        total: int | None = None,
        first: int | None = None,
        chunked: bool = False,
        encoding: str | None = None,
    ) -> Answer:
        """A file, served rightly unless told otherwise.

        `cut` and `stall`: bytes after which the connection is closed, or falls silent. `length`: a
        Content-Length that is not true; `total`, `first`: the same for Content-Range. `ranges=False` ignores
        Range, `heed_if_range=False` only If-Range.
        """

        def answer(handler: BaseHTTPRequestHandler) -> None:
            asked = handler.headers.get("Range") if ranges else None
            condition = handler.headers.get("If-Range")
            if asked and heed_if_range and condition not in (etag, modified):
                asked = None
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            whole = len(body) if total is None else total
            if asked and start >= len(body):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{whole}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            rest = body[start:]
            handler.send_response(206 if asked else 200)
            if asked:
                begin = start if first is None else first
                handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{whole}")
            for name, value in (("ETag", etag), ("Last-Modified", modified), ("Content-Encoding", encoding)):
                if value:
                    handler.send_header(name, value)
            if chunked:
                handler.send_header("Transfer-Encoding", "chunked")
                rest = b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest)
            else:
                handler.send_header("Content-Length", str(len(rest) if length is None else length))
            handler.end_headers()
            stop = min(part for part in (cut, stall, len(rest)) if part is not None)
            handler.wfile.write(rest[:stop])
            handler.wfile.flush()
            if stall is not None:
                self._over.wait(10)
            handler.close_connection = stop < len(rest) or length is not None

        return answer

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        headers = handler.headers
        self.requests.append(
            Seen(handler.path, time.monotonic(), headers.get("Range"), headers.get("If-Range"))
        )
        answers = self._answers.get(handler.path, [self.status(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    loopback = Loopback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            loopback.handle(self)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    loopback.port = httpd.server_address[1]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield loopback
    loopback.close()
    httpd.shutdown()
    httpd.server_close()
    thread.join()
