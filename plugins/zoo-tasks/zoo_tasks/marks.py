"""Targets that are any number of labels: columns of 0 and 1, or one column of lists. No torch."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence

from zoo.plugin import Labelling, LabelProblem, cells

_MARKS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}
_MARKS |= {"no": 0.0, "yes": 1.0}
_MISSING = ("", "nan")
_SEPARATORS = re.compile(r"[,;|]")


class Marks(Labelling):
    """A mark or a gap in each of several columns, or a list of names in one.

    A gap in a column is a label that is not known; an empty list, ``[]``, says that there is none.
    """

    several = True
    missing = True

    def likely(self, values: Sequence[str]) -> bool:
        """Both marks, and nothing but marks and gaps."""
        found = {value.strip().lower() for value in values} - {*_MISSING}
        return found <= _MARKS.keys() and len({_MARKS[value] for value in found}) == 2

    def choose(self, likely: Sequence[str]) -> Sequence[str]:
        """All of them."""
        return likely

    def fault(self, label: str) -> str:
        """The first cell that is no mark, where there are several columns; a list that is none."""
        given = cells(label)
        for name, cell in given.items():
            if len(given) > 1 and not _is_mark(cell):
                return f"{cell[:40]!r} in the column {name!r} is neither 0 nor 1"
            if cell.startswith("["):
                try:
                    names_in(cell)
                except ValueError:
                    return f"{cell[:40]!r} is no list of names"
        return ""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The columns, or all names that occur in lists.

        Raises:
            LabelProblem: a label that every training row has, or none.
        """
        rows = [cells(label) for label in labels]
        names = tuple(rows[0])
        if len(names) == 1 and not all(_is_mark(row[names[0]]) for row in rows):
            lists = [names_in(row[names[0]]) for row in rows if not _is_missing(row[names[0]])]
            names = tuple(sorted({name for one in lists for name in one}))
            if not names:
                raise LabelProblem("Every list of labels is empty.", hint="Add examples with some.")
        marks = [marks_of(label, names) for label in labels]
        for at, name in enumerate(names):
            found = {row[at] for row in marks if row[at] is not None}
            if len(found) < 2:
                what = {0.0: "no", 1.0: "every"}.get(next(iter(found), None) or 0.0, "no")
                raise LabelProblem(
                    f"{name!r} applies to {what} training row; there is nothing to learn.",
                    hint="Add examples, or leave the label out.",
                )
        return names

    def unknown(self, label: str, outputs: Collection[str]) -> str:
        """Names that are no outputs."""
        given = cells(label)
        if len(given) == 1 and not _is_mark(cell := next(iter(given.values()))):
            odd = [name for name in names_in(cell) if name not in outputs]
        else:
            odd = [name for name in given if name and name not in outputs]
        return repr(odd[0]) if odd else ""

    def stratum(self, label: str) -> str:
        """The first label that applies: held-out rows then have nearly all of them."""
        given = cells(label)
        if len(given) == 1 and not _is_mark(cell := next(iter(given.values()))):
            return min(names_in(cell), default="")
        return next((n for n, cell in given.items() if _MARKS.get(cell.strip().lower())), "")


def marks_of(label: str, names: Sequence[str]) -> list[float | None]:
    """A mark for each name, ``None`` where it is not known."""
    given = cells(label)
    column, cell = next(iter(given.items()))
    if len(given) == 1 and not _is_mark(cell):
        return [float(name in names_in(cell)) for name in names]
    if len(given) == 1 and not column and len(names) == 1:
        given = {names[0]: cell}
    return [_MARKS.get(given.get(name, "").strip().lower()) for name in names]


def names_in(cell: str) -> list[str]:
    """The names in a cell: a JSON list, or names with ``,``, ``;`` or ``|`` between them.

    Raises:
        ValueError: a JSON list that is none, or not of names.
    """
    if not cell.startswith("["):
        return [name.strip() for name in _SEPARATORS.split(cell) if name.strip()]
    found = json.loads(cell, parse_int=str, parse_float=str)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(cell)
    return found


def _is_mark(cell: str) -> bool:
    return cell.strip().lower() in _MARKS or _is_missing(cell)


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING
