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
_MISTAKES = 10  # a column of marks has so many for each cell that is none


class Marks(Labelling):
    """A mark or a gap in each of several columns, or a list of names in one.

    A gap in a column is a label that is not known; an empty list, ``[]``, says that there is none.
    """

    several = True
    missing = True
    _marks = False  # one column alone holds marks, not lists

    def likely(self, values: Sequence[str]) -> bool:
        """Both marks, and nothing but marks and gaps."""
        found = {value.strip().lower() for value in values} - {*_MISSING}
        return found <= _MARKS.keys() and len({_MARKS[value] for value in found}) == 2

    def choose(self, likely: Sequence[str]) -> Sequence[str]:
        """All of them."""
        return likely

    def look(self, labels: Sequence[str]) -> None:
        """Whether one column alone holds marks, so that a cell that is none is a mistake."""
        self._marks = _are_marks(labels)

    def fault(self, label: str) -> str:
        """The first cell that is no mark, where there are marks; a list that is none."""
        given = cells(label)
        for name, cell in given.items():
            if (len(given) > 1 or self._marks) and not _is_mark(cell):
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
        names = _listed(label, outputs)
        told = cells(label) if names is None else names
        odd = [name for name in told if name and name not in outputs]
        return repr(odd[0]) if odd else ""

    def stratum(self, label: str) -> str:
        """The first label that applies: held-out rows then have nearly all of them."""
        given = cells(label)
        if len(given) == 1 and not _is_mark(cell := next(iter(given.values()))):
            return min(names_in(cell), default="")
        return next((n for n, cell in given.items() if _MARKS.get(cell.strip().lower())), "")

    def alike(self, labels: Sequence[str]) -> str:
        """The same labels."""
        rows = [cells(label) for label in labels]
        columns = [{row[name].strip().lower() for row in rows} - {*_MISSING} for name in rows[0]]
        return "" if any(len(found) > 1 for found in columns) else "the same labels"


def marks_of(label: str, names: Sequence[str]) -> list[float | None]:
    """A mark for each name, ``None`` where it is not known."""
    listed = _listed(label, names)
    if listed is not None:
        return [float(name in listed) for name in names]
    given = cells(label)
    if "" in given and len(names) == 1:
        given = {names[0]: given[""]}
    return [_MARKS.get(given.get(name, "").strip().lower()) for name in names]


def _listed(label: str, outputs: Collection[str]) -> list[str] | None:
    """The names in a label that is a list; ``None`` where it is marks, or not known."""
    given = cells(label)
    column, cell = next(iter(given.items()))
    if len(given) > 1 or _is_missing(cell):
        return None
    # Names may look like marks: of a list that has them the column is no output.
    alone = column in outputs or (not column and len(outputs) == 1)
    return None if alone and _is_mark(cell) else names_in(cell)


def _are_marks(labels: Sequence[str]) -> bool:
    """Whether these are one column of marks, a few of which may be mistaken."""
    rows = [cells(label) for label in labels]
    filled = [cell for row in rows for cell in row.values() if not _is_missing(cell)]
    odd = [cell for cell in filled if not _is_mark(cell)]
    if any(len(row) > 1 for row in rows) or any(map(_SEPARATORS.search, odd)):
        return False
    return len(odd) * _MISTAKES <= len(filled) - len(odd)


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
