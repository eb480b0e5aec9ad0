"""Stopping when told to: a signal is remembered, and heeded between two steps."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LEAST_S = 20.0  # that a step is waited for
_STEPS = 10  # as many as may pass in their usual time


class StopSignal:
    """Remembers SIGTERM (`given`) until the training loop heeds it (`heed`).

    A rank that waits for one that is gone never comes to the end of its step, and Python's handlers do not run while it
    waits: so a thread hears the signal too, and calls `give_up(reason)` if nothing heeds it for too long.
    """

    def __init__(self, give_up: Callable[[str], object]) -> None:
        self.given = False
        self.step_seconds = 0.0  # what a step took lately
        self._give_up = give_up
        self._heeded = threading.Event()
        self._busy, self._waited_since = False, 0.0
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.signal(signal.SIGTERM, self._remember)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(heard,), daemon=True).start()

    def heed(self) -> None:
        """Says that the loop has seen the signal, and will end in its own time."""
        self._heeded.set()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Work between two steps that takes its own time, such as a checkpoint: patience begins anew after it."""
        self._busy = True
        yield
        self._waited_since, self._busy = time.monotonic(), False

    def _remember(self, *_: object) -> None:
        self.given = True

    def _watch(self, heard: int) -> None:
        while os.read(heard, 1) != bytes([signal.SIGTERM]):
            pass
        heard_at = time.monotonic()
        patience = max(_LEAST_S, _STEPS * self.step_seconds)
        while not self._heeded.wait(patience / 10):
            waited = time.monotonic() - max(heard_at, self._waited_since)
            if not self._busy and waited > patience:
                self._give_up(
                    f"no step ended within {patience:.0f} s of the signal to stop: another rank may be gone"
                )
                return
