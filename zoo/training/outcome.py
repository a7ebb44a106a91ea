"""How training went: a line an epoch, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zoo.errors import TrainingFailed

Epoch = dict[str, Any]


@dataclass
class Outcome:
    """How training went.

    Attributes:
        history: a line per epoch.
        best_epoch: whose state the model has.
        interrupted: whether the user stopped it.
        failure: why it could not go on, where a good state was kept.
        notes: what a person should know.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    interrupted: bool = False
    failure: TrainingFailed | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing cut it short."""
        return not self.interrupted and self.failure is None
