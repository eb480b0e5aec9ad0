"""A scripted OpenAI-compatible server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server sends: a status, headers, a body; `cut` closes the connection in the middle of the body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    reason: str | None = None  # the status line's phrase, if it is not the usual one


def completion(text: str | None, finish_reason: str = "stop", **message: Any) -> Reply:
    """A chat completion, with a count of its words as tokens."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": len((text or "").split())},
    }
    return Reply(json.dumps(body).encode())


def error(status: int, message: str, **headers: str) -> Reply:
    return Reply(json.dumps({"error": {"message": message}}).encode(), status, dict(headers))


Answerer = Callable[[dict[str, Any]], Reply]


class ChatServer:
    """Replies as the script says, one reply after the other; then as `otherwise` says of the request's body."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.otherwise: Answerer = lambda body: completion("Yes")
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.at_once = 0  # most requests at the same time
        self._running = 0
        self._lock = threading.Lock()
        self.url = ""

    def reply(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Reply:
        with self._lock:
            self._running += 1
            self.at_once = max(self.at_once, self._running)
            self.bodies.append(body)
            self.headers.append(headers)
            self.paths.append(path)
            scripted = self.script.pop(0) if self.script else None
        try:
            return scripted or self.otherwise(body)
        finally:
            with self._lock:
                self._running -= 1


@contextmanager
def serving(script: Sequence[Reply] = ()) -> Iterator[ChatServer]:
    """Runs a server on a free port of loopback."""
    served = ChatServer()
    served.script = list(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = served.reply(self.path, dict(self.headers), body)
            self.send_response(reply.status, reply.reason)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
            if reply.cut:
                self.wfile.flush()
                self.connection.close()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
