"""Labels of pairs of texts. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.plugin import Classes
from zoo_tasks.numbers import Numbers


class PairClasses(Classes):
    """One class a pair."""

    inputs = 2


class PairNumbers(Numbers):
    """One number a pair, how alike they are."""

    inputs = 2
    several = False

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The similarity."""
        super().outputs(labels)
        return ("similarity",)
