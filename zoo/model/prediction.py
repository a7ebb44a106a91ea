"""What a model says of one input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input.

    Attributes:
        label: the answer in words, as a person reads it.
        score: how sure the model is of it, from 0 to 1, where it says.
        scores: of every label, where there are such.
        data: the rest of the answer as plain data: values, spans, …; ``thresholds``, where any number
            of labels may apply: by label, the score from which on it does.
    """

    label: str
    score: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ranked(self) -> list[tuple[str, float | None]]:
        """The label with its score, then the other labels with theirs, best first."""
        others = sorted(self.scores.items(), key=lambda pair: -pair[1])
        return [(self.label, self.score), *(pair for pair in others if pair[0] != self.label)]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; without what the task does not say."""
        found: dict[str, Any] = {"label": self.label}
        if self.score is not None:
            found["score"] = self.score
        if self.scores:
            found["scores"] = dict(self.scores)
        return {**found, **self.data}
