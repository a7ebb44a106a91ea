"""The header of a safetensors file, checked in full before any library maps the file. No torch.

Libraries accept duplicate names, holes and odd numbers, and what a header promises can be more than
the file, the memory or the disk has.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifact import strict_json
from zoo.artifact.files import open_regular, shown
from zoo.errors import CorruptFile
from zoo.unchanged import FileState

MAX_HEADER = 16 * 1024 * 1024
MAX_TENSORS = 100_000
_MAX_ITEMS = 12 * MAX_TENSORS  # four dimensions each
_MAX_DIMENSIONS = 16
_METADATA = "__metadata__"

# Bytes of one number, by the format's own names; types of less than a byte are none that zoo reads.
ITEM_SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 8),
}


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies in the file; ``start`` and ``stop`` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def require_sound(path: Path) -> None:
    """Check a file's structure in full; raises as :func:`read_header`."""
    with open_regular(path) as stream:
        files = FileState.of([os.fstat(stream.fileno())])
        files.once("sound", lambda: bool(read_header(stream, path)))


def read_header(
    stream: io.BufferedReader, path: Path, dtypes: Collection[str] = tuple(ITEM_SIZES)
) -> dict[str, Entry]:
    """The entries of a safetensors file; leaves the stream at the first byte of data.

    Args:
        stream: of a regular file, open for reading.
        path: for messages.
        dtypes: the types it may hold.

    Raises:
        CorruptFile: the header is too large, not JSON, repeats a name, or does not describe exactly
            the bytes that the file has.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or length > size - 8 or length > MAX_HEADER:
        raise _malformed(path, f"a header of {length} bytes in a file of {size}")
    content = stream.read(length)
    if not content.startswith(b"{"):
        raise _malformed(path, "its header does not begin as an object")
    if content.count(b"{") > MAX_TENSORS + 1:  # before any is made
        raise _malformed(path, f"more than {MAX_TENSORS} tensors")
    try:
        header = strict_json.parse(content, max_items=_MAX_ITEMS)
    except ValueError as err:
        raise _malformed(path, f"its header is not JSON ({str(err)[:80]})") from err
    _require_texts(header.pop(_METADATA, {}), path)
    entries = {name: _entry(name, value, path, dtypes) for name, value in header.items()}
    _require_no_holes(entries, size - 8 - length, path)
    return entries


def _entry(name: str, value: Any, path: Path, dtypes: Collection[str]) -> Entry:
    well_formed = isinstance(value, dict) and value.keys() == {"dtype", "shape", "data_offsets"}
    dtype = value["dtype"] if well_formed else None
    if not isinstance(dtype, str) or dtype not in dtypes:
        raise _malformed(path, f"{shown(name)} is not described as a tensor zoo knows")
    shape, offsets = value["shape"], value["data_offsets"]
    if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):
        raise _malformed(path, f"{shown(name)} has a shape or offsets that are no sizes")
    start, stop = offsets
    if math.prod(max(size, 1) for size in shape) >= 1 << 48:  # strides overflow, if nothing else
        raise _malformed(path, f"{shown(name)} has a shape that no tensor has")
    if stop - start != math.prod(shape) * ITEM_SIZES[dtype]:
        raise _malformed(path, f"the bytes of {shown(name)} do not fit its shape")
    return Entry(dtype, tuple(shape), start, stop)


def _are_sizes(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= _MAX_DIMENSIONS
        and all(type(v) is int and 0 <= v < 1 << 48 for v in values)
    )


def _require_texts(metadata: Any, path: Path) -> None:
    texts = isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())
    if not texts:
        raise _malformed(path, "its metadata is not texts by name")


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
