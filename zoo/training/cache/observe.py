"""What a forward pass calls, in order, and what could stand in for each call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from zoo.model import Backbone, Batch
from zoo.training.cache.cut import Stub


@dataclass
class Called:
    """One call of a module.

    Attributes:
        module, name: who was called.
        callers: the modules that were at work then, outermost first.
        entered, left: when, counted in events of the pass.
        stub: what could answer instead; ``None`` where nothing could.
        keeps_shape: the stub answers with what it is given.
    """

    module: nn.Module
    name: str
    callers: tuple[nn.Module, ...]
    entered: int
    left: int = -1
    stub: Stub | None = None
    keeps_shape: bool = False


@dataclass
class Pass:
    """A forward pass as it was seen."""

    calls: list[Called] = field(default_factory=list)

    def first_within(self, roots: set[str]) -> Called | None:
        """The first call of a module that is one of ``roots``, or inside of one."""
        return next((call for call in self.calls if _within(call.name, roots)), None)

    def before(self, entry: Called) -> Iterator[Called]:
        """The outermost calls that were over before ``entry``, of modules that never come back."""
        later = {call.module for call in self.calls if call.left > entry.entered}
        for call in self.calls:
            outer = call.callers == entry.callers[: len(call.callers)]
            if outer and call.left < entry.entered and call.module not in later:
                yield call


def observe(backbone: Backbone, batch: Batch) -> Pass:
    """Run a batch and note every call of a module."""
    seen = Pass()
    open_calls: list[Called] = []
    clock = 0

    def enter(name: str, module: nn.Module) -> None:
        nonlocal clock
        clock += 1
        call = Called(module, name, tuple(each.module for each in open_calls), clock)
        seen.calls.append(call)
        open_calls.append(call)

    def leave(args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        nonlocal clock
        clock += 1
        call = open_calls.pop()
        call.left = clock
        call.stub, call.keeps_shape = _stub(args, kwargs, output)

    handles = []
    for name, module in backbone.module.named_modules():
        handles.append(module.register_forward_pre_hook(lambda m, _, name=name: enter(name, m)))
        handles.append(
            module.register_forward_hook(
                lambda _, args, kwargs, output: leave(args, kwargs, output), with_kwargs=True
            )
        )
    try:
        with torch.no_grad():
            backbone(batch)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _stub(args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> tuple[Stub | None, bool]:
    """What answers with the right shapes, and whether it does so for any shape."""
    first = _first(args, kwargs)
    if first is None:
        return None, False
    if isinstance(output, Tensor):
        if output.shape == first.shape:
            return _pass_on, True
        if output.ndim and len(output) == len(first):
            return _constant(tuple(output.shape[1:]), output.dtype), False
        return None, False
    if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
        rest = [_source(each, args, kwargs) for each in output[1:]]
        if output[0].shape == first.shape and all(each is not None for each in rest):
            return _tuple_of(rest), True
    return None, False


def _first(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor | None:
    return next((each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)), None)


def _pass_on(*args: Any, **kwargs: Any) -> Any:
    return _first(args, kwargs)


def _constant(shape: tuple[int, ...], dtype: torch.dtype) -> Stub:
    def stub(*args: Any, **kwargs: Any) -> Tensor:
        first = _first(args, kwargs)
        assert first is not None  # it was seen with one
        return first.new_zeros((), dtype=dtype).expand(len(first), *shape)

    return stub


def _source(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Where among the arguments ``value`` itself is: position or name; ``None`` where nowhere."""
    for place, given in (*enumerate(args), *kwargs.items()):
        if given is value:
            return place
    return None


def _tuple_of(rest: list[Any]) -> Stub:
    def stub(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        others = (args[at] if isinstance(at, int) else kwargs[at] for at in rest)
        return (_first(args, kwargs), *others)

    return stub


def _within(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)
