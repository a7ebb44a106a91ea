"""Rows on disk: files of many rows each, mapped into memory, named by the digest of their content.

A file that does not hold what its name says was damaged and counts as not there. Files are only
ever added, whole, so processes that share an entry cannot spoil it for one another.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from zoo.training.cache.rows import BYTES, Keys

IN_MEMORY = 512 * 2**20  # bytes that are kept where the disk takes nothing
_DIGITS = 32


@dataclass(frozen=True)
class Places:
    """Where rows are: the file, ``-1`` where nowhere, and first and number of entries in it."""

    file: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]

    @property
    def missing(self) -> NDArray[np.int64]:
        """Positions of the rows that are nowhere."""
        return np.flatnonzero(self.file < 0)


class Store:
    """Activations of one computation by the digests of the rows they come from.

    Args:
        folder: of its files; ``None`` keeps them in memory.
        ragged: whether rows are of several lengths.
        tell: is told of what went wrong, in words for a person.

    Attributes:
        full: more was added than memory has room for, and the disk took it not.
    """

    def __init__(self, folder: Path | None, *, ragged: bool, tell: Callable[[str], None]) -> None:
        self.full = False
        self._folder, self._ragged, self._tell = folder, ragged, tell
        self._keys: Keys = np.empty(0, dtype=f"S{BYTES}")
        self._places = Places(*(np.empty(0, dtype=np.int64) for _ in range(3)))
        self._files: list[Tensor] = []
        self._held = 0
        if folder is not None and folder.is_dir():
            self._open(folder)

    def forgo_disk(self) -> None:
        """Keep what comes in memory."""
        self._folder = None

    def find(self, keys: Keys) -> Places:
        """Where the rows of these digests are."""
        if len(self._keys) == 0:
            nowhere = np.full(len(keys), -1)
            return Places(nowhere, nowhere, nowhere)
        at = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        found = self._keys[at] == keys
        return Places(
            np.where(found, self._places.file[at], -1),
            self._places.start[at],
            self._places.length[at],
        )

    def row(self, places: Places, index: int) -> Tensor:
        """The activation of a row that was found: ``[length, …]`` where rows are ragged."""
        rows = self._files[places.file[index]]
        start = int(places.start[index])
        found: Tensor = rows[start : start + int(places.length[index])]
        return found if self._ragged else found[0]

    def add(self, keys: Keys, rows: Sequence[Tensor]) -> None:
        """Keep rows under their digests, on disk if that can be."""
        lengths = [len(row) if self._ragged else 1 for row in rows]
        tensors = {
            "keys": torch.from_numpy(keys.view(np.uint8).reshape(-1, BYTES).copy()),
            "lengths": torch.tensor(lengths),
            "rows": torch.cat(list(rows)) if self._ragged else torch.stack(list(rows)),
        }
        self._take(self._written(tensors) or self._remembered(tensors))

    def _open(self, folder: Path) -> None:
        try:
            for path in sorted(folder.glob("*.safetensors")):
                if _digest(path) == path.stem:
                    self._take(load_file(path))
                else:
                    self._tell(
                        f"A file of the activation cache was damaged ({path}); its rows are "
                        "computed again."
                    )
                    path.unlink()
            os.utime(folder)  # what was used last is removed last
        except (OSError, SafetensorError) as err:
            self._tell(f"The activation cache in {folder} cannot be used as it should: {err}")

    def _written(self, tensors: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """The same, mapped from a new file; ``None`` where the disk takes nothing."""
        if self._folder is None:
            return None
        data = save(tensors)
        path = self._folder / f"{hashlib.sha256(data).hexdigest()[:_DIGITS]}.safetensors"
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(path)
            return load_file(path)
        except (OSError, SafetensorError) as err:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            self._tell(
                f"Nothing more is kept in the activation cache {self._folder}: {err}. "
                "The work goes on without."
            )
            self.forgo_disk()
            return None

    def _remembered(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        self._held += tensors["rows"].nbytes
        self.full = self._held > IN_MEMORY
        return tensors

    def _take(self, tensors: dict[str, Tensor]) -> None:
        keys = np.ascontiguousarray(tensors["keys"].numpy()).view(f"S{BYTES}").reshape(-1)
        lengths = tensors["lengths"].numpy()
        start = np.cumsum(lengths) - lengths
        file = np.full(len(keys), len(self._files))
        self._files.append(tensors["rows"])
        together = np.concatenate([self._keys, keys])
        self._keys, first = np.unique(together, return_index=True)
        self._places = Places(
            np.concatenate([self._places.file, file])[first],
            np.concatenate([self._places.start, start])[first],
            np.concatenate([self._places.length, lengths])[first],
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
