"""A loopback server that speaks the Hub's HTTP API as far as publishing and fetching a dataset uses it.

Repositories, commits, tags and large files live in memory. It can be told to answer with an error, or to cut the line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

TOKEN = "hf_" + "s3cret" * 5
_SMALL = 4_000  # bytes; larger files, and Parquet, are large ones


@dataclass
class Repository:
    private: bool
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=lambda: ["0" * 40])
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class State:
    """What the server holds; `faults` are (beginning of a request like "PUT /lfs", what to do) in order."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: list[tuple[str, int | str]] = field(default_factory=list)
    retry_after: str = "0"

    def hold(self, repo_id: str, folder: Path) -> None:
        """Makes a repository of a folder's files."""
        held = self.repositories[repo_id] = Repository(private=False)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                value = {
                    "path": path.relative_to(folder).as_posix(),
                    "content": base64.b64encode(path.read_bytes()),
                }
                _apply(self, held, "file", value)

    def content(self, repo_id: str, path: str) -> bytes:
        held = self.repositories[repo_id].files[path]
        return self.objects[held["lfs"]] if held["lfs"] else held["content"]


@contextmanager
def serving() -> Iterator[State]:
    state = State()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, method: str) -> None:
            path = unquote(urlparse(self.path).path)
            with lock:
                state.requests.append(f"{method} {path}")
                fault = next((one for one in state.faults if f"{method} {path}".startswith(one[0])), None)
                if fault is not None:
                    state.faults.remove(fault)
            if fault is not None and fault[1] == "cut":
                self.rfile.read(min(16, int(self.headers.get("Content-Length", 0))))
                self.close_connection = True
                self.connection.shutdown(2)
                return
            body = self._body()
            if fault is not None:
                self._send(int(fault[1]), {"error": "try later"}, {"Retry-After": state.retry_after})
                return
            if not path.startswith("/lfs/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, {"error": "Invalid user token."})
                return
            with lock:
                self._send(*_handle(state, method, path, body))

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                found = b""
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _send(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, said in ({"Content-Type": "application/json"} | (headers or {})).items():
                self.send_header(name, said)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            self._answer("HEAD")

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PUT(self) -> None:
            self._answer("PUT")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handle(state: State, method: str, path: str, body: bytes) -> tuple[Any, ...]:
    """Status, JSON and headers of an answer."""
    if path.startswith("/lfs/"):
        oid = path.removeprefix("/lfs/").removesuffix("/verify")
        if method == "PUT":
            if hashlib.sha256(body).hexdigest() != oid:
                return (400, {"error": "other content"})
            state.objects[oid] = body
        return (200 if oid in state.objects else 404, {})
    if path == "/api/validate-yaml":
        return (200, {"errors": [], "warnings": []})
    if path == "/api/repos/create":
        given = json.loads(body)
        repo_id = f"{given['organization']}/{given['name']}"
        exists = repo_id in state.repositories
        private = given.get("visibility") == "private"
        state.repositories.setdefault(repo_id, Repository(private))
        return (409 if exists else 200, {"url": f"{state.url}/datasets/{repo_id}"})
    parts = path.removeprefix("/api").removeprefix("/datasets/").split("/")
    repo_id = f"{parts[0]}/{parts[1].removesuffix('.git')}"
    if repo_id not in state.repositories:
        return (404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
    return _of_repository(state, state.repositories[repo_id], repo_id, method, parts[2:], body)


def _of_repository(
    state: State, repository: Repository, repo_id: str, method: str, rest: list[str], body: bytes
) -> tuple[Any, ...]:
    what = rest[0] if rest else ""
    if what == "tree":
        return (200, [_entry(path, held) for path, held in sorted(repository.files.items())])
    if what == "refs":
        head = repository.commits[-1]
        tags = [
            {"name": name, "ref": f"refs/tags/{name}", "targetCommit": commit}
            for name, commit in repository.tags.items()
        ]
        return (
            200,
            {
                "branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": head}],
                "tags": tags,
                "converts": [],
            },
        )
    if what == "tag":
        if method == "DELETE":
            return (200 if repository.tags.pop(rest[1], None) else 404, {})
        name = json.loads(body)["tag"]
        exists = name in repository.tags
        repository.tags.setdefault(name, repository.commits[-1])
        return (409 if exists else 200, {})
    if what == "preupload":
        files = json.loads(body)["files"]
        return (200, {"files": [_mode(repository, file) for file in files]})
    if what == "info":  # LFS
        objects = json.loads(body)["objects"]
        return (200, {"transfer": "basic", "objects": [_upload(state, one) for one in objects]})
    if what == "commit":
        lines = [json.loads(line) for line in body.splitlines() if line]
        for line in lines:
            _apply(state, repository, line["key"], line["value"])
        repository.commits.append(hashlib.sha1(body + repository.commits[-1].encode()).hexdigest())
        oid = repository.commits[-1]
        return (
            200,
            {
                "success": True,
                "commitOid": oid,
                "commitUrl": f"{state.url}/datasets/{repo_id}/commit/{oid}",
                "hookOutput": "",
            },
        )
    head = repository.commits[-1]
    revisions = {"main": head, head: head} | repository.tags
    if what in ("resolve", "revision") and rest[1] not in revisions:
        return (404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
    if what == "resolve":
        path = "/".join(rest[2:])
        headers = {"X-Repo-Commit": revisions[rest[1]], "ETag": repository.files[path]["oid"]}
        return (200, state.content(repo_id, path), headers)
    siblings = [{"rfilename": path} for path in sorted(repository.files)]
    return (200, {"id": repo_id, "sha": head, "private": repository.private, "siblings": siblings})


def _entry(path: str, held: dict[str, Any]) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": held["size"], "oid": held["oid"]}
    return entry | (
        {"lfs": {"oid": held["lfs"], "size": held["size"], "pointerSize": 130}} if held["lfs"] else {}
    )


def _mode(repository: Repository, file: dict[str, Any]) -> dict[str, Any]:
    large = file["size"] > _SMALL or file["path"].endswith(".parquet")
    held = repository.files.get(file["path"])
    found = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
    return found | ({"oid": held["lfs"] or held["oid"]} if held else {})


def _upload(state: State, one: dict[str, Any]) -> dict[str, Any]:
    if one["oid"] in state.objects:
        return one
    href = f"{state.url}/lfs/{one['oid']}"
    return one | {"actions": {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}}


def _apply(state: State, repository: Repository, key: str, value: dict[str, Any]) -> None:
    if key == "file":
        content = base64.b64decode(value["content"])
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        repository.files[value["path"]] = {"size": len(content), "oid": oid, "lfs": None, "content": content}
    elif key == "lfsFile":
        assert value["oid"] in state.objects
        pointer = hashlib.sha1(value["oid"].encode()).hexdigest()
        repository.files[value["path"]] = {"size": value["size"], "oid": pointer, "lfs": value["oid"]}
    elif key == "deletedFile":
        del repository.files[value["path"]]
