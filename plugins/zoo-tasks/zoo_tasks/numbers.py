"""Targets that are numbers, one or several columns of them. No torch."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from zoo.plugin import Labelling, LabelProblem, cells

ALONE = "value"  # the output of a column without a name
_MISTAKES = 10  # a column of numbers has so many for each cell that is none


class Numbers(Labelling):
    """Finite numbers; a blank or NaN is a missing one."""

    several = True
    missing = True

    def likely(self, values: Sequence[str]) -> bool:
        """Numbers that differ and do not merely count the rows; a few cells may be none, by mistake."""
        found = [_number_or_none(value) for value in values]
        known = [value for value in found if value is not None and not math.isnan(value)]
        if found.count(None) * _MISTAKES > len(known):
            return False
        distinct = set(known)
        counts = (
            len(distinct) == len(known)
            and max(known, default=0) - min(known, default=0) == len(known) - 1
        )
        return len(distinct) > 1 and not counts

    def fault(self, label: str) -> str:
        """The first cell that is no finite number."""
        for name, cell in cells(label).items():
            where = f" in the column {name!r}" if name else ""
            try:
                value = number(cell)
            except ValueError:
                return f"{cell[:40]!r}{where} is no number"
            if math.isinf(value):
                return f"{cell[:40]!r}{where} is not finite"
        return ""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The columns.

        Raises:
            LabelProblem: a column has fewer than two different numbers.
        """
        rows = [cells(label) for label in labels]
        for name in rows[0]:
            known = {number(row.get(name, "")) for row in rows}
            if len({value for value in known if not math.isnan(value)}) < 2:
                raise LabelProblem(
                    f"{name or 'The target'} has fewer than two different numbers in the training "
                    "rows; there is nothing to learn.",
                    hint="Name another column with `--label-column NAME`.",
                )
        return tuple(name or ALONE for name in rows[0])

    def unknown(self, label: str, outputs: Collection[str]) -> str:
        """A column that is no output."""
        odd = [name for name in cells(label) if name and name not in outputs]
        return repr(odd[0]) if odd else ""


def _number_or_none(cell: str) -> float | None:
    try:
        return number(cell)
    except ValueError:
        return None


def number(cell: str) -> float:
    """The number that a cell says, NaN where it is blank.

    Raises:
        ValueError: it says none.
    """
    if "_" in cell:  # Python reads 1_000 as a thousand, a person as a mistake
        raise ValueError(cell)
    return float(cell) if cell.strip() else math.nan
