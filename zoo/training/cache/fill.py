"""Computing the rows that a store does not have, and keeping them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from zoo.model import Preprocessed
from zoo.model.batches import computed, length_of
from zoo.progress import Progress
from zoo.training.cache.cut import Cut
from zoo.training.cache.room import Room, human
from zoo.training.cache.rows import Keys, row_keys
from zoo.training.cache.store import IN_MEMORY, Places, Store
from zoo.training.memory import halving

_SHARD = 64 * 2**20  # bytes that are written at a time


class Kept:
    """The activations of one cut, by rows of data.

    Args:
        cut: what is computed.
        room: where there is room.
        key: of the entry.
        bf16: whether it is computed and kept in bfloat16.
        batch_size: rows of mean length at a time.
        progress: whom to tell how far it has come.
        tell: is told in words what a person should know.
    """

    def __init__(
        self,
        cut: Cut,
        room: Room,
        key: str,
        *,
        bf16: bool,
        batch_size: int = 32,
        progress: Progress,
        tell: Callable[[str], None],
    ) -> None:
        self._batch_size = batch_size
        self._cut, self._room, self._key, self._bf16 = cut, room, key, bf16
        self._progress, self._tell = progress, tell
        self._dtype = torch.bfloat16 if bf16 else torch.float32
        self._store = Store(room.entry(key), ragged=cut.ragged, tell=tell)

    def places(self, ready: Preprocessed, name: str) -> Places | None:
        """Where the activation of each row is, computed now where it was not kept before.

        Returns ``None`` where there is no room for them.
        """
        keys = row_keys(ready)
        stage = f"computing {self._cut.name} of {name}"
        if not halving(
            lambda rows: self._complete(ready, keys, name, rows),
            self._batch_size,
            stage,
            self._tell,
        ):
            return None
        return self._store.find(keys)

    def _complete(self, ready: Preprocessed, keys: Keys, name: str, batch_size: int) -> bool:
        """Compute what is missing; whether there was room for all."""
        self._batch_size = batch_size
        missing = self._store.find(keys).missing
        if not len(missing):
            return True
        _, first = np.unique(keys[missing], return_index=True)
        return self._compute(ready, keys, missing[np.sort(first)].tolist(), name)

    def known(self, ready: Preprocessed) -> bool:
        """Whether all of these rows are there already."""
        return not len(self._store.find(row_keys(ready)).missing)

    def row(self, places: Places, index: int) -> Tensor:
        """One of them, without padding."""
        return self._store.row(places, index)

    def _compute(self, ready: Preprocessed, keys: Keys, missing: list[int], name: str) -> bool:
        """Compute these and keep them; whether there was room for all."""
        positions: list[int] = []
        rows: list[Tensor] = []
        looked = False
        with self._progress.stage(f"{self._cut.name} of {name}", len(missing)) as advance:
            for chosen, found in self._activations(ready, missing):
                if not looked and not self._has_room(ready, missing, chosen, found, name):
                    return False
                looked = True
                positions += chosen
                rows += found
                if sum(row.nbytes for row in rows) >= _SHARD:
                    self._store.add(keys[positions], rows)
                    positions, rows = [], []
                if self._store.full:
                    self._tell("The activations do not fit into memory; they are not kept.")
                    return False
                advance(len(chosen))
        if rows:
            self._store.add(keys[positions], rows)
        return True

    def _activations(
        self, ready: Preprocessed, missing: list[int]
    ) -> Iterator[tuple[list[int], list[Tensor]]]:
        backbone = self._cut.backbone
        for chosen, _, output in computed(
            self._cut.capture,
            backbone,
            ready,
            backbone.preprocess,
            batch_size=self._batch_size,
            bf16=self._bf16,
            positions=missing,
        ):
            samples = [ready.sample(i) for i in chosen] if self._cut.ragged else []
            yield chosen, self._cut.rows_of(output.to("cpu", self._dtype), samples)

    def _has_room(
        self,
        ready: Preprocessed,
        missing: list[int],
        chosen: list[int],
        found: Sequence[Tensor],
        name: str,
    ) -> bool:
        """Say how much is to be kept and where, and whether it can be."""
        size = sum(row.nbytes for row in found) / len(found) * len(missing)
        if self._cut.ragged:  # the first batch has the longest
            per_element = sum(row.nbytes for row in found) / sum(
                length_of(ready.sample(i)) for i in chosen
            )
            size = per_element * sum(length_of(ready.sample(i)) for i in missing)
        what = f"{self._cut.name} of {len(missing)} rows of {name}, {human(size)}"
        refusal = self._room.refusal(int(size), self._key)
        if not refusal:
            self._progress.note(f"Keeping {what} in {self._room.folder}.")
            return True
        self._store.forgo_disk()
        if size <= IN_MEMORY:
            self._progress.note(f"Keeping {what} in memory only: {refusal}.")
            return True
        self._tell(f"Not keeping {what}: {refusal}.")
        return False
