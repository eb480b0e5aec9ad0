"""Asking a generator: from the store what is there, from the back end what is missing, as far as the budget goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Protocol

from pipelines.errors import UserError
from pipelines.self_instruct.budget import Ledger
from pipelines.self_instruct.requests import Answer, Request
from pipelines.self_instruct.store import RequestStore


class Backend(Protocol):
    """Answers one request; may be called from several threads. Raises `UserError` when it gives up."""

    def answer(self, request: Request) -> Answer: ...


class Generator:
    """A store, and a back end behind it.

    `make_backend` is called when an answer is missing for the first time; without it, what is missing is an error.
    """

    def __init__(
        self,
        store: RequestStore,
        ledger: Ledger,
        concurrency: int,
        make_backend: Callable[[], Backend] | None,
    ) -> None:
        self.ledger = ledger
        self._store = store
        self._stored = len(store)
        self._concurrency = concurrency
        self._make_backend = make_backend
        self._backend: Backend | None = None

    @property
    def asked(self) -> int:
        """Requests that the back end has answered in this run."""
        return len(self._store) - self._stored

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to the requests, in order; fewer where the budget would not hold (`ledger.spent`).

        Raises `UserError` where the back end gives up; what was answered by then is in the store.
        """
        answers: list[Answer] = []
        while rest := requests[len(answers) :]:
            # in waves: once what these cost is known, which is less than they might have cost, there is room for more
            wave = rest[: self.ledger.affordable(rest)]
            if not wave:
                self.ledger.spent = True
                break
            answers += self._wave(wave)
        return answers

    def _wave(self, requests: Sequence[Request]) -> list[Answer]:
        missing = {request.key(): request for request in requests if self._store.get(request) is None}
        if missing:
            self._ask(list(missing.values()))
        answers = []
        for request in requests:
            answer = self._store.get(request)
            assert answer is not None  # `_ask` stored it or raised
            self.ledger.add(answer)
            answers.append(answer)
        return answers

    def _ask(self, requests: Sequence[Request]) -> None:
        if self._make_backend is None:
            raise UserError(
                f"{self._store.path}: {len(requests)} answers are not in the store, of which the first has the key "
                f"{requests[0].key()[:16]}; give a --generator to ask"
            )
        self._backend = self._backend or self._make_backend()
        backend = self._backend

        def one(request: Request) -> None:
            self._store.add(request, backend.answer(request))

        with ThreadPoolExecutor(self._concurrency) as pool:
            running: list[Future[None]] = [pool.submit(one, request) for request in requests]
            try:
                wait(running, return_when=FIRST_EXCEPTION)
            finally:  # after a failure, or Ctrl-C: what is under way is stored, and nothing more is asked
                for future in running:
                    future.cancel()
        for future in running:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
