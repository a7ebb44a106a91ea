"""Datasets of the ``datasets`` library: saved to disk, or on the Hub. Both stay mapped from disk."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from zoo.data.roles import UNSPLIT
from zoo.data.table import Table, quiet
from zoo.data.tables import Part
from zoo.errors import DataNotFound, UnreadableFiles
from zoo.tokens import DEFAULT_HUB, redacted, token_for

HUB = "hf://datasets/"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"hf:/+datasets/([\w.-]+/[\w.-]+?)(?:@([\w./-]+?))?(?::([\w.-]+))?/?", re.ASCII)


def is_saved(path: Path) -> bool:
    """Whether ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote this folder, or most of it."""
    if (path / "dataset_dict.json").is_file():
        return True
    parts = [(path / name).is_file() for name in ("dataset_info.json", "state.json")]
    return all(parts) or (any(parts) and next(path.glob("*.arrow"), None) is not None)


def read_saved(path: Path) -> dict[str, Part]:
    """Splits of a saved dataset.

    Raises:
        UnreadableFiles: it is incomplete or damaged.
    """
    import datasets

    try:
        found = datasets.load_from_disk(str(path), keep_in_memory=False)
    except Exception as err:  # the library, pyarrow and json each have kinds of their own
        first = str(err).strip().partition("\n")[0]
        raise UnreadableFiles(
            f"{path} is a saved dataset that cannot be opened: {first.rstrip('.') or type(err).__name__}.",
            hint="Save it again with save_to_disk.",
        ) from err
    return _parts(found, path, path.name)


def is_hub(path: Path) -> bool:
    """Whether this is written as a dataset on the Hub; a path has lost one of its slashes."""
    return path.parts[:1] == ("hf:",)


def hub_name(path: Path) -> str:
    """The name of a dataset on the Hub, whole again."""
    return str(path).replace("hf:/", "hf://", 1) if is_hub(path) else str(path)


def read_hub(path: Path) -> tuple[dict[str, Part], str]:
    """Splits of a dataset on the Hub, downloaded once; and its name with the commit they are of.

    Args:
        path: ``hf://datasets/owner/name``, with ``@revision`` and ``:configuration`` where wanted.

    Raises:
        DataNotFound: no such dataset, no access, or no hub.
    """
    name = hub_name(path)
    match = _NAME.fullmatch(str(path))
    if match is None:
        raise DataNotFound(
            f"{name} is no dataset's name.",
            hint=f"Write {HUB}owner/name, {HUB}owner/name@revision or "
            f"{HUB}owner/name:configuration.",
        )
    repo, revision, configuration = match.groups()
    import datasets

    endpoint = os.environ.get("HF_ENDPOINT", "")
    token = token_for(endpoint.rstrip("/") or DEFAULT_HUB)
    try:
        with quiet():
            builder = datasets.load_dataset_builder(
                repo, configuration, revision=revision, token=token
            )
            builder.download_and_prepare()
            found = builder.as_dataset()
    except Exception as err:  # kinds of the library, of the Hub's client and of each format
        first = str(err).strip().partition("\n")[0]
        where = f" at {endpoint}" if endpoint else ""
        raise DataNotFound(
            redacted(f"{name} cannot be had{where}: {first.rstrip('.') or type(err).__name__}."),
            hint="Check the name, the connection and, for what is private, `hf auth login`.",
        ) from err
    commit = builder.hash or ""
    pinned = f"{HUB}{repo}@{commit}" + f":{configuration}" * bool(configuration)
    return _parts(found, path, repo), pinned if _COMMIT.fullmatch(commit) else name


def _parts(found: Any, path: Path, name: str) -> dict[str, Part]:
    if not isinstance(found, Mapping):
        return {UNSPLIT: partial(_tables, found, path, name)}
    return {split: partial(_tables, found[split], path, f"{name}/{split}") for split in found}


def _tables(dataset: Any, path: Path, called: str) -> list[Table]:
    import datasets

    if not len(dataset):
        raise DataNotFound(f"{called} has no rows.", hint="Give a dataset with rows.")
    names = {
        column: kind.names
        for column, kind in dataset.features.items()
        if isinstance(kind, datasets.ClassLabel)
    }
    data = dataset.data.table
    return [Table(path / "data", data, range(1, 1 + len(data)), names, called=called)]
