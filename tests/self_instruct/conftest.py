"""A scripted server, and what asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat_server import ChatServer, serving


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving() as served:
        yield served
