"""A cut through a frozen part: the tensor that crosses it, and how to go on from there.

Capturing stops the forward pass where the first trained block begins. To resume, the unchanged
backbone is called while the frozen modules before the cut answer with next to nothing and the kept
tensor is put in where the block begins: names, states and references all stay as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from zoo.model import Backbone, Batch, Features

ACTIVATION = "zoo.activation"
Stub = Callable[..., Any]


class Cut:
    """What every cut can do.

    Args:
        backbone: that is cut.
        name: of the block that comes after the cut, or of what crosses it.
        ragged: whether a row is as long as its sample.
        blank: whether shapes are all that is needed of the inputs behind the cut.
    """

    def __init__(self, backbone: Backbone, name: str, *, ragged: bool, blank: bool) -> None:
        self.backbone, self.name, self.ragged, self.blank = backbone, name, ragged, blank

    def capture(self, batch: Batch) -> Tensor:
        """What crosses the cut, ``[batch, …]``."""
        raise NotImplementedError

    def resumed(self) -> contextlib.AbstractContextManager[None]:
        """Inside, batches have an activation, and the backbone goes on from it."""
        raise NotImplementedError

    @property
    def skipped(self) -> Collection[nn.Module]:
        """The modules that are not computed then."""
        raise NotImplementedError

    def rows_of(self, activation: Tensor, samples: Sequence[Mapping[str, Tensor]]) -> list[Tensor]:
        """An activation as rows without padding."""
        if not self.ragged:
            return list(activation)
        return [row[: _tokens(sample)] for row, sample in zip(activation, samples, strict=True)]

    @contextlib.contextmanager
    def collating(self) -> Iterator[None]:
        """Inside, the backbone's preprocessing also collates activations."""
        preprocess: Any = self.backbone.preprocess
        plain = preprocess.collate

        def collate(samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
            rows = [sample[ACTIVATION] for sample in samples]
            rest = [{k: v for k, v in sample.items() if k != ACTIVATION} for sample in samples]
            batch: dict[str, Tensor] = blank_like(rest) if self.blank else dict(plain(rest))
            batch[ACTIVATION] = stacked(rows) if self.ragged else torch.stack(rows)
            batch[ACTIVATION] = batch[ACTIVATION].float()
            return batch

        with replaced(preprocess, "collate", collate):
            yield


class Pooled(Cut):
    """The cut at the very end: features that only heads follow."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone, "features", ragged=False, blank=True)

    def capture(self, batch: Batch) -> Tensor:
        """Pooled features; not what an adapter behind them makes of them, as a hook does."""
        features: Features = self.backbone.forward(batch)
        return features.pooled

    @contextlib.contextmanager
    def resumed(self) -> Iterator[None]:
        """The backbone gives the features that were kept."""
        with replaced(self.backbone, "forward", lambda batch: Features(batch[ACTIVATION])):
            yield

    @property
    def skipped(self) -> Collection[nn.Module]:
        """All of them."""
        return [self.backbone]


@dataclass(frozen=True)
class Entry:
    """Where the part behind a cut begins.

    Attributes:
        module: the first that is called.
        argument: its position, or its name, of the tensor that crosses the cut.
        channels_last: the memory format of that tensor.
    """

    module: nn.Module
    argument: int | str
    channels_last: bool = False

    def given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The argument among those of a call."""
        return args[self.argument] if isinstance(self.argument, int) else kwargs[self.argument]

    def put(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], value: Tensor
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with another value in that place."""
        if self.channels_last:
            value = value.contiguous(memory_format=torch.channels_last)
        if isinstance(self.argument, int):
            return (*args[: self.argument], value, *args[self.argument + 1 :]), kwargs
        return args, {**kwargs, self.argument: value}


class Inner(Cut):
    """A cut before one of the blocks.

    Args:
        backbone, name, ragged, blank: as for :class:`Cut`.
        entry: where the part behind it begins.
        stubs: what modules before it answer instead.
    """

    def __init__(
        self,
        backbone: Backbone,
        name: str,
        entry: Entry,
        stubs: Mapping[nn.Module, Stub],
        *,
        ragged: bool,
        blank: bool,
    ) -> None:
        super().__init__(backbone, name, ragged=ragged, blank=blank)
        self.entry, self.stubs = entry, stubs

    def capture(self, batch: Batch) -> Tensor:
        """What the first module behind the cut is given; nothing behind it is computed."""
        args, kwargs = arguments(self.backbone, self.entry.module, batch)
        found: Tensor = self.entry.given(args, kwargs)
        return found

    @contextlib.contextmanager
    def resumed(self) -> Iterator[None]:
        """The modules before the cut are stubs."""
        whole: Any = self.backbone.forward
        kept: list[Tensor] = []

        def forward(batch: Batch) -> Features:
            kept[:] = [batch[ACTIVATION]]
            found: Features = whole({k: v for k, v in batch.items() if k != ACTIVATION})
            return found

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return self.entry.put(args, kwargs, kept.pop())

        with contextlib.ExitStack() as stack:
            for module, stub in self.stubs.items():
                stack.enter_context(replaced(module, "forward", stub))
            stack.enter_context(replaced(self.backbone, "forward", forward))
            handle = self.entry.module.register_forward_pre_hook(enter, with_kwargs=True)
            stack.callback(handle.remove)
            yield

    @property
    def skipped(self) -> Collection[nn.Module]:
        """Those before the cut."""
        return list(self.stubs)

    def needing_inputs(self) -> Inner:
        """The same, with the real inputs behind the cut."""
        return Inner(
            self.backbone, self.name, self.entry, self.stubs, ragged=self.ragged, blank=False
        )

    def at(self, argument: int | str, channels_last: bool) -> Inner:
        """The same, with another argument that crosses."""
        entry = replace(self.entry, argument=argument, channels_last=channels_last)
        return Inner(
            self.backbone, self.name, entry, self.stubs, ragged=self.ragged, blank=self.blank
        )


class _Stop(BaseException):  # no network catches it
    pass


def arguments(
    backbone: Backbone, module: nn.Module, batch: Batch
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What ``module`` is given for a batch; the forward pass ends there."""
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def stop(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found.append((args, kwargs))
        raise _Stop

    handle = module.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        backbone(batch)
    except _Stop:
        return found[0]
    finally:
        handle.remove()
    raise ValueError("the module was not called")


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: object) -> Iterator[None]:
    """Let ``owner`` have another attribute inside; its class keeps its own."""
    held = vars(owner).get(name)
    object.__setattr__(owner, name, value)
    try:
        yield
    finally:
        if held is None:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, held)


def blank_like(samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """A batch of zeros that takes no memory."""
    return {
        key: torch.zeros((), dtype=value.dtype).expand(len(samples), *value.shape)
        for key, value in samples[0].items()
    }


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Rows ``[length, …]`` as ``[rows, longest, …]``, zeros after the shorter ones."""
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True)


def _tokens(sample: Mapping[str, Tensor]) -> int:
    return max(len(tensor) for tensor in sample.values() if tensor.ndim)
