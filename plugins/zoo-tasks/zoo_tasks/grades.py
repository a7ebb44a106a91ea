"""Labels in an order: grades, stages, stars. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from zoo.plugin import Classes, LabelProblem


class Grades(Classes):
    """Classes whose order is that of their numbers, or as the setting ``order`` says."""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The grades, lowest first.

        Raises:
            LabelProblem: they have no order, two are one number, or another set of them was said to
                be in order.
        """
        found = set(labels)
        order: tuple[str, ...] = self.settings.get("order", ())
        if not order:
            return _by_number(found)
        if found != {*order} or len(order) != len(found):
            raise LabelProblem(
                f"The order {', '.join(order)} is not one of the grades in the training rows: "
                f"{', '.join(sorted(found)[:10])}.",
                hint="Name each grade once, lowest first.",
            )
        return order


def _by_number(found: set[str]) -> tuple[str, ...]:
    try:
        values = {label: float(label) for label in found}
    except ValueError:
        values = {}
    if not values or not all(map(math.isfinite, values.values())):
        raise LabelProblem(
            f"The grades are words ({', '.join(sorted(found)[:10])}), and words have no order.",
            hint="Say it: `--task-set order=LOWEST,…,HIGHEST`.",
        )
    order = tuple(sorted(found, key=lambda label: (values[label], label)))
    _require_different(order, values)
    return order


def _require_different(order: Sequence[str], values: Mapping[str, float]) -> None:
    for one, other in pairwise(order):
        if values[one] == values[other]:
            raise LabelProblem(
                f"The grades {one!r} and {other!r} are one number, written in two ways.",
                hint="Write each grade in one way.",
            )
