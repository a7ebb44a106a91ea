"""What was made of files, without the tensors that lie in them, from which the next one is made.

Python's pickling copies a module ten times as fast as :func:`copy.deepcopy`. The bytes are made and
read by this process alone and never leave it.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from torch import Tensor, nn

T = TypeVar("T")

_MOST_OWN = 1 << 20  # bytes of tensors that no file holds: positions, rotary angles
_MOST = 1 << 22  # bytes of all else


@dataclass(frozen=True)
class _Place:
    """One tensor object of what was taken apart.

    Attributes:
        name: of the tensor in the files that it is; empty where no file holds it.
        values: its values where no file does.
        trained: whether it is a parameter that takes gradients; ``None`` for no parameter at all.
    """

    name: str
    values: Tensor | None
    trained: bool | None

    def filled(self, state: Mapping[str, Tensor]) -> Tensor:
        values = state[self.name] if self.values is None else self.values.clone()
        return values if self.trained is None else nn.Parameter(values, self.trained)


@dataclass(frozen=True)
class Skeleton(Generic[T]):
    """Something whose parameters are all tensors of files, without them.

    Attributes:
        content: all but tensors, and what is given anew.
        places: the tensors, by the number under which ``content`` asks for them.
    """

    content: bytes
    places: tuple[_Place, ...]

    @classmethod
    def of(
        cls, value: T, state: Mapping[str, Tensor], given: Mapping[str, object] | None = None
    ) -> Self | None:
        """The skeleton of ``value``; ``None`` where there is none.

        There is none where it computed parameters of its own, where it is large, and where it holds
        what Python cannot take apart.

        Args:
            value: a module, or something that holds some; fresh from its library, with no hooks.
            state: the tensors of its files, some of which it holds as they are.
            given: what is not to be copied, by the names under which :meth:`filled` is given it.
        """
        taken = io.BytesIO()
        parts = _TakeApart(taken, state, given or {})
        try:
            parts.dump(value)
        except (pickle.PicklingError, AttributeError, TypeError, ValueError, RecursionError):
            return None
        return cls(taken.getvalue(), tuple(parts.places)) if taken.tell() <= _MOST else None

    def filled(self, state: Mapping[str, Tensor], given: Mapping[str, object] | None = None) -> T:
        """A new one that holds tensors of ``state``, which has those of the same files."""
        made: T = _PutTogether(self, state, given or {}).load()
        return made


class _TakeApart(pickle.Pickler):
    """Leaves tensors out, and what is given anew."""

    def __init__(
        self, sink: io.BytesIO, state: Mapping[str, Tensor], given: Mapping[str, object]
    ) -> None:
        super().__init__(sink, pickle.HIGHEST_PROTOCOL)
        self._names = {identity(tensor): name for name, tensor in state.items()}
        self._given = {id(value): name for name, value in given.items() if value is not None}
        self._own = 0
        self._numbers: dict[int, int] = {}
        self._held: list[Tensor] = []  # so that no other one gets the id of one
        self.places: list[_Place] = []

    def persistent_id(self, value: Any) -> int | str | None:
        """A number for a tensor, a name for what is given."""
        if not isinstance(value, Tensor):
            return self._given.get(id(value))
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self.places)
            self._held.append(value)
            self.places.append(self._place(value))
        return self._numbers[id(value)]

    def reducer_override(self, value: Any) -> Any:
        """A method that one object has in place of its class's stays that method."""
        if isinstance(value, types.MethodType):
            return _method, (value.__func__, value.__self__)
        return NotImplemented

    def _place(self, tensor: Tensor) -> _Place:
        trained = tensor.requires_grad if isinstance(tensor, nn.Parameter) else None
        plain = tensor.is_leaf and type(tensor) in (Tensor, nn.Parameter)
        name = self._names.get(identity(tensor))
        if plain and name is not None and tensor.is_contiguous():
            return _Place(name, None, trained)
        self._own += tensor.nbytes
        if not plain or trained is not None or self._own > _MOST_OWN:
            raise TypeError("what was computed, other than small buffers, is not to be repeated")
        return _Place("", tensor.clone(), None)


class _PutTogether(pickle.Unpickler):
    """Asks for what was left out; for the same thing once."""

    def __init__(
        self, skeleton: Skeleton[Any], state: Mapping[str, Tensor], given: Mapping[str, object]
    ) -> None:
        super().__init__(io.BytesIO(skeleton.content))
        self._places, self._state, self._given = skeleton.places, state, given
        self._filled: dict[int, Tensor] = {}

    def persistent_load(self, key: int | str) -> object:
        """The tensor of that number, or what is given under that name."""
        if isinstance(key, str):
            return self._given[key]
        if key not in self._filled:
            self._filled[key] = self._places[key].filled(self._state)
        return self._filled[key]


def _method(function: Callable[..., Any], owner: object) -> object:
    return types.MethodType(function, owner)


def identity(tensor: Tensor) -> object:
    """Equal for tensors that are the same memory, read alike."""
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype
