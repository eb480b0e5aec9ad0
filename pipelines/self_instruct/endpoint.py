"""An OpenAI-compatible endpoint: `POST <base URL>/chat/completions`.

The key goes into the `Authorization` header and nowhere else: what comes back, answers and errors alike, is searched
for it before anything is kept or said, for some servers quote it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from pipelines.errors import UserError
from pipelines.http import TransientError, pause_s, retry_after_s
from pipelines.self_instruct.requests import Answer, Request, estimated_tokens
from schemas.generator import GeneratorConfig

_AGAIN = frozenset({408, 409, 425, 429})  # and 5xx: another try may succeed
_SHOWN = 300  # characters of what a server says
HIDDEN = "[key]"
_SHORTEST_KEY = 8  # what is shorter (`x`, `none`, `EMPTY`) is no secret, but a word that answers may hold


class Endpoint:
    """Asks an endpoint, patiently. One client serves all threads."""

    def __init__(self, config: GeneratorConfig, key: str | None) -> None:
        assert config.endpoint is not None
        self._config = config
        self._url = f"{config.endpoint.rstrip('/')}/chat/completions"
        self._secret = _any_spelling(key) if key and len(key) >= _SHORTEST_KEY else None
        headers = {"User-Agent": "polyinstruct"}
        if key:
            if not (key.isascii() and key.isprintable()):  # httpx would quote it in its complaint
                raise UserError(f"{config.key_env}: expected a key of printable ASCII characters")
            headers["Authorization"] = f"Bearer {key}"
        limits = httpx.Limits(max_connections=config.concurrency)
        # no redirects: the key is for this host
        self._client = httpx.Client(headers=headers, timeout=config.timeout_s, limits=limits)

    def answer(self, request: Request) -> Answer:
        """The endpoint's answer.

        A connection that is cut or silent, an answer that is no JSON, 408, 409, 425, 429 and 5xx are tried again, no
        sooner than the server asks; any other refusal is an error at once. Raises `UserError`.
        """
        config = self._config

        def pause(state: RetryCallState) -> float:
            return pause_s(state, state.attempt_number, config.backoff_s, config.longest_wait_s)

        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(config.retries + 1),
            wait=pause,
            reraise=True,
        )
        try:
            return retrying(self._try_once, request)
        except TransientError as error:
            raise UserError(
                f"{self._url}: given up at try {config.retries + 1} ({error}); what was answered is stored, run the "
                "same command again to go on"
            ) from None

    def _try_once(self, request: Request) -> Answer:
        try:
            response = self._client.post(self._url, json=request.body())
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise UserError(f"{self._url}: cannot be asked ({self._hide(str(error))})") from None
        except httpx.RequestError as error:  # among others: a body that cannot be decompressed
            raise TransientError(self._hide(str(error)) or type(error).__name__) from None
        text = response.text
        if response.status_code in _AGAIN or response.status_code >= 500:
            raise self._transient(response, text)
        if response.status_code != 200:
            advice = ""
            if response.status_code in (401, 403):
                advice = f"; the key is read from the environment variable {self._config.key_env}"
            raise UserError(
                f"{self._url}: refuses the request ({self._told(response)}: {self._message(text)}){advice}"
            )
        try:
            answer = read_answer(json.loads(text), request)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            raise TransientError(f"the answer is no chat completion: {self._hide(text)[:_SHOWN]!r}") from None
        return replace(answer, text=self._hide(answer.text), finish_reason=self._hide(answer.finish_reason))

    def _transient(self, response: httpx.Response, text: str) -> Exception:
        told = self._told(response)
        asked = retry_after_s(response)
        if asked is not None and asked > self._config.longest_wait_s:
            return UserError(f"{self._url}: the server asks to wait {asked:.0f} s ({told}); try later")
        if response.status_code == 429 and "insufficient_quota" in text:
            return UserError(f"{self._url}: the account's quota is used up ({self._message(text)})")
        return TransientError(told, asked)

    def _hide(self, text: str) -> str:
        return self._secret.sub(HIDDEN, text) if self._secret else text

    def _told(self, response: httpx.Response) -> str:
        return self._hide(f"HTTP {response.status_code} {response.reason_phrase}".rstrip())

    def _message(self, text: str) -> str:
        """What an error body says, in a line; the key is looked for in what is shown, before it is cut."""
        return self._hide(_message(text))[:_SHOWN]


def _any_spelling(key: str) -> re.Pattern[str]:
    r"""The key as it is, and with any character escaped as JSON may do it (`\/`, `\u002f`), once or in a quotation.

    Few backslashes are tried, so that it takes linear time on a text that has many.
    """
    return re.compile(
        "".join(
            rf"(?:\\{{0,8}}{re.escape(character)}|\\{{1,8}}u(?i:{ord(character):04x}))" for character in key
        )
    )


def read_answer(body: dict[str, Any], request: Request) -> Answer:
    """The answer in the body of a chat completion. Raises `ValueError` and its like where it is none.

    An answer without content is an answer all the same: empty, or a refusal.
    """
    choice = body["choices"][0]
    message = choice["message"]
    content = message.get("content") or ""
    if not isinstance(content, str):  # parts, as some servers send them
        content = "".join(str(part.get("text") or "") for part in content)
    content = content.encode("utf-8", "replace").decode()  # JSON may hold lone surrogates, which are no text
    finish = str(choice.get("finish_reason") or "stop")
    refusal = bool(message.get("refusal")) or finish == "content_filter"
    usage = body.get("usage") or {}
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    if all(isinstance(count, int) and count >= 0 for count in counts):
        return Answer(content, finish, refusal, counts[0], counts[1], True)  # type: ignore[arg-type]
    estimates = (estimated_tokens(request.prompt), estimated_tokens(content))
    return Answer(content, finish, refusal, *estimates, False)


def _message(text: str) -> str:
    """What an error body says, in a line."""
    try:
        body = json.loads(text)
        found = body.get("error", body.get("detail", body)) if isinstance(body, dict) else body
        said = found.get("message", found) if isinstance(found, dict) else found
    except ValueError:
        said = text
    return " ".join(str(said).split())
