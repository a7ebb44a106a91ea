"""Fitting in several processes, as accelerate or torchrun started them.

Each process computes its rows of every batch, and gradients are added up before the step, so that
all take the same one: what one process alone would take, up to the order of sums. Features and
validation are shared out likewise. One process, the first, writes and talks.

Gradients are summed in one piece after the backward pass rather than by hooks within it: then any
number of rows on any process is exact, a process may run out of memory by itself, and an epoch may
train other parameters than the one before.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from torch import Tensor, distributed

from zoo.errors import Incompatible

T = TypeVar("T")

_OTHERS = {"ACCELERATE_USE_DEEPSPEED": "DeepSpeed", "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM"}
_FSDP, _VERSION = "ACCELERATE_USE_FSDP", "FSDP_VERSION"


class Processes:
    """One process among those that fit together, seen from itself.

    Attributes:
        rank: of this one, from 0.
        size: how many there are.
        shards_asked: whether the launcher was asked for parameters in parts.
    """

    def __init__(self) -> None:
        self.shards_asked: bool = _take_request()
        state = PartialState(cpu=without_device())
        self.rank: int = state.process_index
        self.size: int = state.num_processes
        self._state = state

    @property
    def first(self) -> bool:
        """Whether this one writes and talks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this one computes."""
        device: torch.device = self._state.device
        return device

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """Those of ``rows`` that this process computes."""
        return rows[self.rank :: self.size]

    def add_up(self, parameters: Sequence[Tensor], *numbers: float) -> list[float]:
        """Let gradients and numbers become their sums over all processes; returns the numbers."""
        if self.size == 1:
            return list(numbers)
        wanted = [p for p in parameters if p.requires_grad]
        for parameter in wanted:
            if parameter.grad is None:  # no row of the batch fell to this process
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in wanted if p.grad is not None]
        parts = [*(g.reshape(-1).float() for g in gradients)]
        flat = torch.cat([*parts, torch.tensor(numbers, dtype=torch.float32, device=self.device)])
        distributed.all_reduce(flat)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        return [float(value) for value in flat[at:]]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Let tensors become their means: statistics of batch norms, seen by each differently."""
        for tensor in tensors if self.size > 1 else ():
            if tensor.is_floating_point():
                distributed.all_reduce(tensor)
                tensor /= self.size

    def gathered(self, compute: Callable[[Sequence[int]], Tensor], rows: int) -> Tensor:
        """``compute`` of all rows, ``[rows, …]`` on the CPU, each process computing its share."""
        if self.size == 1:
            return compute(range(rows))
        mine = self.share(range(rows))
        parts = gather_object([compute(mine).cpu() if mine else None])
        sound = [part for part in parts if part is not None]
        # Where inputs have several units, rows of fewer end in zeros.
        sides = [max(sizes) for sizes in zip(*(part.shape[1:] for part in sound), strict=True)]
        whole = torch.zeros((rows, *sides), dtype=sound[0].dtype)
        for rank, part in enumerate(sound):
            whole[(slice(rank, None, self.size), *map(slice, part.shape[1:]))] = part
        return whole

    def told(self, what: str) -> str:
        """What the first process with something to say says, on all of them."""
        if self.size == 1:
            return what
        return next(filter(None, gather_object([what])), "")

    def same(self, value: Any) -> Any:
        """The value that the first process has."""
        if self.size == 1:
            return value
        return broadcast_object_list([value])[0]

    def begin_alike(self, tensors: Sequence[Tensor]) -> None:
        """Let tensors be what they are on the first process."""
        for tensor in tensors if self.size > 1 else ():
            distributed.broadcast(tensor.detach(), 0)

    @contextlib.contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Others wait until the first is done with the block."""
        with self._state.main_process_first():
            yield

    def wait(self) -> None:
        """For all others to come here."""
        self._state.wait_for_everyone()


def _take_request() -> bool:
    """Whether the launcher was asked for parameters in parts, which accelerate is then not told.

    Raises:
        Incompatible: it was asked for something else that zoo does not do.
    """
    for variable, what in _OTHERS.items():
        if _is_set(variable):
            raise _refusal(what, variable)
    if not _is_set(_FSDP):
        return False
    if os.environ.get(_VERSION, "1") != "2":
        raise _refusal("the first version of FSDP", _FSDP)
    # accelerate would shard too, where there is a device, and in a way of its own.
    del os.environ[_FSDP]
    return True


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true", "yes")


def _refusal(what: str, variable: str) -> Incompatible:
    return Incompatible(
        f"The launcher was asked for {what} ({variable} is set), and zoo shares out rows, or holds "
        "parameters in parts by FSDP2.",
        hint="For the latter `accelerate launch --use_fsdp --fsdp_version 2 -m zoo fit …`, or "
        "`zoo fit … --processes 2 --sharded`; else launch without it.",
    )


def without_device() -> bool:
    """Whether several processes have nothing but the CPU; accelerate wants to be told of that."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return several and not torch.accelerator.is_available()


@functools.cache
def processes() -> Processes:
    """Those of this fit; one where no launcher started more."""
    return Processes()
