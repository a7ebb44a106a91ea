"""Training on what was kept: in each epoch the frozen blocks in front are not computed again."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from zoo.model import Backbone, ComposedModel, Preprocessed
from zoo.model.inference import close
from zoo.progress import Progress
from zoo.training.augmenting import Augmentation
from zoo.training.cache.cut import ACTIVATION, Cut, Inner
from zoo.training.cache.fill import Kept
from zoo.training.cache.find import find_cut, first_moving
from zoo.training.cache.identity import frozen_digest, identity
from zoo.training.cache.room import Room
from zoo.training.cache.store import Places
from zoo.training.prepared import PreparedSplit

_FIRST = 4  # rows that are compared with the plain path before any is believed
_CLOSE = 1e-4  # of the largest logit
_CLOSE_BF16 = 5e-2


class Reuse:
    """The activations of one fit.

    Args:
        model: is trained.
        splits: what with.
        bf16: whether frozen blocks may be computed in bfloat16.
        augmentation: how inputs are changed from epoch to epoch; ``None`` where they are not.
        progress: whom to tell.

    Attributes:
        notes: what a person should know.
        whole: digest of all of the backbone, where all of it was frozen and has been looked at.
        skipped: modules that are not computed at this moment.
    """

    def __init__(
        self,
        model: ComposedModel,
        splits: Mapping[str, PreparedSplit],
        *,
        bf16: bool,
        augmentation: Augmentation | None = None,
        progress: Progress,
    ) -> None:
        self.notes: list[str] = []
        self._model, self._splits, self._bf16, self._progress = model, splits, bf16, progress
        self._augmentation = augmentation
        self._room = Room.configured()
        self.whole: str | None = None
        self.skipped: Collection[nn.Module] = ()
        self._found: dict[int, _Prepared | None] = {}

    @contextlib.contextmanager
    def active(self, epoch: int = 0) -> Iterator[None]:
        """Inside, splits hold what the frozen blocks gave, and the model goes on from there.

        What is frozen is what at this moment requires no gradient and is in evaluation mode, from
        the first block on. Where nothing is, or it cannot be kept, a head takes more than pooled
        features, or each task has an adapter of its own, nothing changes.
        """
        if any(split.ready.instead is not None for split in self._splits.values()):
            yield  # images are augmented: each is another one in every epoch
            return
        one = self._model.reads_pooled and not self._model.branches
        block = first_moving(self._model.backbone) if one else 0
        if block and self._augmentation and not self._augmentation.views:
            self.tell(
                f"Training changes its inputs from epoch to epoch ({self._augmentation.kind}), so "
                "frozen blocks are computed in each; with --augment none they are computed once, "
                "with --views 4 once for each of so many changes."
            )
            block = 0
        if block not in self._found:
            self._found[block] = self._prepare(block) if block else None
        prepared = self._found[block]
        if prepared and epoch and self._augmentation and not self._see(prepared, epoch):
            prepared = self._found[block] = None
        if prepared is None:
            yield
            return
        with prepared.in_place(epoch):
            self.skipped = prepared.cut.skipped
            try:
                yield
            finally:
                self.skipped = ()

    def tell(self, text: str) -> None:
        """Say it now, and keep it for the record."""
        self._progress.note(text)
        if text not in self.notes:
            self.notes.append(text)

    def _prepare(self, block: int) -> _Prepared | None:
        backbone = self._model.backbone
        cut = find_cut(backbone, block)
        if cut is None:
            if block > 1:  # a single block, of embeddings often, is no loss
                self.tell(
                    f"{backbone.spec.name} cannot be cut before {backbone.blocks[block].name}, so "
                    "its frozen blocks are computed in every epoch."
                )
            return None
        kept = self._kept(cut, block)
        ready = {name: split.ready for name, split in self._splits.items()}
        rows: dict[str, Sequence[dict[str, Tensor]]] = {}
        for name, samples in ready.items():
            places = kept.places(samples, name)
            if places is None:
                return None
            rows[name] = _Rows(samples, kept, places, blank=cut.blank)
        prepared = _Prepared(cut, kept, ready, rows, self._augmentation)
        if not self._agrees(prepared):
            self.tell(
                f"What was kept for {backbone.spec.name} before {cut.name} gives something else "
                "than computing it; it is not used."
            )
            return None
        return prepared

    def _see(self, prepared: _Prepared, epoch: int) -> bool:
        """Keep the view of an epoch; whether there was room."""
        assert self._augmentation is not None  # the caller looked
        view = self._augmentation.view(prepared.ready["train"], epoch)
        if view.number not in prepared.views:
            places = prepared.kept.places(view, f"train, view {view.number}")
            if places is None:
                return False
            rows = _Rows(view, prepared.kept, places, blank=prepared.cut.blank)
            if not prepared.views:
                self.tell(
                    f"Epochs see {self._augmentation.views} changes of each image "
                    f"({self._augmentation.kind}) in turn; frozen blocks are computed once for each."
                )
            prepared.views[view.number] = rows
        return True

    def _kept(self, cut: Cut, block: int) -> Kept:
        backbone = self._model.backbone
        place = f"before {cut.name}"
        if not isinstance(cut, Inner):
            place = features_place(backbone)
        else:
            block = next(i for i, each in enumerate(backbone.blocks) if each.name == cut.name)
        weights = frozen_digest(backbone, block)
        if block == len(backbone.blocks):
            self.whole = weights
        key = identity(backbone, weights, place, bf16=self._bf16)
        return Kept(cut, self._room, key, bf16=self._bf16, progress=self._progress, tell=self.tell)

    def _agrees(self, prepared: _Prepared) -> bool:
        """Compare the first rows with the plain path."""
        plain = self._first_logits()
        try:
            with prepared.in_place():
                found = self._first_logits()
        except Exception:  # a head may want what is not kept
            return False
        share = _CLOSE_BF16 if self._bf16 else _CLOSE
        return all(close(plain[name], found[name], share) for name in plain)

    @torch.no_grad()
    def _first_logits(self) -> dict[str, Tensor]:
        model, ready = self._model, self._splits["train"].ready
        was_training = model.training
        model.eval()
        batch = model.backbone.preprocess.collate(
            [ready[i] for i in range(min(_FIRST, len(ready)))]
        )
        logits: dict[str, Tensor] = model({k: v.to(model.device) for k, v in batch.items()})
        model.train(was_training)
        return logits


@dataclass(frozen=True)
class _Prepared:
    """A cut with the rows of all splits, and with the views of training rows by their numbers."""

    cut: Cut
    kept: Kept
    ready: Mapping[str, Preprocessed]
    rows: Mapping[str, Sequence[dict[str, Tensor]]]
    augmentation: Augmentation | None
    views: dict[int, Sequence[dict[str, Tensor]]] = field(default_factory=dict)

    @contextlib.contextmanager
    def in_place(self, epoch: int = 0) -> Iterator[None]:
        with self.cut.resumed(), self.cut.collating():
            for name, samples in self.ready.items():
                samples.instead = self.rows[name]
            if epoch and self.augmentation:
                train = self.ready["train"]
                train.instead = self.views[self.augmentation.view(train, epoch).number]
            try:
                yield
            finally:
                for samples in self.ready.values():
                    samples.instead = None


class _Rows(Sequence[dict[str, Tensor]]):
    """Samples with their activations; for the inputs, where only shapes matter, any will do."""

    def __init__(self, ready: Preprocessed, kept: Kept, places: Places, *, blank: bool) -> None:
        self._ready, self._kept, self._places = ready, kept, places
        self._blank = ready.sample(0) if blank else None

    def __len__(self) -> int:
        return len(self._ready)

    def __getitem__(self, index: int) -> dict[str, Tensor]:  # type: ignore[override]  # no slices
        sample = self._ready.sample(index) if self._blank is None else self._blank
        return {**sample, ACTIVATION: self._kept.row(self._places, index)}


def features_place(backbone: Backbone) -> str:
    """The place of pooled features in :func:`zoo.training.cache.identity.identity`."""
    return f"features by {backbone.pooling}"
