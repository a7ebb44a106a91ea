"""Tables as data: one file, or a folder with a file (or several) for each split."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from unicodedata import normalize

from zoo.data.cell import Cell
from zoo.data.columns import Columns, find_columns, require
from zoo.data.labelling import Labelling
from zoo.data.roles import UNSPLIT, role_of, split_in
from zoo.data.rows import Found, Input, Row, named, natural
from zoo.data.table import Table, is_table_name, read_table
from zoo.errors import ColumnMissing

_SPLIT_COLUMNS = frozenset({"split", "subset", "partition"})

Part = Callable[[], list[Table]]


def tables_in(folder: Path) -> list[Path]:
    """Visible table files directly in a folder, in natural order."""
    files = [path for path in folder.iterdir() if is_table_name(path) and path.is_file()]
    visible = (path for path in files if not path.name.startswith("."))
    return sorted(visible, key=lambda path: natural(path.name))


def find_files(files: Sequence[Path], wanted: Collection[str]) -> dict[str, Part]:
    """Splits by the names of files: ``train.csv``, ``sst2_dev.tsv``, ``train-00001.parquet``."""
    groups: dict[str, list[Path]] = {}
    for path in files:
        name = path.stem if path.stem in wanted else split_in(path.stem)
        if name:
            groups.setdefault(name, []).append(path)
    return {name: partial(_read_all, paths) for name, paths in groups.items()}


def find_all(files: Sequence[Path], wanted: Collection[str]) -> dict[str, Part]:
    """Splits by the names of all files; one table in many files where the names say nothing."""
    named_by_split = find_files(files, wanted)
    if all(path.stem in wanted or split_in(path.stem) for path in files):
        return named_by_split
    return {UNSPLIT: partial(_read_all, files)}


def find_listed(root: Path, wanted: Collection[str]) -> dict[str, Part]:
    """Splits that are folders of images with a table each: ``train/metadata.csv``."""
    found: dict[str, Part] = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if role_of(folder.name) or folder.name in wanted:
            files = tables_in(folder)
            below = [path for path in folder.iterdir() if path.is_dir()]
            if len(files) == 1 and len(below) <= 1:
                found[folder.name] = partial(_read_all, files)
    return found


def find_parts(table: Table) -> dict[str, Part]:
    """Splits of one table: by its column ``split``, where it has one whose values say so."""
    for name in split_columns(table):
        if all(map(role_of, table.sample(name))):
            return _split(table, table.column(name))
    return {UNSPLIT: lambda: [table]}


def split_columns(table: Table) -> list[str]:
    """Columns that tell splits apart, and are neither input nor label."""
    return [name for name in table.flat if name.lower() in _SPLIT_COLUMNS]


def split_by_folder(table: Table, column: str, folders: Mapping[str, Path]) -> dict[str, Part]:
    """Splits of a table by the folders that its images lie in; none where some lie elsewhere.

    Args:
        column: names the images; rows whose image is missing go with the first split.
        folders: of images, by split.
    """
    lie = [_folder_of(table.beside.find(cell), folders) for cell in table.column(column)]
    known = [name for name in lie if name]
    if not known or UNSPLIT in lie:
        return {UNSPLIT: lambda: [table]}
    return _split(table, [name or known[0] for name in lie])


def _folder_of(image: Path, folders: Mapping[str, Path]) -> str | None:
    """The folder with the image, ``UNSPLIT`` where it lies in none, ``None`` where it is missing."""
    if not image.is_file():
        return None
    return next((name for name, path in folders.items() if image.is_relative_to(path)), UNSPLIT)


def _split(table: Table, names: Sequence[str]) -> dict[str, Part]:
    rows: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        rows.setdefault(name, []).append(i)
    return {name: partial(_taken, table, chosen) for name, chosen in rows.items()}


def read(
    path: str | Path,
    parts: Mapping[str, Part],
    *,
    what: str = "table",
    modality: str | None,
    input_column: str | None,
    label_column: str | None,
    labelling: Labelling,
    outputs: Collection[str] = (),
) -> Found:
    """Rows of the chosen parts; columns are found in the first and must be in all.

    Args:
        path: what was given, for the description.
        parts: by role.
        what: a word for the tables, for the description.
        modality, input_column, label_column, labelling, outputs: as for
            :func:`zoo.data.columns.find_columns`.

    Raises:
        ColumnMissing, DataNotFound, UnreadableFiles: a table cannot be used.
    """
    tables = {role: part() for role, part in parts.items()}
    first = next(iter(tables.values()))[0]
    columns = find_columns(
        first,
        modality=modality,
        input_column=input_column,
        label_column=label_column,
        ignored=split_columns(first),
        labelling=labelling,
        outputs=outputs,
    )
    rows = {role: _rows(several, columns, labelling) for role, several in tables.items()}
    files = dict.fromkeys(table.title for several in tables.values() for table in several)
    shown = f" ({named(list(files), 4)})" if not Path(path).is_file() else ""
    description = f"{columns.modality} {what} {path}{shown}: {columns.describe()}"
    return Found("table", columns.modality, description, rows, labelled=bool(columns.targets))


def inputs(table: Table, columns: Columns) -> list[Input]:
    """The input columns: texts and images as cells, paths of images, or pairs of these."""
    found = [_inputs(table, name, columns.modality) for name in columns.inputs]
    return found[0] if len(found) == 1 else list(zip(*found, strict=True))


def _inputs(table: Table, name: str, modality: str) -> list[Input]:
    if name in table.pictures or (modality != "image" and name not in table.names):
        return list(table.stored(name))
    cells = table.column(name)
    if modality != "image":
        return list(cells)
    return [table.beside.find(cell) if cell.strip() else "" for cell in cells]


def _rows(tables: Sequence[Table], columns: Columns, labelling: Labelling) -> list[Row]:
    rows: list[Row] = []
    for table in tables:
        for name in columns.inputs:
            require(table, name, "--input-column")
        for name in columns.targets:
            if name not in table.columns:
                raise ColumnMissing(
                    f"{table.title} has no label column {name!r}. Its columns: "
                    f"{', '.join(table.columns)}.",
                    hint="Add the column, or use the other files only, e.g. `--splits train=train`.",
                )
        labels = _labels(table, columns.targets, labelling)
        rows += [
            Row(given, label, _place(table, number, given))
            for given, label, number in zip(
                inputs(table, columns), labels, table.numbers, strict=True
            )
        ]
    return rows


def _labels(table: Table, names: Sequence[str], labelling: Labelling) -> Iterator[str]:
    """Of each row, from the cells of the target columns."""
    if not names:
        yield from itertools.repeat("", len(table))
        return
    columns = [[normalize("NFC", c.strip()) for c in table.cells(name)] for name in names]
    known: dict[str, str] = {}  # a label a million times over is kept once
    for cells in zip(*columns, strict=True):
        label = labelling.join(dict(zip(names, cells, strict=True)))
        yield known.setdefault(label, label)


def _place(table: Table, number: int, given: Input) -> str | Cell:
    if isinstance(given, Cell):
        return given
    place = f"{table.title} row {number}"
    return f"{place} {given.name}" if isinstance(given, Path) else place


def _read_all(paths: Sequence[Path]) -> list[Table]:
    return [read_table(path) for path in paths]


def _taken(table: Table, rows: Sequence[int]) -> list[Table]:
    return [table.take(rows)]
