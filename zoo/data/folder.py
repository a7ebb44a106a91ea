"""Image folders: ``<class>/…`` or ``<split>/<class>/…``."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from zoo.data.images import is_image_name
from zoo.data.roles import role_of
from zoo.data.rows import Found, Row, named, natural
from zoo.data.table import is_table_name
from zoo.errors import DataError, DataNotFound, LabelProblem, UnreadableFiles


def find_splits(root: Path, wanted: Collection[str]) -> dict[str, Path]:
    """Folders of class folders that a split's usual name, or a name in ``wanted``, sets apart.

    A class may well be called ``train``, beside ``bus``: only a folder of folders is a split.
    """
    return {
        folder.name: folder
        for folder in _subfolders(root)
        if (role_of(folder.name) or folder.name in wanted) and _subfolders(folder)
    }


def find_classes(root: Path) -> dict[str, Path]:
    """Class folders of ``root``: those with an image in or below them."""
    return {
        folder.name: folder
        for folder in _subfolders(root)
        if next((path for path in walk(folder) if is_image_name(path)), None)
    }


def read(root: Path, parts: Mapping[str, Path], *, skip_bad: bool) -> Found:
    """Rows of the chosen folders.

    Args:
        root: what was given; places are told relative to it.
        parts: the folder of class folders, by role.
        skip_bad: pass over class folders without images instead of stopping.

    Raises:
        LabelProblem: a class folder of the training split has no images, or is the only one.
        DataError: what looks like classes are several data sets side by side.
    """
    rows: dict[str, list[Row]] = {}
    notes: list[str] = []
    for role, folder in parts.items():
        classes = {sub: list(walk(sub)) for sub in _subfolders(folder)}
        _refuse_nested(folder, classes)
        rows[role] = []
        for sub, files in classes.items():
            images = [path for path in files if is_image_name(path)]
            if not images and role == "train":
                notes.append(_empty(sub, root, files, skip_bad))
            label = unicodedata.normalize("NFC", sub.name)
            rows[role] += [Row(path, label, str(path.relative_to(root))) for path in images]
        others = sum(len(files) for files in classes.values()) - len(rows[role])
        if others:
            notes.append(f"files in {folder.name} that are no images, passed over: {others}")
    notes += [
        f"{sub.name} has no class folders and is passed over"
        for sub in _subfolders(root)
        if root not in parts.values() and role_of(sub.name) and not _subfolders(sub)
    ]
    shown = ", ".join(parts[role].name for role in parts if parts[role] != root)
    description = f"image folder {root}" + (f", splits {shown}" if shown else ", no splits")
    return Found("image folder", "image", description, rows, tuple(notes))


def walk(folder: Path) -> Iterator[Path]:
    """Visible files in and below a folder in natural order; links to folders are followed once.

    Raises:
        UnreadableFiles: a folder cannot be listed.
    """

    def refuse(err: OSError) -> None:
        raise UnreadableFiles(
            f"The folder {err.filename} cannot be listed: {err.strerror}.",
            hint="Change its permissions, or take it out of the data.",
        ) from err

    seen: set[str] = set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted((name for name in folders if _visible(name)), key=natural)
        yield from (Path(here, name) for name in sorted(files, key=natural) if _visible(name))


def explain_unusable(root: Path) -> DataNotFound:
    """Why nothing in the folder ``root`` can be used."""
    found = list(walk(root))
    images = sum(is_image_name(path) for path in found)
    if images:
        return DataNotFound(
            f"{root} holds {images} images but no class folders.",
            hint="Put the images of each class into a folder of its own, e.g. "
            f"{root / 'cat'} and {root / 'dog'}.",
        )
    nested = list(dict.fromkeys(path.parent for path in found if is_table_name(path)))
    if nested:
        return DataNotFound(
            f"{root} holds tables only in folders below it: "
            f"{named([str(path.relative_to(root)) for path in nested])}.",
            hint=f"Give one of them, e.g. {nested[0]}.",
        )
    state = f"holds no images and no table ({len(found)} other files)" if found else "is empty"
    return DataNotFound(
        f"{root} {state}.",
        hint="Put the images of each class into a folder of its own, or give a .csv, .tsv, .jsonl "
        "or .parquet table.",
    )


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and _visible(entry.name)]
    return [folder / name for name in sorted(names, key=natural)]


def _visible(name: str) -> bool:
    return not name.startswith((".", "__"))


def _empty(sub: Path, root: Path, files: list[Path], skip_bad: bool) -> str:
    place = sub.relative_to(root)
    if skip_bad:
        return f"the folder {place} has no images and is passed over"
    others = f", only {named([path.name for path in files])}" if files else ""
    raise LabelProblem(
        f"The class folder {place} has no images{others}.",
        hint="Add images, remove the folder, or pass over it with `--skip-bad`.",
    )


def _refuse_nested(folder: Path, classes: Mapping[Path, list[Path]]) -> None:
    """Stop at ``<domain>/<class>/…``, which would be learned as domains."""
    if any(path.parent == sub for sub, files in classes.items() for path in files):
        return
    below = [frozenset(path.name for path in _subfolders(sub)) for sub in classes]
    if len(below) == 1 and len(below[0]) > 1:
        (sub,) = classes
        raise LabelProblem(
            f"There is only one class, {sub.name!r}, in {folder}.",
            hint=f"Did you mean {sub}, which holds {named(sorted(below[0], key=natural))}?",
        )
    if len(below) > 1 and len(below[0]) > 1 and len(set(below)) == 1:
        names = [sub.name for sub in classes]
        raise DataError(
            f"{folder} holds several data sets, {named(names)}, each with the classes "
            f"{named(sorted(below[0], key=natural))}.",
            hint=f"Give one, e.g. {folder / names[0]}, or say which is which, e.g. "
            f"`--splits train={names[0]},test={names[1]}`.",
        )
