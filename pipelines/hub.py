"""Publication on the Hugging Face Hub: what differs from the published revision, and the upload of that.

A dataset is published with its content hash as a tag. Files are compared by the hashes that the Hub keeps (SHA-256 of
large files, git's of small ones), so that nothing is sent twice: a second publication of the same content does nothing,
and one that was cut goes on where it stopped.
"""

from __future__ import annotations

import glob
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import DatasetCard, HfApi, get_token
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # of the library that it uses: httpx, or httpx2
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars, validate_repo_id  # type: ignore[attr-defined]
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
)

from pipelines.errors import UserError
from pipelines.http import retry_after_s

_TYPE = "dataset"
_KEPT = ".gitattributes"  # the Hub's own
_ATTEMPTS = 5
_LONGEST_S = 600.0  # of the waits that a server asks for: the Hub counts requests in windows of five minutes
_BUSY = (408, 429, 500, 502, 503, 504)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Difference:
    """Files by what publishing does to them: names with their bytes."""

    new: dict[str, int]
    changed: dict[str, int]
    same: dict[str, int]
    gone: dict[str, int]

    @property
    def nothing(self) -> bool:
        return not (self.new or self.changed or self.gone)


@dataclass(frozen=True)
class Published:
    """What is on the Hub: the difference that was made (or would be), the tag, and the address."""

    difference: Difference
    tag: str
    url: str
    changed: bool


class Hub:
    """One dataset repository. `pause` is the longest wait in seconds between tries of a busy server."""

    def __init__(self, repo_id: str, pause: float = 60.0) -> None:
        """Raises `UserError` if `repo_id` is no name of a repository, or there is no token."""
        try:
            validate_repo_id(repo_id)
        except HFValidationError as error:
            raise UserError(
                f"--repo-id {repo_id}: is no name of a repository ({str(error).split('. ')[0]})"
            ) from None
        if repo_id.count("/") != 1:
            raise UserError(f"--repo-id {repo_id}: expected user/name or organisation/name")
        self._token = get_token()
        if not self._token:
            raise UserError("no token of the Hub: set HF_TOKEN, or run `hf auth login`")
        self.repo_id = repo_id
        self._pause = pause
        self._api = HfApi(token=self._token)
        disable_progress_bars()

    def difference(self, folder: Path) -> Difference:
        """What publishing `folder` would change. Raises `UserError`."""
        there = self._tree()
        local = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
        new: dict[str, int] = {}
        changed: dict[str, int] = {}
        same: dict[str, int] = {}
        for name, path in local.items():
            size = path.stat().st_size
            into = new if name not in there else same if _is(path, there[name]) else changed
            into[name] = size
        gone = {name: file.size for name, file in there.items() if name not in local and name != _KEPT}
        return Difference(new, changed, same, gone)

    def publish(self, folder: Path, content_sha256: str, private: bool) -> Published:
        """Uploads what differs, in one commit or a few, and tags it. Raises `UserError`.

        So it does if a repository that is public already was to be `private`.
        """
        if private and self._public():
            raise UserError(
                f"--private: {self.url} is public; make it private in its settings, or leave the option out"
            )
        found, tag = self.difference(folder), tag_of(content_sha256)
        if found.nothing and self._tagged(tag):
            return Published(found, tag, self.url, False)
        self._call(
            lambda: self._api.create_repo(
                self.repo_id, repo_type=_TYPE, private=private or None, exist_ok=True
            )
        )
        if not found.nothing:
            self._call(
                lambda: self._api.upload_folder(
                    repo_id=self.repo_id,
                    repo_type=_TYPE,
                    folder_path=folder,
                    commit_message=f"Polyinstruct dataset, content {content_sha256[:16]}",
                    ignore_patterns=[".*", "**/.*"],
                    delete_patterns=[glob.escape(name) for name in found.gone] or None,
                )
            )
        # a tag that was given to other files is moved: it names the content, and this is it
        if self._tagged(tag, anywhere=True):
            self._call(lambda: self._api.delete_tag(self.repo_id, tag=tag, repo_type=_TYPE))
        self._call(lambda: self._api.create_tag(self.repo_id, tag=tag, repo_type=_TYPE, exist_ok=True))
        return Published(found, tag, self.url, True)

    @property
    def url(self) -> str:
        return f"{self._api.endpoint}/datasets/{self.repo_id}"

    def _public(self) -> bool:
        """Whether there is a repository that everybody can read."""

        def looked() -> bool:
            try:
                return not self._api.repo_info(self.repo_id, repo_type=_TYPE).private
            except RepositoryNotFoundError:
                return False

        return self._call(looked)

    def _tree(self) -> dict[str, RepoFile]:
        """The files of the published revision; none where there is no repository yet."""

        def listed() -> dict[str, RepoFile]:
            try:
                entries = self._api.list_repo_tree(self.repo_id, repo_type=_TYPE, recursive=True)
                return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
            except (RepositoryNotFoundError, RevisionNotFoundError):
                return {}

        return self._call(listed)

    def _tagged(self, tag: str, anywhere: bool = False) -> bool:
        """Whether the published revision bears a tag; with `anywhere`, whether any does."""

        def looked() -> bool:
            try:
                refs = self._api.list_repo_refs(self.repo_id, repo_type=_TYPE)
            except RepositoryNotFoundError:
                return False
            heads = {ref.target_commit for ref in refs.branches if ref.name == "main"}
            return any(ref.name == tag and (anywhere or ref.target_commit in heads) for ref in refs.tags)

        return self._call(looked)

    def _wait(self, state: RetryCallState) -> float:
        """Seconds to the next try: as long as the server asks (429), else longer each time."""
        error = state.outcome.exception() if state.outcome else None
        response: Any = error.response if isinstance(error, HfHubHTTPError) else None  # httpx's, or httpx2's
        asked = retry_after_s(response) if response is not None else None
        backoff = min(2.0 ** (state.attempt_number - 1) + random.random(), self._pause)
        return max(backoff, min(asked or 0.0, _LONGEST_S))

    def _call(self, do: Callable[[], Result]) -> Result:
        """Does a call to the Hub, again while it is busy or the line breaks. Raises `UserError` if it fails."""
        retrying = Retrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=self._wait,
            reraise=True,
        )
        try:
            return retrying(do)
        except (HTTPError, OSError, ValueError, RuntimeError, RetryError) as error:
            said = str(error).strip().replace(self._token or "\0", "***")
            lines = [line.strip() for line in said.splitlines() if line.strip()]
            reason = "; ".join(lines[:3]) or type(error).__name__
            if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
                raise UserError(f"{self.url}: the token is not allowed to do this ({reason})") from None
            raise UserError(
                f"{self.url}: {reason}; run the same command again to go on where it stopped"
            ) from None


def tag_of(content_sha256: str) -> str:
    return f"content-{content_sha256[:16]}"


def files_of(folder: Path) -> list[Path]:
    """The files that are published: all but hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def check_card(folder: Path) -> None:
    """Raises `UserError` unless the folder has a card whose metadata is valid and names its configs."""
    path = folder / "README.md"
    try:
        metadata: dict[str, Any] = DatasetCard.load(path).data.to_dict()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); make the dataset again") from None
    except Exception as error:  # what a card's YAML may raise has no common kind
        raise UserError(
            f"{path}: its metadata are not valid ({' '.join(str(error).split())[:200]})"
        ) from None
    missing = [key for key in ("license", "language", "configs") if not metadata.get(key)]
    if missing:
        raise UserError(f"{path}: its metadata lack {', '.join(missing)}")


def _passes(error: BaseException) -> bool:
    """Whether a failure may be over in a moment: a busy server, a broken line."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _BUSY
    return isinstance(error, HTTPError | ConnectionError) or isinstance(error.__cause__, HTTPError)


def _is(path: Path, remote: RepoFile) -> bool:
    """Whether a local file is the one on the Hub."""
    if path.stat().st_size != remote.size:
        return False
    with open(path, "rb") as stream:
        if remote.lfs is not None:
            return hashlib.file_digest(stream, "sha256").hexdigest() == remote.lfs.sha256
        content = stream.read()
    return (
        hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        == remote.blob_id
    )
