"""Checkpoints of a fit: each whole or not there, the last two kept, JSON and safetensors only.

A folder holds ``request.json``, which says what is being fitted, ``metrics.jsonl`` with a line an
epoch, and checkpoints in numbered folders.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo.artifact import strict_json
from zoo.artifact.atomic import replacing, write
from zoo.errors import CheckpointInvalid, WriteFailed
from zoo.training.trees import flatten, rebuild

STATE, TENSORS = "state.json", "state.safetensors"
_PLAIN = "state"  # of the file's metadata: all that is no tensor
_KEPT = 2
_SHARE = 0.05  # of the time may go into checkpoints at the ends of epochs


class Checkpoints:
    """The checkpoints of one fit.

    Args:
        folder: holds them; exists.
        minutes: one is written within an epoch where the last is older.
        steps: one is written after every so many steps; 0 leaves it to time.

    Attributes:
        wrap: puts what is saved into a larger tree, where several trainings make one fit.
    """

    def __init__(self, folder: Path, *, minutes: float = 5.0, steps: int = 0) -> None:
        self.folder = folder
        self.wrap: Callable[[Any], Any] = lambda tree: tree
        self._minutes = minutes
        self._steps = steps
        self._written = time.monotonic()
        self._cost = 0.0

    def due(self, step: int) -> bool:
        """Whether to write one after this step."""
        if self._steps and step % self._steps == 0:
            return True
        return time.monotonic() - self._written >= self._minutes * 60

    def due_at_end(self) -> bool:
        """Whether to write one at the end of an epoch: not after each of many short ones."""
        return time.monotonic() - self._written >= self._cost / _SHARE

    def save(self, tree: Any) -> None:
        """Write the next checkpoint and remove all but the last two.

        Raises:
            WriteFailed: the disk is full or the place cannot be written; the others stay.
        """
        start = time.monotonic()
        numbers = self._numbers()
        with replacing(self.folder / _name(max(numbers, default=0) + 1)) as fresh:
            write_state(fresh, self.wrap(tree))
        for number in sorted(numbers)[: -(_KEPT - 1)]:
            shutil.rmtree(self.folder / _name(number), ignore_errors=True)
        self._written = time.monotonic()
        self._cost = self._written - start

    def load(self) -> tuple[Any, list[str]]:
        """The newest checkpoint that is sound, ``None`` where none was written, and what was not.

        Raises:
            CheckpointInvalid: there are some, and all are damaged.
        """
        complaints: list[str] = []
        for number in sorted(self._numbers(), reverse=True):
            try:
                return read_state(self.folder / _name(number)), complaints
            except CheckpointInvalid as err:
                complaints.append(err.message)
        if complaints:
            raise CheckpointInvalid(
                f"{complaints[0]} There is no other.",
                hint="Begin the fit again, with `--overwrite`.",
            )
        return None, complaints

    def clear(self) -> None:
        """Remove them all."""
        for number in self._numbers():
            shutil.rmtree(self.folder / _name(number))

    def _numbers(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]


def write_state(folder: Path, tree: Any) -> None:
    """Write one checkpoint into an empty folder, down to the disk."""
    plain, tensors = flatten(tree)
    path = folder / TENSORS
    text = json.dumps(plain, allow_nan=False)
    try:
        save_file({name: _whole(t) for name, t in tensors.items()}, path, {_PLAIN: text})
    except SafetensorError as err:  # in which it wraps what the system said
        raise WriteFailed(f"{path} could not be written: {err}.") from err
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
    write(folder / STATE, json.dumps({"sha256": _sha256(path)}).encode())


def read_state(folder: Path) -> Any:
    """What :func:`write_state` wrote.

    Raises:
        CheckpointInvalid: a file is missing, cut short or changed.
    """
    path = folder / TENSORS
    try:
        if _sha256(path) != strict_json.parse((folder / STATE).read_bytes())["sha256"]:
            raise CheckpointInvalid(f"The checkpoint {folder} is damaged: {TENSORS} was changed.")
        with safe_open(path, "pt") as stream:
            plain = json.loads(stream.metadata()[_PLAIN])
        return rebuild(plain, load_file(path))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as err:
        reason = " ".join(str(err).split())[:200]
        raise CheckpointInvalid(f"The checkpoint {folder} is damaged: {reason}.") from err


def _whole(tensor: Tensor) -> Tensor:
    """On the CPU, and no part of a larger one, as safetensors wants it."""
    here = tensor.detach().cpu().contiguous()
    return here if here.untyped_storage().nbytes() == here.nbytes else here.clone()


def _name(number: int) -> str:
    return f"{number:06}"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
