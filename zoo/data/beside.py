"""The images that a table beside them names: by path, by file name, or by name without suffix."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from zoo.data.images import is_image_name

_DEPTH = 3  # folders below the table's that are looked into
_FOLDERS = 5000  # and so many at most: a table may lie in a home directory
_LONGEST_NAME = 100
_SHARE = 0.9  # of the values of a column that are images, for it to name images


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
        if len(found) > 1:  # train/1.jpg and test/1.jpg: that of train.csv is the first
            words = self._table.stem.lower().replace("-", "_").split("_")
            found = [path for path in found if path.parent.name.lower().split("_")[0] in words]
        return found[0] if len(found) == 1 else beside

    def are_named(self, values: Sequence[str]) -> bool:
        """Whether these are names of images; of names with an image's suffix one has to exist."""
        filled = [value for value in values if value.strip()]
        by_suffix = sum(map(is_image_name, filled))
        if filled and by_suffix >= _SHARE * len(filled):
            return any(os.path.exists(self.find(value)) for value in filled)
        if not filled or len(set(filled)) < len(filled) or not all(map(_may_be_name, filled)):
            return False
        found = sum(os.path.exists(self.find(value)) for value in filled)
        return found >= _SHARE * len(filled)

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        root = self._table.parent
        for here, folders, files in islice(os.walk(root), _FOLDERS):
            if len(Path(here).relative_to(root).parts) >= _DEPTH:
                folders.clear()
            folders[:] = [name for name in folders if not name.startswith(".")]
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


def _may_be_name(value: str) -> bool:
    return len(value) <= _LONGEST_NAME and not any(map(str.isspace, value))
