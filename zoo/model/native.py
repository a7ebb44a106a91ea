"""What the base library itself has for a backbone: a head's place, a whole model, code that opens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NativeHead:
    """The place the base library itself has for a classifier on these features.

    Attributes:
        name: of the classifier module in the library's model, e.g. ``classifier``.
        prefix: what the library's model puts before the names of this backbone's modules.
        bias: whether that classifier has a bias.
        peft_task: PEFT's task type for such a model, empty where it has none.
    """

    name: str
    prefix: str = ""
    bias: bool = True
    peft_task: str = ""


@dataclass(frozen=True)
class StockCode:
    """How the base library opens this backbone with no zoo installed; the card prints the lines.

    Every piece is Python source. ``{n}`` stands for the number of classes.

    Attributes:
        requires: what to pip-install.
        imports: import lines.
        whole: makes ``model`` with an n-way head in its native place; empty where there is none.
        features: makes ``model`` without a head.
        inputs: makes ``inputs`` from ``example``, a raw sample (a ``PIL.Image`` or a ``str``).
        logits: makes ``logits`` from a whole ``model`` and ``inputs``.
        pooled: makes ``pooled`` features from a headless ``model`` and ``inputs``.
    """

    requires: tuple[str, ...]
    imports: tuple[str, ...]
    whole: str
    features: str
    inputs: str
    logits: str
    pooled: str


@dataclass(frozen=True)
class NativeModel:
    """How the base library itself keeps a whole model, weights and all, in a folder or repo.

    The tensors are in ``model.safetensors``, under ``prefix`` and their names in the backbone's
    module, the head's under the name of the native head.

    Attributes:
        config: what ``config.json`` says; the same for equal models.
        stock: opens it from ``{repo}`` with no zoo installed.
        library: the base library's name, as the Hub knows it.
        prefix: before the names of this backbone's tensors.
    """

    config: Mapping[str, Any]
    stock: StockCode
    library: str
    prefix: str = ""
