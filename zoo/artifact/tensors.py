"""safetensors, read strictly: every byte of the file and every tensor of the model accounted for.

Libraries accept NaN and tensors that the model has no place for. And they map files, of which one
that shrinks kills the process: zoo maps a file only where it is large and nobody but the user of
this process can write to it, and reads all others.
"""

from __future__ import annotations

import io
import math
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from zoo.artifact.files import open_regular, shown
from zoo.artifact.header import Entry, read_header
from zoo.artifact.mapping import map_own
from zoo.errors import CorruptFile, TensorMismatch, TrainingFailed
from zoo.model.skeleton import identity
from zoo.unchanged import FileState

_NAMED = 3  # tensors that a message names before it counts the rest

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def to_bytes(file: str, tensors: Mapping[str, Tensor]) -> bytes:
    """``tensors`` as a safetensors file; equal tensors give equal bytes.

    Raises:
        TrainingFailed: a value is not finite.
    """
    copies = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
    for name, tensor in copies.items():
        if not _is_finite(tensor):
            raise TrainingFailed(
                f"The model diverged: {shown(name)} of {file} holds NaN or infinite values; "
                "nothing was saved.",
                hint="Fit again with a smaller learning rate, e.g. `--lr 1e-4`.",
            )
    return safetensors.torch.save(copies, metadata={"format": "pt"})


def read_tensors(path: Path, *, max_bytes: int) -> dict[str, Tensor]:
    """All tensors of a small file.

    Raises:
        UnsafeFile: not a regular file.
        CorruptFile: not a sound safetensors file, or larger than ``max_bytes``.
        TensorMismatch: a value is not finite.
    """
    with open_regular(path) as stream:
        entries = read_header(stream, path, _DTYPES)
        if sum(entry.stop - entry.start for entry in entries.values()) > max_bytes:
            raise CorruptFile(f"{path} holds more than {max_bytes} bytes of tensors.")
        base = stream.tell()
        return {name: _read(stream, base, path, name, e) for name, e in entries.items()}


def read_like(like: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """A file's tensors, which must have exactly these names, types and shapes.

    Raises:
        UnsafeFile: not a regular file.
        CorruptFile: not a sound safetensors file.
        TensorMismatch: a tensor is missing, extra, of another type or shape, or not finite.
    """
    with open_regular(path) as stream:
        entries = read_header(stream, path, _DTYPES)
        _require_same(entries, like, path)
        mapped = map_own(stream)
        if mapped is not None:
            return _views(stream, mapped, entries, path)
        base = stream.tell()
        return {name: _read(stream, base, path, name, e) for name, e in entries.items()}


def copy_into(
    live: Mapping[str, Tensor], path: Path, owners: Sequence[Tensor] = ()
) -> dict[str, Tensor]:
    """Put a file's tensors into a model's, which must have exactly these names, types and shapes.

    Args:
        live: the model's own tensors, detached.
        path: the file.
        owners: the parameters and buffers of the model. They may come to lie in the mapped file,
            where the pages that nobody changes are shared by all processes.

    Returns:
        What the model now holds, by the same names.

    Raises:
        UnsafeFile, CorruptFile, TensorMismatch: as :func:`read_like`.
    """
    held: dict[object, list[Tensor]] = {}
    for owner in owners:
        held.setdefault(identity(owner), []).append(owner)
    laid: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, read in read_like(live, path).items():
            tensor = live[name]
            same = held.get(identity(tensor), []) if read.stride() == tensor.stride() else []
            for owner in same:
                owner.data = read
            laid[name] = read if same else tensor.copy_(read)
    return laid


def _require_same(entries: Mapping[str, Entry], live: Mapping[str, Tensor], path: Path) -> None:
    problems = []
    if missing := sorted(live.keys() - entries.keys()):
        problems.append(f"lacks {_some([shown(name) for name in missing])}")
    if extra := sorted(entries.keys() - live.keys()):
        problems.append(f"has {_some([shown(name) for name in extra])} that the model has not")
    differing = [
        f"{shown(name)} as {_describe(_DTYPES[entries[name].dtype], entries[name].shape)} where the model has "
        f"{_describe(tensor.dtype, tuple(tensor.shape))}"
        for name, tensor in sorted(live.items())
        if name in entries
        and (_DTYPES[entries[name].dtype], entries[name].shape)
        != (tensor.dtype, tuple(tensor.shape))
    ]
    if differing:
        problems.append(f"has {_some(differing)}")
    if problems:
        raise TensorMismatch(
            f"{path} is not of this model: it {'; it '.join(problems)}.",
            hint="It belongs to another model or was made by other versions of the plugins.",
        )


def _some(items: list[str]) -> str:
    rest = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _describe(dtype: torch.dtype, shape: tuple[int, ...]) -> str:
    return f"{str(dtype).removeprefix('torch.')} {list(shape)}"


def _views(
    stream: io.BufferedReader, mapped: mmap.mmap, entries: Mapping[str, Entry], path: Path
) -> dict[str, Tensor]:
    base = stream.tell()
    views = {name: _shaped(mapped, base + entry.start, entry) for name, entry in entries.items()}

    def check() -> bool:
        for name, view in views.items():
            _require_finite(view, path, name)
        return True

    FileState.of([os.fstat(stream.fileno())]).once("finite", check)
    return views


def _read(stream: io.BufferedReader, base: int, path: Path, name: str, entry: Entry) -> Tensor:
    buffer = bytearray(entry.stop - entry.start)
    stream.seek(base + entry.start)
    if stream.readinto(buffer) != len(buffer):
        raise CorruptFile(f"{path} was cut while it was read.")
    tensor = _shaped(buffer, 0, entry)
    _require_finite(tensor, path, name)
    return tensor


def _shaped(buffer: bytearray | mmap.mmap, start: int, entry: Entry) -> Tensor:
    dtype, count = _DTYPES[entry.dtype], math.prod(entry.shape)
    if not count:
        return torch.empty(entry.shape, dtype=dtype)
    return torch.frombuffer(buffer, dtype=dtype, count=count, offset=start).reshape(entry.shape)


def _require_finite(tensor: Tensor, path: Path, name: str) -> None:
    if not _is_finite(tensor):
        raise TensorMismatch(
            f"{path}: {shown(name)} holds NaN or infinite values.",
            hint="The model diverged, or the file was tampered with; do not use it.",
        )


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
