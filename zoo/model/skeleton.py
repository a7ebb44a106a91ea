"""A loaded module without the tensors that lie in files, from which the next one is made."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

_MOST = 1 << 20  # bytes of tensors that no file holds: positions, rotary angles


@dataclass(frozen=True)
class Skeleton(Generic[M]):
    """A module whose parameters are all tensors of files, with empty ones in their place.

    Attributes:
        module: never to be run, changed or handed out.
        places: names in the files, each with an empty tensor of ``module``.
    """

    module: M
    places: tuple[tuple[str, Tensor], ...]

    @classmethod
    def of(cls, module: M, state: Mapping[str, Tensor]) -> Self | None:
        """The skeleton of ``module``; ``None`` where it computed parameters of its own.

        Args:
            module: fresh from its library, with no hooks.
            state: the tensors of its files, some of which it holds as they are.
        """
        names = {identity(tensor): name for name, tensor in state.items()}
        places: list[tuple[str, Tensor]] = []
        empty: dict[int, Tensor] = {}
        own = 0
        for tensor in _tensors(module):
            name = names.get(identity(tensor))
            if name is not None:
                empty[id(tensor)] = _like(tensor, torch.empty_like(tensor, device="meta"))
                places.append((name, empty[id(tensor)]))
            elif isinstance(tensor, nn.Parameter):
                return None
            else:
                own += tensor.nbytes
        return cls(copy.deepcopy(module, dict(empty)), tuple(places)) if own <= _MOST else None

    def filled(self, state: Mapping[str, Tensor]) -> M:
        """A new module that holds tensors of ``state``, which has those of the same files."""
        full = {id(empty): _like(empty, state[name]) for name, empty in self.places}
        return copy.deepcopy(self.module, full)


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    """Every parameter and buffer, each once."""
    yield from module.parameters()
    yield from module.buffers()


def identity(tensor: Tensor) -> object:
    """Equal for tensors that are the same memory, read alike."""
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def _like(one: Tensor, values: Tensor) -> Tensor:
    """``values`` as a parameter where ``one`` is."""
    return nn.Parameter(values, one.requires_grad) if isinstance(one, nn.Parameter) else values
