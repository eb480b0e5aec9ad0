"""What servers say of waiting, and how long to wait, for all that talk to them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from tenacity import RetryCallState


class TransientError(Exception):
    """This try failed; another may not. `retry_after_s` is what the server asks to wait."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


def pause_s(state: RetryCallState, fruitless: int, backoff_s: float, longest_wait_s: float) -> float:
    """Seconds until the next try after so many fruitless ones in a row.

    The back-off doubles with each, and has as much again at random; a server may ask for more, and not for less, for
    some say "at once" however busy they are. Never more than `longest_wait_s`.
    """
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_s if isinstance(error, TransientError) else None
    backoff = backoff_s * (2.0 ** min(max(fruitless - 1, 0), 30) + random.random())
    return min(max(asked or 0.0, backoff), longest_wait_s)


def retry_after_s(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait: Retry-After holds seconds or a date."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
