"""Tables beside folders of images: whether one holds the labels, or the folders are the classes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from zoo.data.beside import are_image_names, holds_images
from zoo.data.columns import find_columns, usual_labels
from zoo.data.labelling import Classes, Labelling
from zoo.data.roles import UNSPLIT, role_of
from zoo.data.table import Table, read_table
from zoo.data.tables import Part, find_parts, split_by_folder, split_columns
from zoo.errors import ColumnMissing, DataError

_FEW = 8  # tables that are read to see whether they name images
_MOST = 0.5  # of the images, which a table names that counts for more than the folders' names
# Folders whose names say nothing of a class, where a table names the images in them.
_PART = re.compile(r"(^|[-_ ])(images?|parts?|masks?|batch)[-_ ]?\d*($|[-_ ])", re.I)


def find_side(
    folders: Collection[str],
    files: Sequence[Path],
    wanted: Collection[str],
    labelling: Labelling | None,
    *,
    told: bool,
) -> list[Table]:
    """The tables that label the images in folders beside them; none where the folders are classes.

    Args:
        folders: names of those that hold images.
        files: the tables beside them.
        wanted: names that the user calls splits.
        labelling: what the task makes of labels.
        told: columns are named by the user, so a table is meant.

    Raises:
        DataError: the only table, beside folders that are no classes, cannot be read.
    """
    classes = may_be_classes(folders, wanted)
    if len(files) == 1 and not classes:
        tables = [read_table(files[0])]
    else:
        tables = [table for file in files[:_FEW] if (table := _readable(file))]
    naming = [table for table in tables if _column(table)]
    if classes and not told:
        sure = [t for t in naming if _names_most(t) and _has_label(t, labelling)]
        return sure if len(sure) == 1 else []
    if classes:
        return naming
    return naming or [t for t in tables if any(are_image_names(t.sample(n)) for n in t.flat)]


def may_be_classes(folders: Collection[str], wanted: Collection[str] = ()) -> bool:
    """Whether names of folders can be classes: several that are no parts, and not all are splits."""
    named = [name for name in folders if not (holds_images(name) or _PART.search(name))]
    return len(named) > 1 and not are_splits(named, wanted)


def are_splits(folders: Collection[str], wanted: Collection[str]) -> bool:
    """Whether all names are those of splits."""
    return bool(folders) and all(role_of(name) or name in wanted for name in folders)


def parts_of(table: Table, folders: Mapping[str, Path], wanted: Collection[str]) -> dict[str, Part]:
    """Splits of a table that labels images: by its column ``split``, else by ``train/`` and ``test/``."""
    parts = find_parts(table)
    column = _column(table)
    if UNSPLIT in parts and column and are_splits(folders, wanted):
        return split_by_folder(table, column, folders)
    return parts


def _readable(file: Path) -> Table | None:
    with contextlib.suppress(DataError):
        return read_table(file)
    return None


def _column(table: Table) -> str | None:
    """The first column that names images."""
    return next((n for n in table.flat if table.beside.are_named(table.sample(n))), None)


def _names_most(table: Table) -> bool:
    column = _column(table)
    return column is not None and table.beside.covered(table.column(column)) >= _MOST


def _has_label(table: Table, labelling: Labelling | None) -> bool:
    """Classes have to be called so: a camera or a width is not what folders are left for."""
    kind = labelling or Classes({})
    if isinstance(kind, Classes) and not usual_labels(table, kind):
        return False
    ignored = split_columns(table)
    try:
        find_columns(table, modality="image", ignored=ignored, labelling=labelling)
    except ColumnMissing:
        return False
    return True
