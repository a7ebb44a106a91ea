"""Room for a stranger's model: what its settings ask for is compared with what came with them.

Ranks, vectors and labels are within bounds each, and together can still ask for more than any memory
has. All that an adapter and heads are made of is in the artifact's files, so it is known before.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from zoo.errors import CorruptFile

SPARE = 64 << 20  # bytes for what is made on the way, and for tensors that no file needs

_MAKERS = frozenset(
    {
        torch.arange,
        torch.empty,
        torch.eye,
        torch.full,
        torch.ones,
        torch.rand,
        torch.randint,
        torch.randn,
        torch.zeros,
    }
)
_NOT_ON_META = ("generator", "out", "pin_memory")


@contextlib.contextmanager
def limited(known: int, where: str) -> Iterator[None]:
    """In this thread, let nothing much larger than ``known`` be made, in one piece or in parameters.

    Args:
        known: bytes that the model's files and its backbone have.
        where: the manifest, for the message.

    Raises:
        CorruptFile: more is asked for; it is not made.
    """
    limit, total, thread = known + SPARE, 0, threading.get_ident()

    def require(size: int) -> None:
        if size > limit:
            raise CorruptFile(
                f"{where} asks for a model of more than {size:,} bytes, and its files and backbone "
                f"have {known:,}.",
                hint="Its labels or settings were edited; ask its author for the model as saved.",
            )

    def count(module: nn.Module, name: str, parameter: Tensor | None) -> None:
        nonlocal total
        if parameter is not None and threading.get_ident() == thread:
            total += parameter.nbytes
            require(total)

    counting = register_module_parameter_registration_hook(count)
    try:
        with _Measuring(require):
            yield
    finally:
        counting.remove()


class _Measuring(TorchFunctionMode):
    """Tells how large a new tensor is going to be."""

    def __init__(self, require: Any) -> None:
        super().__init__()
        self._require = require

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func in _MAKERS:
            plain = {key: value for key, value in given.items() if key not in _NOT_ON_META}
            self._require(func(*args, **plain | {"device": "meta"}).nbytes)
        return func(*args, **given)
