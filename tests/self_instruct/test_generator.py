"""Store, budget and concurrency: what was answered is never asked again, and nothing costs more than it may."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chat_server import ChatServer, completion, error
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UserError
from pipelines.self_instruct.budget import Ledger
from pipelines.self_instruct.endpoint import Endpoint
from pipelines.self_instruct.generator import Generator
from pipelines.self_instruct.requests import Answer, Request, prompt_tokens_at_most
from pipelines.self_instruct.store import FILE, RequestStore, open_store
from schemas.generator import Budget, GeneratorConfig, Prices, Sampling


def requests(*prompts: str, most: int = 100) -> list[Request]:
    return [Request("m", prompt, Sampling(max_tokens=most), 0) for prompt in prompts]


def generator(
    store: RequestStore,
    url: str | None,
    budget: Budget | None = None,
    prices: Prices | None = None,
    **given: int,
) -> Generator:
    config = GeneratorConfig(endpoint=url, model="m", backoff_s=0.01, **given) if url else None
    make: Callable[[], Endpoint] | None = (lambda: Endpoint(config, None)) if config else None
    return Generator(store, Ledger(prices or Prices(), budget or Budget()), 4, make)


def test_a_stored_answer_is_not_asked_for_again(server: ChatServer, tmp_path: Path) -> None:
    server.otherwise = lambda body: completion(body["messages"][0]["content"].upper())
    asked = requests("a", "b", "a")
    with open_store(tmp_path) as store:
        first = generator(store, server.url)
        assert [answer.text for answer in first.ask(asked)] == ["A", "B", "A"]
        assert first.asked == 2
    with open_store(tmp_path, writable=False) as store:
        again = generator(store, None)
        assert [answer.text for answer in again.ask(asked)] == ["A", "B", "A"]
        with pytest.raises(UserError, match=r"1 answers are not in the store.*give a --generator"):
            again.ask(requests("c"))
    assert len(server.bodies) == 2
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    assert {line["request"]["messages"][0]["content"] for line in lines} == {"a", "b"}


def test_parameters_are_part_of_a_request(tmp_path: Path) -> None:
    keys = {
        Request("m", "a", Sampling(), 0).key(),
        Request("n", "a", Sampling(), 0).key(),
        Request("m", "b", Sampling(), 0).key(),
        Request("m", "a", Sampling(temperature=1), 0).key(),
        Request("m", "a", Sampling(), 1).key(),
        Request("m", "a", Sampling(), 0, ("x",)).key(),
    }
    assert len(keys) == 6


def test_requests_go_out_at_once_as_far_as_is_allowed(server: ChatServer, tmp_path: Path) -> None:
    gate = threading.Barrier(4)

    def reply(body: object) -> object:
        gate.wait(10)
        return completion("ok")

    server.otherwise = reply  # type: ignore[assignment]
    with open_store(tmp_path) as store:
        generator(store, server.url, concurrency=4).ask(requests(*"abcdefgh"))
    assert server.at_once == 4


def test_what_was_answered_before_a_failure_is_kept(server: ChatServer, tmp_path: Path) -> None:
    server.otherwise = lambda body: (
        error(400, "no") if body["messages"][0]["content"] == "bad" else completion("ok")
    )
    with open_store(tmp_path) as store, pytest.raises(UserError, match="refuses the request"):
        generator(store, server.url).ask(requests("a", "b", "bad"))
    server.otherwise = lambda body: completion("ok")
    before = len(server.bodies)
    with open_store(tmp_path) as store:
        stored = len(store)
        generator(store, server.url).ask(requests("a", "b", "bad"))
    assert len(server.bodies) == before + 3 - stored


@dataclass
class Counting:
    """A back end that answers with ten tokens for a prompt of a hundred."""

    asked: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        self.asked.append(request.prompt)
        return Answer("ok", "stop", False, 100, 10, True)


def test_a_budget_of_tokens_is_never_exceeded_and_stops_at_the_same_place(tmp_path: Path) -> None:
    asked = requests(*(str(number) for number in range(50)), most=200)

    def run(folder: Path) -> tuple[int, Ledger, int]:
        backend = Counting()
        ledger = Ledger(Prices(), Budget(tokens=2000))
        answered = 0
        with open_store(folder) as store:
            made = Generator(store, ledger, 1, lambda: backend)
            for start in range(0, 50, 5):
                answered += len(made.ask(asked[start : start + 5]))
        return answered, ledger, len(backend.asked)

    answered, ledger, cost = run(tmp_path)
    assert ledger.tokens <= 2000
    assert ledger.spent
    assert 10 < answered == cost < 50
    assert run(tmp_path)[0] == answered  # from the store: the same end
    assert run(tmp_path)[2] == 0


def test_money_is_counted_by_prices(tmp_path: Path) -> None:
    prices = Prices(input=2.0, output=10.0)
    ledger = Ledger(prices, Budget(money=0.002))
    with open_store(tmp_path) as store:
        answers = Generator(store, ledger, 1, Counting).ask(requests(*"abcdefgh", most=50))
    # a request may cost 16 * 2 + 50 * 10 millionths at most: three fit, and what they cost leaves room for two
    assert len(answers) == 5
    assert ledger.money == pytest.approx(5 * (100 * 2 + 10 * 10) / 1e6)
    assert ledger.spent


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=20), st.integers(1, 3000))
def test_what_is_affordable_fits(sizes: list[tuple[int, int]], tokens: int) -> None:
    ledger = Ledger(Prices(), Budget(tokens=tokens))
    asked = [Request("m", "x" * length, Sampling(max_tokens=most), 0) for length, most in sizes]
    most = [prompt_tokens_at_most(request.prompt) + request.sampling.max_tokens for request in asked]
    number = ledger.affordable(asked)
    assert sum(most[:number]) <= tokens
    assert number == len(asked) or sum(most[: number + 1]) > tokens


def test_a_store_survives_a_crash_in_the_middle_of_a_line(server: ChatServer, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        generator(store, server.url).ask(requests("a", "b"))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-40])
    with open_store(tmp_path, writable=False) as store:
        assert len(store) == 1
    assert (tmp_path / FILE).read_bytes() == whole[:-40]
    with open_store(tmp_path) as store:
        assert len(store) == 1
        generator(store, server.url).ask(requests("a", "b"))
    assert len(server.bodies) == 3
    assert sorted((tmp_path / FILE).read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_store_is_for_one_run_and_its_lines_are_answers(tmp_path: Path) -> None:
    with (
        open_store(tmp_path),
        pytest.raises(UserError, match="another run uses this store"),
        open_store(tmp_path),
    ):
        pass
    (tmp_path / FILE).write_text('{"key": "k", "answer": {"text": "x"}}\n')
    with pytest.raises(UserError, match="line 1 is no stored answer"), open_store(tmp_path):
        pass
    with (
        pytest.raises(UserError, match=r"holds no answers\.jsonl"),
        open_store(tmp_path / "no", writable=False),
    ):
        pass
