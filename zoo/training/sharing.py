"""Features and logits of a split, each process computing its share of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from zoo.model import Backbone, ComposedModel, extract
from zoo.progress import Progress, Silent
from zoo.training.memory import halving
from zoo.training.prepared import PreparedSplit, Some
from zoo.training.processes import processes

_ROWS = 32  # at a time


def shared_features(
    backbone: Backbone, split: PreparedSplit, *, bf16: bool, progress: Progress
) -> Tensor:
    """Pooled features, ``[rows, feature_size]``."""
    return processes().gathered(
        lambda rows: halving(
            lambda size: extract(
                backbone,
                Some(split.ready, rows),
                batch_size=size,
                bf16=bf16,
                progress=progress,
                stage=f"features of {split.name}",
            ),
            _ROWS,
            f"computing features of {split.name}",
            progress.note,
        ),
        len(split.ready),
    )


def shared_logits(
    model: ComposedModel,
    split: PreparedSplit,
    pick: Callable[[Mapping[str, Tensor]], Tensor],
    *,
    batch_size: int = _ROWS,
    progress: Progress | None = None,
    stage: str = "validating",
) -> Tensor:
    """What ``pick`` takes of the logits by task, ``[rows, …]``; fewer rows where memory runs out."""
    progress = progress or Silent()
    return processes().gathered(
        lambda rows: halving(
            lambda size: pick(
                model.logits(
                    split.ready if len(rows) == len(split.ready) else Some(split.ready, rows),
                    batch_size=size,
                    progress=progress,
                    stage=stage,
                )
            ),
            batch_size,
            stage,
            progress.note,
        ),
        len(split.ready),
    )
