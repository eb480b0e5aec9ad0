"""Ranks fail together, with one sentence, whatever it was on one of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.distributed as dist

from pipelines.errors import UserError
from training.ranks import Ranks

RANKS = Ranks(1, 1, 2, torch.device("cpu"))


def others_say(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    def gather(told: list[Any], own: Any) -> None:
        told[:] = [value, own]

    monkeypatch.setattr(dist, "all_gather_object", gather)


def test_memory_that_one_rank_has_not_got_is_told_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried\nto allocate")

    others_say(monkeypatch, ())
    with pytest.raises(UserError, match=r"^rank 1: CUDA out of memory\. Tried$"):
        RANKS.everywhere(work)
    others_say(monkeypatch, ("rank 0: no space left",))
    with pytest.raises(UserError, match="rank 0: no space left"):
        RANKS.everywhere(lambda: None)


def test_ranks_that_see_different_disks_do_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    others_say(monkeypatch, 200)
    RANKS.agree(200, "the newest checkpoint")
    with pytest.raises(
        UserError, match=r"ranks see different ones \(0, 200\); expected a disk that all nodes share"
    ):
        RANKS.agree(0, "the newest checkpoint")
