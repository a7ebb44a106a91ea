"""What tells one row of data from another: a digest of its content, whatever it is called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from zoo.data.samples import Samples
from zoo.model import Preprocessed
from zoo.training.augmenting import View

BYTES = 16
Keys = NDArray[np.bytes_]


def row_keys(ready: Preprocessed) -> Keys:
    """One digest a row, ``[rows]``; equal rows have equal ones, changed ones their own."""
    if isinstance(ready, View):
        return _drawn(row_keys(ready.plain), ready.draw)
    raw = ready.samples.inputs if isinstance(ready.samples, Samples) else ready.samples
    convert = isinstance(ready.samples, Samples) and ready.samples.convert
    modality = ready.samples.contract.modality if isinstance(ready.samples, Samples) else ""
    keys = np.empty(len(ready), dtype=f"S{BYTES}")
    for i in range(len(ready)):
        keys[i] = _digest(ready, i, raw[i], modality, convert)
    return keys


def _drawn(plain: Keys, draw: str) -> Keys:
    keys = np.empty_like(plain)
    for i, key in enumerate(plain):
        keys[i] = hashlib.sha256(f"{draw} {i} ".encode() + key).digest()[:BYTES]
    return keys


def _digest(ready: Preprocessed, index: int, given: Any, modality: str, convert: bool) -> bytes:
    total = hashlib.sha256(bytes([convert]))
    if modality == "image" and isinstance(given, (str, Path)):
        total.update(Path(given).read_bytes())
    elif isinstance(given, str):
        total.update(given.encode("utf-8", "surrogatepass"))
    elif isinstance(given, Image.Image):
        total.update(f"{given.mode}{given.size}".encode())
        total.update(given.tobytes())
    else:
        for name, tensor in sorted(ready.sample(index).items()):
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            total.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
            total.update(flat.view(torch.uint8).numpy().data)
    return total.digest()[:BYTES]
