"""The images that a table beside them names: by path, by file name, or by name without suffix."""

from __future__ import annotations

import difflib
import os
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from zoo.data.images import is_image_name
from zoo.errors import DataNotFound

_DEPTH = 3  # folders below the table's that are looked into
_FOLDERS = 5000  # and so many at most: a table may lie in a home directory
_LONGEST_NAME = 100
_SHARE = 0.9  # of the values of a column that are images, for it to name images
_COMPARED = 2000  # names among which the nearest is looked for
# Names of folders that hold images rather than stand for a class of them.
_NO_CLASS = re.compile(r"(^|[-_ ])(images?|imgs?|photos?|pictures?|jpe?gs?|pngs?)($|[-_ ])", re.I)


class Beside:
    """Images in and below the folder of a table.

    Args:
        table: the table's file.
    """

    def __init__(self, table: Path) -> None:
        self._table = table

    def find(self, name: str) -> Path:
        """The image that ``name`` means; the path beside the table where there is none."""
        beside = self._table.parent / name
        if os.path.exists(beside):
            return beside
        found = self._by_name.get(Path(name).name, [])
        if not found and not is_image_name(name):
            found = self._by_stem.get(Path(name).name, [])
        if len(found) > 1:
            found = self._likelier(found)
        return found[0] if len(found) == 1 else beside

    def are_named(self, values: Sequence[str]) -> bool:
        """Whether these are names of images; of names with an image's suffix one has to exist."""
        if are_image_names(values):
            return any(os.path.exists(self.find(value)) for value in values if value.strip())
        filled = [value for value in values if value.strip()]
        if not filled or len(set(filled)) < len(filled) or not all(map(_may_be_name, filled)):
            return False
        found = sum(os.path.exists(self.find(value)) for value in filled)
        return found >= _SHARE * len(filled)

    def covered(self, values: Sequence[str]) -> float:
        """The share of all images that these name."""
        found = {path for path in map(self.find, values) if os.path.exists(path)}
        return len(found) / max(len(self.images), 1)

    def refusal(self, column: str, values: Sequence[str]) -> DataNotFound:
        """The error of a column whose values end as images' names do, of which none exists."""
        names = [value for value in values if value.strip()]
        return DataNotFound(
            f"The column {column!r} of {self._table.name} names images, and none of the "
            f"{len(names)} looked up exists, e.g. {names[0]}; looked for beside the table and "
            f"among the {len(self.images)} images in and below {self._table.parent}.",
            hint=f"{self._nearest(names[0])}Correct the names, put the images beside the table, or "
            "name another column with `--input-column NAME`.",
        )

    @cached_property
    def images(self) -> list[Path]:
        """All of them."""
        return [path for paths in self._by_name.values() for path in paths]

    def _nearest(self, name: str) -> str:
        """A sentence about the image that may have been meant; blank where none is like it."""
        places = [path.relative_to(self._table.parent) for path in self.images]
        alike = [place for place in places if place.name == Path(name).name]
        if alike:
            shown = " and ".join(map(str, alike[:2]))
            return f"There are {shown}: write which. "
        wanted = Path(name).name.lower()
        lower = {place.name.lower(): place for place in places}
        near = difflib.get_close_matches(wanted, list(lower)[:_COMPARED], n=1)
        nearest = lower.get(wanted) or (lower[near[0]] if near else None)
        if nearest is None:
            return ""
        case = ", and upper and lower case count" if nearest.name.lower() == wanted else ""
        return f"The nearest is {nearest}{case}. "

    def _likelier(self, found: Sequence[Path]) -> list[Path]:
        """Of images of one name that of train.csv is in train/, and no mask where one is in images/."""
        words = self._table.stem.lower().replace("-", "_").split("_")
        own = [path for path in found if path.parent.name.lower().split("_")[0] in words]
        return own or [path for path in found if holds_images(path.parent.name)]

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        root = self._table.parent
        for here, folders, files in islice(os.walk(root), _FOLDERS):
            if len(Path(here).relative_to(root).parts) >= _DEPTH:
                folders.clear()
            folders[:] = [name for name in folders if not name.startswith((".", "__"))]
            for name in filter(is_image_name, files):
                found[name].append(Path(here, name))
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for paths in self._by_name.values():
            for path in paths:
                found[path.stem].append(path)
        return found


def are_image_names(values: Sequence[str]) -> bool:
    """Whether these end as names of images do, but for a few and blank ones."""
    filled = [value for value in values if value.strip()]
    return bool(filled) and sum(map(is_image_name, filled)) >= _SHARE * len(filled)


def holds_images(folder: str) -> bool:
    """Whether a folder of this name holds images rather than stands for a class of them."""
    return bool(_NO_CLASS.search(folder))


def unnamed(images: Collection[Path]) -> list[Path]:
    """Images that lie in the folders of these, and are none of them."""
    folders = sorted(folder for folder in {path.parent for path in images} if folder.is_dir())
    return [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if is_image_name(path) and not path.name.startswith(".") and path not in images
    ]


def _may_be_name(value: str) -> bool:
    return len(value) <= _LONGEST_NAME and not any(map(str.isspace, value))
