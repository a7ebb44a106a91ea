"""What data a path holds, by looking."""

from __future__ import annotations

import contextlib
import difflib
import glob
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data import folder, saved, tables
from zoo.data.beside import holds_images
from zoo.data.images import is_image_name
from zoo.data.labelling import Labelling
from zoo.data.roles import UNSPLIT, role_of
from zoo.data.rows import named, natural
from zoo.data.side import are_splits, find_side, may_be_classes, parts_of
from zoo.data.table import Table, is_table_name, read_table
from zoo.data.texts import find_texts
from zoo.errors import DataNotFound

_VALID = (
    "DATA is a folder of images by class, a .csv, .tsv, .jsonl or .parquet table, a saved dataset, "
    "or hf://datasets/owner/name."
)
_UNLABELLED = "Texts alone are for tasks that need no labels, see `zoo tasks`. "


@dataclass(frozen=True)
class Recognised:
    """Data and its splits, of one of two kinds; nothing but names has been read of most.

    Attributes:
        folders: class folders' parents, by split, of an image folder.
        tables: what gives the tables, by split.
        what: a word for tables.
        pinned: the name that means the same rows where ``path`` may come to mean others.
        notes: what a person should know of the choice between folders and a table beside them.
    """

    path: Path
    folders: Mapping[str, Path] | None = None
    tables: Mapping[str, tables.Part] | None = None
    what: str = "table"
    pinned: str = ""
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the splits, as the data has them."""
        return list(self.folders or self.tables or ())


def recognise(
    path: Path,
    wanted: Collection[str] = (),
    *,
    texts: bool = False,
    labelling: Labelling | None = None,
    told: bool = False,
) -> Recognised:
    """Look at ``path``.

    Args:
        path: a folder or file.
        wanted: names that the user calls splits, beside the usual ones.
        texts: files of texts without labels will do, one text a line.
        labelling: what the task makes of labels.
        told: the user names columns, so that of folders and a table the table is meant.

    Raises:
        DataNotFound: there is nothing, or nothing of a known kind.
        UnreadableFiles: a table or folder that cannot be read.
    """
    if saved.is_hub(path):
        parts, pinned = saved.read_hub(path)
        return Recognised(path, tables=parts, what="dataset", pinned=pinned)
    if texts and (parts := find_texts(path, wanted)):
        return Recognised(path, tables=parts, what="file")
    if os.path.isdir(path):  # unlike Path's own, these take any text for a name
        return _folder(path, wanted, labelling, told)
    if not os.path.exists(path):
        if glob.has_magic(str(path)):
            return _several(path, wanted)
        raise absent(path)
    if not is_table_name(path):
        what = "is an image" if is_image_name(path) else "is of no kind that zoo reads"
        first = _UNLABELLED if find_texts(path, ()) else ""
        raise DataNotFound(f"{path} {what}.", hint=first + _VALID)
    return Recognised(path, tables=tables.find_parts(read_table(path)))


def _folder(
    path: Path, wanted: Collection[str], labelling: Labelling | None, told: bool
) -> Recognised:
    if saved.is_saved(path):
        return Recognised(path, tables=saved.read_saved(path), what="saved dataset")
    listed = tables.find_listed(path, wanted)
    if listed:
        return Recognised(path, tables=listed)
    files = tables.tables_in(path)
    splits = folder.find_splits(path, wanted)
    if splits:
        return Recognised(path, folders=splits, notes=_passed_over(files))
    parts = tables.find_files(files, wanted)
    if parts:
        return Recognised(path, tables=parts)
    classes = folder.find_classes(path)
    side = find_side(classes, files, wanted, labelling, told=told) if classes else []
    if len(side) == 1:
        return _by_table(path, side[0], classes, wanted)
    if are_splits(classes, ()):
        raise _without_labels(path, list(classes), files)
    holders = len(files) == 1 and all(role_of(name) or holds_images(name) for name in classes)
    if (len(classes) > 1 and not holders and not side) or (classes and not files):
        return Recognised(path, folders={UNSPLIT: path}, notes=_passed_over(files))
    if len(files) == 1:
        return Recognised(path, tables=tables.find_parts(read_table(files[0])))
    if files:
        raise _unclear(path, [table.path for table in side] or files)
    raise folder.explain_unusable(path)


def _by_table(
    path: Path, table: Table, folders: Mapping[str, Path], wanted: Collection[str]
) -> Recognised:
    """A table that labels the images in folders."""
    name = table.path.name
    note = f"the labels are those of {name}; the folders {named(list(folders))} are no classes"
    notes = (note,) if may_be_classes(folders, wanted) else ()
    return Recognised(path, tables=parts_of(table, folders, wanted), notes=notes)


def _passed_over(files: Sequence[Path]) -> tuple[str, ...]:
    if not files:
        return ()
    verb = "is" if len(files) == 1 else "are"
    names = named([file.name for file in files])
    return (f"the folders are the classes; {names} beside them {verb} passed over",)


def _without_labels(path: Path, splits: Sequence[str], files: Sequence[Path]) -> DataNotFound:
    """The error of folders named as splits, with neither class folders nor a table of labels."""
    table = f", and no image of theirs is named in {named([file.name for file in files])}"
    column = f", or give the table a column that names the images, e.g. {splits[0]}/1.jpg"
    return DataNotFound(
        f"{path} holds the splits {', '.join(splits)}, but no class folders in them"
        f"{table if files else ''}.",
        hint="Put the images of each class into a folder of its own, e.g. "
        f"{path / splits[0] / 'cat'}{column if files else ''}.",
    )


def _unclear(path: Path, files: Sequence[Path]) -> DataNotFound:
    """The error of several tables that could be meant."""
    pattern = os.path.join(glob.escape(str(path)), f"*{files[0].suffix}")
    return DataNotFound(
        f"{path} holds several tables, {', '.join(file.name for file in files[:4])}, and no split's "
        "name among them.",
        hint=f"Give one, e.g. {files[0]}, several as one by a quoted pattern, e.g. '{pattern}', or "
        "name them train, val and test.",
    )


def _several(path: Path, wanted: Collection[str]) -> Recognised:
    """The tables that a pattern such as ``data/*.csv`` matches."""
    found = sorted(map(Path, glob.glob(str(path), recursive=True)), key=lambda p: natural(str(p)))
    files = [file for file in found if is_table_name(file) and file.is_file()]
    if not files:
        others = f", only {named([file.name for file in found])}" if found else ""
        raise DataNotFound(f"No table matches {path}{others}.", hint=_VALID)
    return Recognised(path, tables=tables.find_all(files, wanted))


def absent(path: Path) -> DataNotFound:
    """The error of a path with nothing there, with the nearest name."""
    beside: list[str] = []
    with contextlib.suppress(OSError):
        beside = os.listdir(path.parent)
    if path.parts and path.parts[0].lower() in ("http:", "https:", "s3:"):
        return DataNotFound(
            f"{path} is an address; zoo reads files.",
            hint="Download it, and give the file; the Hub's are hf://datasets/owner/name.",
        )
    near = difflib.get_close_matches(path.name, beside, n=1)
    return DataNotFound(
        f"There is no file or folder {path}.",
        hint=f"Did you mean {path.parent / near[0]}?" if near else _VALID,
    )
