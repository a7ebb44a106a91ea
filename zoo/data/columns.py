"""Which column of a table is the input and which the label: as told, else by looking.

The label is a column called ``label``, else the one column with a label's usual name, else the one
column with few different values. The input is a column of names of image files that exist, else
``text``, else the column with the longest texts. Where two would do, nobody is served by a guess.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from zoo.data.images import is_image_name
from zoo.data.table import Table
from zoo.errors import ColumnMissing

_LABEL_NAMES = {"label", "labels", "label_name", "class", "classes", "class_name", "classname"}
_LABEL_NAMES |= {"target", "category", "tag", "y"}
_LONGEST_LABEL = 60  # characters, on average
_LEAST_IMAGES = 0.9  # share of values that end as image names do


@dataclass(frozen=True)
class Columns:
    """The columns that count; ``label`` is ``None`` where no label was asked for."""

    input: str
    label: str | None
    modality: str

    def describe(self) -> str:
        """For the line that says what the data was taken for."""
        what = "texts" if self.modality == "text" else "image paths"
        labels = f", labels in {self.label!r}" if self.label is not None else ""
        return f"{what} in {self.input!r}{labels}"


def find_columns(
    table: Table,
    *,
    modality: str | None = None,
    input_column: str | None = None,
    label_column: str | None = None,
    labelled: bool = True,
    ignored: Collection[str] = (),
) -> Columns:
    """Find the columns of a table.

    Args:
        table: to look at.
        modality: ``"image"`` or ``"text"``, where it is known.
        input_column, label_column: what the user says.
        labelled: whether a label is needed.
        ignored: columns that are neither.

    Raises:
        ColumnMissing: a column is not there, or several could be meant.
    """
    for name, option in ((input_column, "--input-column"), (label_column, "--label-column")):
        if name is not None:
            require(table, name, option)
    if label_column is not None and label_column == input_column:
        raise ColumnMissing(
            f"{table.path.name}: the column {label_column!r} cannot be input and label at once.",
            hint=f"Its columns: {', '.join(table.columns)}.",
        )
    usual = [name for name in table.flat if name.lower() in _LABEL_NAMES and name != input_column]
    label = label_column or (_label_by_name(table, usual) if labelled else None)
    passed_over = {label, *ignored} if labelled else {*usual, *ignored}
    rest = [name for name in table.flat if name not in passed_over]
    source = input_column or _input(table, rest, modality)
    if labelled and label is None:
        label = _label_by_looking(table, [name for name in rest if name != source])
    if labelled and label is not None:
        _require_header(table, source, label)
    looks = "image" if _images_exist(table, source) else "text"
    return Columns(source, label if labelled else None, modality or looks)


def require(table: Table, name: str, option: str) -> None:
    """Refuse a column that is not there.

    Raises:
        ColumnMissing: with the nearest name.
    """
    if name not in table.columns:
        near = difflib.get_close_matches(name, table.columns, n=1)
        raise ColumnMissing(
            f"{table.path.name} has no column {name!r}. Its columns: {', '.join(table.columns)}.",
            hint=f"Did you mean `{option} {near[0]}`?" if near else f"Name one: `{option} NAME`.",
        )


def _label_by_name(table: Table, usual: Sequence[str]) -> str | None:
    exact = [name for name in usual if name.lower() == "label"]
    if len(exact) == 1:
        return exact[0]
    if len(usual) > 1:
        raise _unclear(table, "holds the labels", usual, "--label-column")
    return usual[0] if usual else None


def _label_by_looking(table: Table, candidates: Sequence[str]) -> str:
    likely = [name for name in candidates if _has_few_values(table.sample(name))]
    if len(likely) == 1:
        return likely[0]
    if not likely and len(candidates) == 1 and _repeats(table.sample(candidates[0])):
        return candidates[0]
    raise _unclear(table, "holds the labels", likely, "--label-column")


def _input(table: Table, candidates: Sequence[str], modality: str | None) -> str:
    if modality != "text":
        images = [name for name in candidates if _names_images(table.sample(name))]
        found = [name for name in images if _images_exist(table, name)]
        if modality == "image":
            found = found or images
        if len(found) == 1:
            return found[0]
        if len(found) > 1 or modality == "image":
            raise _unclear(table, "holds the paths of the images", found, "--input-column")
    samples = {name: table.sample(name) for name in candidates}
    texts = [name for name, values in samples.items() if not _is_numeric(values)]
    if not texts:
        raise _unclear(table, "holds the texts", [], "--input-column")
    named = [name for name in texts if name.lower() == "text"]
    return named[0] if named else max(texts, key=lambda name: _mean_length(samples[name]))


def _unclear(table: Table, what: str, candidates: Sequence[str], option: str) -> ColumnMissing:
    columns = ", ".join(table.columns)
    if len(candidates) > 1:
        shown = " or ".join(f"`{option} {name}`" for name in candidates[:4])
        return ColumnMissing(
            f"{table.path.name}: which column {what}? Its columns: {columns}.",
            hint=f"Say which: {shown}.",
        )
    return ColumnMissing(
        f"{table.path.name}: no column {what}, as far as zoo can tell. Its columns: {columns}.",
        hint=f"Name it with `{option} NAME`.",
    )


def _require_header(table: Table, source: str, label: str) -> None:
    """A header that is one of the labels, over texts, is a first row without a header."""
    if table.numbers[0] == 2 and label in set(table.sample(label)) and source.lower() != "text":
        raise ColumnMissing(
            f"{table.path.name} seems to have no header: its first line is "
            f"{', '.join(name[:40] for name in table.columns)}.",
            hint="Add a first line that names the columns, e.g. text,label.",
        )


def _has_few_values(values: Sequence[str]) -> bool:
    filled = [value for value in values if value.strip()]
    distinct = set(filled)
    return (
        2 <= len(distinct) <= len(filled) / 2
        and _mean_length(filled) <= _LONGEST_LABEL
        and not _is_measured(distinct)
    )


def _repeats(values: Sequence[str]) -> bool:
    """Whether some value comes twice and another is different: as little as two classes need."""
    return 2 <= len(set(values)) < len(values)


def _is_numeric(values: Collection[str]) -> bool:
    try:
        return all(float(value) is not None for value in values if value.strip())
    except ValueError:
        return False


def _is_measured(values: Collection[str]) -> bool:
    """Whether these are numbers with digits after the point: amounts, not classes."""
    return _is_numeric(values) and any(not float(value).is_integer() for value in values)


def _mean_length(values: Sequence[str]) -> float:
    return sum(map(len, values)) / max(len(values), 1)


def _names_images(values: Sequence[str]) -> bool:
    filled = [value for value in values if value.strip()]
    named = sum(is_image_name(value) for value in filled)
    return bool(filled) and named >= _LEAST_IMAGES * len(filled)


def _images_exist(table: Table, name: str) -> bool:
    values = table.sample(name)
    return _names_images(values) and any(
        os.path.exists(table.path.parent / value) for value in values if is_image_name(value)
    )
