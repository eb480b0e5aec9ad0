"""Asking an endpoint: errors of every kind, patience, and a key that is never seen again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, Reply, completion, error

from pipelines.errors import UserError
from pipelines.self_instruct.budget import Ledger
from pipelines.self_instruct.endpoint import Endpoint
from pipelines.self_instruct.generator import Generator
from pipelines.self_instruct.requests import Answer, Request
from pipelines.self_instruct.store import FILE, open_store
from schemas.generator import Budget, GeneratorConfig, Prices, Sampling

KEY = "sk-secret-7f3a"


def config(server: ChatServer, **given: Any) -> GeneratorConfig:
    return GeneratorConfig(endpoint=server.url, model="m", **({"backoff_s": 0.01, "timeout_s": 5} | given))


def request(prompt: str = "Say yes.", seed: int = 1, **sampling: Any) -> Request:
    return Request("m", prompt, Sampling(**sampling), seed, ("\n9.",))


def ask(server: ChatServer, **given: Any) -> Answer:
    return Endpoint(config(server, **given), KEY).answer(request())


def test_what_is_sent_and_what_comes_back(server: ChatServer) -> None:
    server.script = [completion("Yes, it is.", "length")]
    answer = Endpoint(config(server), KEY).answer(request(temperature=0.7, top_p=0.5, presence_penalty=2.0))
    assert answer == Answer("Yes, it is.", "length", False, 100, 3, True)
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert server.bodies == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Say yes."}],
            "temperature": 0.7,
            "top_p": 0.5,
            "presence_penalty": 2.0,
            "max_tokens": 512,
            "seed": 1,
            "stop": ["\n9."],
        }
    ]


def test_without_a_key_no_header_is_sent(server: ChatServer) -> None:
    Endpoint(config(server), None).answer(request())
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "fault",
    [
        error(429, "slow down"),
        error(500, "oops"),
        error(503, "busy"),
        Reply(completion("Yes").body, cut=True),
        Reply(b"<html>not json</html>"),
        Reply(b'{"choices": []}'),
        Reply(b'{"choices": [{"message": null}]}'),
        Reply(b"[1, 2"),
        Reply(b"no gzip", headers={"Content_Encoding": "gzip"}),
    ],
    ids=["429", "500", "503", "cut", "html", "no choices", "no message", "half json", "gzip"],
)
def test_what_may_pass_is_tried_again(server: ChatServer, fault: Reply) -> None:
    server.script = [fault, fault, completion("At last.")]
    assert ask(server).text == "At last."
    assert len(server.bodies) == 3
    server.script = [fault] * 3
    with pytest.raises(UserError, match=r"given up at try 3 .* run the same command again to go on"):
        ask(server, retries=2)
    assert not server.script


def test_the_server_says_how_long_to_wait(server: ChatServer) -> None:
    server.script = [error(429, "wait", Retry_After="1"), completion("Yes")]
    started = time.monotonic()
    ask(server)
    assert 0.9 < time.monotonic() - started < 30
    for at_once in ("0", "Thu, 01 Jan 1970 00:00:00 GMT"):  # the back-off is kept all the same
        server.script = [error(429, "wait", Retry_After=at_once), completion("Yes")]
        started = time.monotonic()
        ask(server, backoff_s=0.2)
        assert 0.2 <= time.monotonic() - started < 30
    server.script = [error(429, "wait", Retry_After="3600")]
    with pytest.raises(UserError, match=r"asks to wait 3600 s \(HTTP 429"):
        ask(server)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_cannot_pass_is_an_error_at_once_in_a_sentence(server: ChatServer, status: int) -> None:
    server.script = [error(status, "no such\nmodel")]
    with pytest.raises(UserError, match=rf"refuses the request \(HTTP {status}.*no such model\)") as raised:
        ask(server)
    assert len(server.bodies) == 1
    assert ("OPENAI_API_KEY" in str(raised.value)) == (status in (401, 403))


def test_a_used_up_quota_is_not_waited_for(server: ChatServer) -> None:
    server.script = [Reply(b'{"error": {"message": "pay", "code": "insufficient_quota"}}', 429)]
    with pytest.raises(UserError, match=r"quota is used up \(pay\)"):
        ask(server)


def test_an_endpoint_that_is_not_there(server: ChatServer) -> None:
    nowhere = GeneratorConfig(endpoint="http://127.0.0.1:9/v1", model="m", retries=1, backoff_s=0.01)
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9/v1/chat/completions: given up at try 2"):
        Endpoint(nowhere, KEY).answer(request())


def test_empty_answers_and_refusals_are_answers(server: ChatServer) -> None:
    server.script = [
        completion(None),
        completion("", refusal="I will not."),
        completion("cut", "content_filter"),
    ]
    found = [ask(server) for _ in range(3)]
    assert [(answer.text, answer.refusal) for answer in found] == [("", False), ("", True), ("cut", True)]


def test_what_is_no_unicode_is_made_text(server: ChatServer) -> None:
    server.script = [Reply(completion("x").body.replace(b'"x"', b'"half \\ud800 a pair"'))]
    assert ask(server).text == "half ? a pair"


def test_tokens_are_estimated_where_they_are_not_counted(server: ChatServer) -> None:
    body = json.loads(completion("twelve chars").body)
    del body["usage"]
    server.script = [Reply(json.dumps(body).encode())]
    answer = ask(server)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.counted) == (2, 3, False)


def test_a_server_that_quotes_the_key_cannot_make_it_known(server: ChatServer, tmp_path: Path) -> None:
    """Neither in an answer, which is stored, nor in an error, which is said."""
    server.script = [completion(f"Your key is {KEY}.")]
    with open_store(tmp_path) as store:
        generator = Generator(store, Ledger(Prices(), Budget()), 1, lambda: Endpoint(config(server), KEY))
        (answer,) = generator.ask([request()])
    assert answer.text == "Your key is [key]."
    assert KEY not in (tmp_path / FILE).read_text()
    for fault in (error(401, f"bad key {KEY}"), error(500, KEY), Reply(KEY.encode())):
        server.script = [fault]
        with pytest.raises(UserError) as raised:
            ask(server, retries=0)
        assert KEY not in str(raised.value)


ESCAPED = "sk/secret-\\7f3a"  # in JSON, its characters may be spelled in several ways


@pytest.mark.parametrize(
    "quoted",
    [
        json.dumps(ESCAPED),
        json.dumps(ESCAPED).replace("/", "\\/"),
        json.dumps(ESCAPED).replace("/", "\\u002F").replace("s", "\\u0073"),
        json.dumps(f"upstream said {json.dumps(ESCAPED)}"),
    ],
    ids=["plain", "slash", "code points", "a quotation"],
)
def test_a_key_is_hidden_however_it_is_spelled(server: ChatServer, quoted: str) -> None:
    told = f'{{"error": {{"message": {quoted}}}}}'.encode()
    server.script = [
        Reply(completion("x").body.replace(b'"x"', quoted.encode())),
        *(Reply(told, status) for status in (401, 404)),
        Reply(told.replace(b"}}", b', "code": "insufficient_quota"}}'), 429),
        *(Reply(body) for body in (told, told[:-1], b'{"error": %s}' % quoted.encode())),
    ]
    endpoint = Endpoint(config(server, retries=0), ESCAPED)
    assert endpoint.answer(request()).text.removesuffix('"').endswith("[key]")
    while server.script:
        with pytest.raises(UserError, match=r"\[key\]") as raised:
            endpoint.answer(request())
        assert "7f3a" not in str(raised.value)


def test_a_key_in_the_reason_of_a_status_is_hidden(server: ChatServer) -> None:
    for status in (401, 503):
        server.script = [Reply(b"{}", status, reason=f"Bad key {KEY}")]
        with pytest.raises(UserError, match=r"Bad key \[key\]") as raised:
            ask(server, retries=0)
        assert KEY not in str(raised.value)


@pytest.mark.parametrize("key", ["x", "none", "EMPTY"])
def test_a_placeholder_for_a_key_destroys_no_answer(server: ChatServer, key: str) -> None:
    server.script = [completion("An EMPTY box, and none next to it.")]
    assert Endpoint(config(server), key).answer(request()).text == "An EMPTY box, and none next to it."
    assert server.headers[0]["Authorization"] == f"Bearer {key}"


@pytest.mark.parametrize("key", ["sk-\n7f3a", "sk-\x007f3a", "ключ-7f3a"])
def test_a_key_that_is_none_is_refused_without_repeating_it(server: ChatServer, key: str) -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY: expected a key of printable ASCII") as raised:
        Endpoint(config(server), key)
    assert "7f3a" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "https://user:pass@host/v1", "https://host/v1?key=x", "host"]
)
def test_a_base_url_holds_no_secret(url: str) -> None:
    with pytest.raises(ValueError, match="base URL") as raised:
        GeneratorConfig(endpoint=url, model="m")
    assert "base URL" in str(raised.value)
