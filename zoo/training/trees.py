"""Nested state as JSON and named tensors, and back; the bits of every number survive."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor


def flatten(tree: Any) -> tuple[Any, dict[str, Tensor]]:
    """Plain data for JSON, and the tensors that were in it by the path they had.

    Args:
        tree: of mappings, lists, tuples, tensors, numbers, texts and ``None``.

    Raises:
        TypeError: something else is in it.
    """
    tensors: dict[str, Tensor] = {}
    return _plain(tree, "", tensors), tensors


def rebuild(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What :func:`flatten` was given.

    Raises:
        KeyError, ValueError, TypeError: ``plain`` is not of its making, or a tensor is missing.
    """
    if isinstance(plain, list):
        return [rebuild(each, tensors) for each in plain]
    if not isinstance(plain, dict):
        return plain
    (kind, content), *more = plain.items()
    if more:
        raise ValueError("not a tree")
    match kind:
        case "tensor":
            return tensors[content]
        case "float":
            return float(content)
        case "tuple":
            return tuple(rebuild(each, tensors) for each in content)
        case "dict":
            return {key: rebuild(value, tensors) for key, value in content}
    raise ValueError(f"not a tree: {kind!r}")


def _plain(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, Tensor):
        tensors[path] = tree
        return {"tensor": path}
    if isinstance(tree, float) and not math.isfinite(tree):
        return {"float": repr(tree)}
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    below = f"{path}/" if path else ""
    if isinstance(tree, Mapping):  # as pairs: the keys need not be texts
        pairs = [[k, _plain(v, f"{below}{k}", tensors)] for k, v in tree.items()]
        return {"dict": pairs}
    if isinstance(tree, (list, tuple)):
        parts = [_plain(each, f"{below}{at}", tensors) for at, each in enumerate(tree)]
        return {"tuple": parts} if isinstance(tree, tuple) else parts
    raise TypeError(f"{path or 'the tree'} is {type(tree).__name__}, which no checkpoint holds")
