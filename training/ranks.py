"""The ranks of a run: who this process is, and how all of them come to one mind."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from transformers.utils.logging import disable_progress_bar

from pipelines.errors import UserError

Result = TypeVar("Result")

# that ranks wait for one another: the first may be converting a checkpoint of 100 GB, or fetching tokens
_PATIENCE = timedelta(hours=3)


@dataclass(frozen=True)
class Ranks:
    """This process among all. `first` is the rank that speaks and writes."""

    rank: int
    local: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def sum(self, values: torch.Tensor, *more: float) -> list[float]:
        """The sums over all ranks of a vector (float64, on this rank's device) and of further numbers."""
        whole = torch.cat([values, torch.tensor(more, dtype=values.dtype, device=values.device)])
        dist.all_reduce(whole)
        return whole.tolist()

    def everywhere(self, work: Callable[[], Result]) -> Result:
        """Does the work on every rank. Raises `UserError` on all of them if one failed: badly, or for want of room."""
        problems: tuple[str, ...] = ()
        found: list[Result] = []
        try:
            found.append(work())
        except UserError as error:
            problems = error.problems
        except (OSError, RuntimeError) as error:  # of memory, or of disk
            problems = (f"rank {self.rank}: {first_line(error)}",)
        told: list[tuple[str, ...]] = [()] * self.world
        dist.all_gather_object(told, problems)
        everyones = list(dict.fromkeys(problem for of_rank in told for problem in of_rank))
        if everyones:
            raise UserError(*everyones)
        return found[0]

    def node_by_node(self, work: Callable[[], Result]) -> Result:
        """`everywhere`, one rank of each node before the others: what it leaves on disk, they find."""
        early = self.everywhere(lambda: [work()] if self.local == 0 else [])
        return self.everywhere(lambda: early[0] if early else work())

    def agree(self, value: int, what: str) -> None:
        """Raises `UserError` on all ranks unless all of them have the same value."""
        told: list[int] = [0] * self.world
        dist.all_gather_object(told, value)
        if len(set(told)) > 1:
            seen = ", ".join(str(one) for one in sorted(set(told)))
            raise UserError(
                f"{what}: ranks see different ones ({seen}); expected a disk that all nodes share"
            )

    def wait(self) -> None:
        dist.barrier()


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def start_ranks() -> Ranks:
    """Joins the other ranks, as the launcher's environment says; alone where there is no launcher."""
    if "RANK" not in os.environ:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        alone = {
            "RANK": "0",
            "LOCAL_RANK": "0",
            "WORLD_SIZE": "1",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        os.environ.update(alone)
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    # what libraries tell one another of their future, at every step
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(torch|deepspeed|transformers)\.")
    disable_progress_bar()  # type: ignore[no-untyped-call]
    import deepspeed

    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)  # the import sets it

    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")  # TF32
    with contextlib.redirect_stdout(io.StringIO()):
        deepspeed.init_distributed(timeout=_PATIENCE)
    return Ranks(dist.get_rank(), local, dist.get_world_size(), device)
