"""What a ranking found, as plain data."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """A backbone and what was estimated of it.

    Attributes:
        name: of the backbone.
        estimate: higher is better.
        halves: the same on random halves of the rows, the same halves for every backbone.
        params: parameters of the backbone.
        feature_size: length of its features.
        milliseconds: that one input takes on this machine; ``None`` where it cannot be timed.
        license: of its weights.
        seconds: that this estimate took, loading and features included.
    """

    name: str
    estimate: float
    halves: tuple[float, ...]
    params: int
    feature_size: int
    milliseconds: float | None
    license: str | None
    seconds: float

    @property
    def spread(self) -> float | None:
        """Standard deviation of the estimate over the choice of rows."""
        return statistics.stdev(self.halves) if len(self.halves) > 1 else None

    def level_with(self, other: Candidate) -> bool:
        """Whether the rows cannot tell the two apart: their difference is within two spreads of it."""
        if len(self.halves) < 2 or len(self.halves) != len(other.halves):
            return False
        differences = [
            mine - theirs for mine, theirs in zip(self.halves, other.halves, strict=True)
        ]
        return abs(self.estimate - other.estimate) <= 2 * statistics.stdev(differences)


@dataclass(frozen=True)
class Skipped:
    """A backbone that could not be ranked, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Ranking:
    """Backbones by estimate, best first.

    Attributes:
        ranker, task: by which and for which it was made.
        rows: training rows that were used, ``of`` so many.
        candidates: best first.
        skipped: those that could not be ranked.
    """

    ranker: str
    task: str
    rows: int
    of: int
    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def best(self) -> Candidate:
        """The one with the highest estimate."""
        return self.candidates[0]

    @property
    def pareto(self) -> tuple[Candidate, ...]:
        """Those that no other beats both in estimate and in time, fastest first."""
        front: list[Candidate] = []
        timed = [c for c in self.candidates if c.milliseconds is not None]
        for candidate in sorted(timed, key=lambda c: (c.milliseconds, -c.estimate)):
            if not front or candidate.estimate > front[-1].estimate:
                front.append(candidate)
        return tuple(front)

    def plain(self) -> dict[str, Any]:
        """All of it for JSON."""
        front = {candidate.name for candidate in self.pareto}
        return {
            "ranker": self.ranker,
            "task": self.task,
            "rows": self.rows,
            "of": self.of,
            "candidates": [
                {
                    "name": c.name,
                    "estimate": c.estimate,
                    "spread": c.spread,
                    "level_with_best": c is self.best or c.level_with(self.best),
                    "pareto": c.name in front,
                    "params": c.params,
                    "feature_size": c.feature_size,
                    "milliseconds": c.milliseconds,
                    "license": c.license,
                    "seconds": c.seconds,
                }
                for c in self.candidates
            ],
            "skipped": [{"name": s.name, "reason": s.reason} for s in self.skipped],
        }
