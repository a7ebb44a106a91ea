"""safetensors, read strictly: every byte of the file and every tensor of the model accounted for.

The header is checked by this module and tensors are read with ordinary reads, never mapped: a file
that shrinks while it is mapped kills the process, and libraries accept duplicate names, holes, NaN
and tensors that the model has no place for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from zoo.artifact import strict_json
from zoo.artifact.files import open_regular, shown
from zoo.errors import CorruptFile, TensorMismatch, TrainingFailed

MAX_HEADER = 16 * 1024 * 1024
MAX_TENSORS = 100_000
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


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies in the file; ``start`` and ``stop`` count from the end of the header."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int

    def describe(self) -> str:
        """As messages show it, e.g. ``float32 [3, 4]``."""
        return _describe(self.dtype, self.shape)


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


def read_header(path: Path) -> dict[str, Entry]:
    """The entries of a safetensors file, its structure checked in full.

    Raises:
        UnsafeFile: not a regular file.
        CorruptFile: not a well-formed safetensors file.
    """
    with open_regular(path) as stream:
        return _header(stream, path)


def read_tensors(path: Path, *, max_bytes: int) -> dict[str, Tensor]:
    """All tensors of a small file.

    Raises:
        UnsafeFile, CorruptFile: as :func:`read_header`; also where it is larger than ``max_bytes``.
        TensorMismatch: a value is not finite.
    """
    with open_regular(path) as stream:
        entries = _header(stream, path)
        if sum(entry.stop - entry.start for entry in entries.values()) > max_bytes:
            raise CorruptFile(f"{path} holds more than {max_bytes} bytes of tensors.")
        base = stream.tell()
        return {name: _read(stream, base, path, name, e) for name, e in entries.items()}


def copy_into(live: Mapping[str, Tensor], path: Path) -> None:
    """Copy a file's tensors into a model's, which must have exactly these names, types and shapes.

    Raises:
        UnsafeFile, CorruptFile: as :func:`read_header`.
        TensorMismatch: a tensor is missing, extra, of another type or shape, or not finite.
    """
    with open_regular(path) as stream:
        entries = _header(stream, path)
        _require_same(entries, live, path)
        base = stream.tell()
        with torch.no_grad():
            for name, entry in entries.items():
                live[name].copy_(_read(stream, base, path, name, entry))


def _require_same(entries: Mapping[str, Entry], live: Mapping[str, Tensor], path: Path) -> None:
    problems = []
    if missing := sorted(live.keys() - entries.keys()):
        problems.append(f"lacks {_some([shown(name) for name in missing])}")
    if extra := sorted(entries.keys() - live.keys()):
        problems.append(f"has {_some([shown(name) for name in extra])} that the model has not")
    differing = [
        f"{shown(name)} as {entries[name].describe()} where the model has "
        f"{_describe(tensor.dtype, tuple(tensor.shape))}"
        for name, tensor in sorted(live.items())
        if name in entries
        and (entries[name].dtype, entries[name].shape) != (tensor.dtype, tuple(tensor.shape))
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


def _read(stream: BinaryIO, base: int, path: Path, name: str, entry: Entry) -> Tensor:
    buffer = bytearray(entry.stop - entry.start)
    stream.seek(base + entry.start)
    if stream.readinto(buffer) != len(buffer):  # type: ignore[attr-defined]  # of a buffered file
        raise CorruptFile(f"{path} was cut while it was read.")
    if not buffer:
        return torch.empty(entry.shape, dtype=entry.dtype)
    tensor = torch.frombuffer(buffer, dtype=entry.dtype).reshape(entry.shape)
    if not _is_finite(tensor):
        raise TensorMismatch(
            f"{path}: {shown(name)} holds NaN or infinite values.",
            hint="The model diverged, or the file was tampered with; do not use it.",
        )
    return tensor


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _header(stream: BinaryIO, path: Path) -> dict[str, Entry]:
    """Parse and check the header; leaves the stream at the first byte of data."""
    size = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or length > size - 8 or length > MAX_HEADER:
        raise _malformed(path, f"a header of {length} bytes in a file of {size}")
    try:
        header = strict_json.parse(stream.read(length))
    except ValueError as err:
        raise _malformed(path, f"its header is not JSON ({str(err)[:80]})") from err
    if not isinstance(header, dict):
        raise _malformed(path, "its header is not an object")
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise _malformed(path, f"{len(header)} tensors, where {MAX_TENSORS} are allowed")
    entries = {name: _entry(name, value, path) for name, value in header.items()}
    _require_no_holes(entries, size - 8 - length, path)
    return entries


def _entry(name: str, value: Any, path: Path) -> Entry:
    well_formed = isinstance(value, dict) and value.keys() == {"dtype", "shape", "data_offsets"}
    dtype = _DTYPES.get(str(value["dtype"])) if well_formed else None
    if dtype is None:
        raise _malformed(path, f"{shown(name)} is not described as a tensor zoo knows")
    shape, offsets = value["shape"], value["data_offsets"]
    if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):
        raise _malformed(path, f"{shown(name)} has a shape or offsets that are no sizes")
    start, stop = offsets
    if stop - start != math.prod(shape) * dtype.itemsize:
        raise _malformed(path, f"the bytes of {shown(name)} do not fit its shape")
    return Entry(dtype, tuple(shape), start, stop)


def _are_sizes(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= 16
        and all(type(v) is int and 0 <= v < 1 << 48 for v in values)
    )


def _require_no_holes(entries: Mapping[str, Entry], size: int, path: Path) -> None:
    at = 0
    for entry in sorted(entries.values(), key=lambda e: (e.start, e.stop)):
        if entry.start != at:
            raise _malformed(path, "its tensors overlap or leave holes")
        at = entry.stop
    if at != size:
        raise _malformed(path, f"its tensors take {at} bytes and it holds {size}")


def _malformed(path: Path, reason: str) -> CorruptFile:
    return CorruptFile(
        f"{path} is not a sound safetensors file: {reason}.",
        hint="Pull it again, or ask its author for another.",
    )
