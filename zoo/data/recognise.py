"""What data a path holds, by looking."""

from __future__ import annotations

import contextlib
import difflib
import glob
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.data import folder, saved, tables
from zoo.data.images import is_image_name
from zoo.data.roles import UNSPLIT, role_of
from zoo.data.rows import named, natural
from zoo.data.table import is_table_name
from zoo.data.texts import find_texts
from zoo.errors import DataNotFound

_VALID = (
    "DATA is a folder of images by class, a .csv, .tsv, .jsonl or .parquet table, a saved dataset, "
    "or hf://datasets/owner/name."
)
_UNLABELLED = "Texts alone are for tasks that need no labels, see `zoo tasks`. "
# Names of folders that hold images rather than stand for a class of them.
_NO_CLASS = re.compile(r"(^|[-_ ])(images?|imgs?|photos?|pictures?|jpe?gs?|pngs?)($|[-_ ])", re.I)


@dataclass(frozen=True)
class Recognised:
    """Data and its splits, of one of two kinds; nothing but names has been read of most.

    Attributes:
        folders: class folders' parents, by split, of an image folder.
        tables: what gives the tables, by split.
        what: a word for tables.
        pinned: the name that means the same rows where ``path`` may come to mean others.
    """

    path: Path
    folders: Mapping[str, Path] | None = None
    tables: Mapping[str, tables.Part] | None = None
    what: str = "table"
    pinned: str = ""

    @property
    def names(self) -> list[str]:
        """Names of the splits, as the data has them."""
        return list(self.folders or self.tables or ())


def recognise(path: Path, wanted: Collection[str] = (), *, texts: bool = False) -> Recognised:
    """Look at ``path``.

    Args:
        path: a folder or file.
        wanted: names that the user calls splits, beside the usual ones.
        texts: files of texts without labels will do, one text a line.

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
        return _folder(path, wanted)
    if not os.path.exists(path):
        if glob.has_magic(str(path)):
            return _several(path, wanted)
        raise absent(path)
    if not is_table_name(path):
        what = "is an image" if is_image_name(path) else "is of no kind that zoo reads"
        first = _UNLABELLED if find_texts(path, ()) else ""
        raise DataNotFound(f"{path} {what}.", hint=first + _VALID)
    return Recognised(path, tables=tables.find_parts(path))


def _folder(path: Path, wanted: Collection[str]) -> Recognised:
    if saved.is_saved(path):
        return Recognised(path, tables=saved.read_saved(path), what="saved dataset")
    listed = tables.find_listed(path, wanted)
    if listed:
        return Recognised(path, tables=listed)
    splits = folder.find_splits(path, wanted)
    if splits:
        return Recognised(path, folders=splits)
    files = tables.tables_in(path)
    parts = tables.find_files(files, wanted)
    if parts:
        return Recognised(path, tables=parts)
    classes = folder.find_classes(path)
    if classes and all(map(role_of, classes)):
        names = ", ".join(classes)
        raise DataNotFound(
            f"{path} holds the splits {names}, but no class folders in them.",
            hint="Put the images of each class into a folder of its own, e.g. "
            f"{path / next(iter(classes)) / 'cat'}.",
        )
    holders = len(files) == 1 and all(map(_holds_images, classes))
    if (len(classes) > 1 and not holders) or (classes and not files):
        return Recognised(path, folders={UNSPLIT: path})
    if len(files) == 1:
        return Recognised(path, tables=tables.find_parts(files[0]))
    if files:
        names = ", ".join(file.name for file in files[:4])
        raise DataNotFound(
            f"{path} holds several tables, {names}, and no split's name among them.",
            hint=f"Give one, e.g. {files[0]}, or name them train, val and test.",
        )
    raise folder.explain_unusable(path)


def _holds_images(name: str) -> bool:
    return bool(role_of(name) or _NO_CLASS.search(name))


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
