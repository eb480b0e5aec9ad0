"""A signal to stop is heeded between steps, and not waited for forever."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from training import stopping
from training.stopping import StopSignal


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, before)


def test_a_signal_is_remembered_and_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_LEAST_S", 0.2)
    given_up: list[str] = []
    stop = StopSignal(given_up.append)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)
    assert stop.given
    stop.heed()
    time.sleep(0.4)
    assert not given_up


def test_work_between_steps_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience runs out neither while a checkpoint is written nor right after it."""
    monkeypatch.setattr(stopping, "_LEAST_S", 1.0)
    told = threading.Event()
    stop = StopSignal(lambda _: told.set())
    with stop.busy():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.4)
    assert not told.wait(0.2)
    assert told.wait(10)


def test_a_rank_that_waits_in_vain_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_LEAST_S", 0.1)
    told = threading.Event()
    given_up: list[str] = []

    def give_up(reason: str) -> None:
        given_up.append(reason)
        told.set()

    StopSignal(give_up)
    os.kill(os.getpid(), signal.SIGTERM)
    assert told.wait(5)
    assert "another rank may be gone" in given_up[0]
