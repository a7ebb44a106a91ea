"""Which split of the data plays which role: train, val or test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from zoo.errors import BadSetting, DataError

UNSPLIT = ""

_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "devel", "development"),
    "test": ("test", "testing"),
}
_ROLE = {name: role for role, names in _NAMES.items() for name in names}


def role_of(name: str) -> str | None:
    """The role a folder or file of this name plays by custom, if any."""
    return _ROLE.get(name.lower())


def split_in(stem: str) -> str | None:
    """The one usual split name within a file's stem: ``dev`` in ``sst2_dev``; else ``None``."""
    words = [word for word in re.split(r"[^a-zA-Z]+", stem) if role_of(word)]
    return words[0] if len({role_of(word) for word in words}) == 1 else None


def assign(names: Sequence[str], splits: Mapping[str, str] | None, where: str) -> dict[str, str]:
    """Roles and the names of the splits that play them.

    Args:
        names: splits of the data, ``[UNSPLIT]`` where it has none.
        splits: role to name, where the user says so; roles left out are not taken from the data.
        where: the data, for messages.

    Raises:
        BadSetting: ``splits`` names what is not there, or one split twice.
        DataError: two splits for one role, or nothing to train on.
    """
    if splits:
        return _as_told(names, splits, where)
    if UNSPLIT in names:
        return {"train": UNSPLIT}
    by_role: dict[str, list[str]] = {}
    for name in names:
        by_role.setdefault(role_of(name) or name, []).append(name)
    for role, rivals in by_role.items():
        if len(rivals) > 1:
            raise DataError(
                f"{where} has {' and '.join(rivals)}, and both could be {role}.",
                hint=f"Say which, e.g. `{_option(_first(by_role))}`.",
            )
    if "train" not in by_role:
        raise DataError(
            f"{where} has {_listed(names)} but no training split.",
            hint=f"Give the folder or file that holds it, or `--splits train={names[0]}`.",
        )
    return _first(by_role)


def choose(names: Sequence[str], wanted: str | None, where: str) -> str:
    """The split to evaluate on: the one wanted, else test, else val, else what there is.

    Raises:
        BadSetting: the wanted split is not there.
    """
    if wanted is not None:
        return _match(wanted, names, where)
    for role in ("test", "val", "train"):
        for name in names:
            if role_of(name) == role:
                return name
    return names[0]


def _as_told(names: Sequence[str], splits: Mapping[str, str], where: str) -> dict[str, str]:
    for role in splits:
        if role not in _NAMES:
            raise BadSetting(f"Unknown split {role!r}.", hint=f"Valid: {', '.join(_NAMES)}.")
    if "train" not in splits:
        raise BadSetting(
            "The splits name nothing to train on.",
            hint=f"Add train, e.g. `--splits train={names[0]}`.",
        )
    told = {role: _match(splits[role], names, where) for role in _NAMES if role in splits}
    if len(set(told.values())) < len(told):
        raise BadSetting(
            f"{_option(splits)} uses one split twice; a test on training data says nothing.",
            hint=f"{where} has {_listed(names)}; a split left out is carved from train.",
        )
    return told


def _match(wanted: str, names: Sequence[str], where: str) -> str:
    if wanted in names:
        return wanted
    alike = [name for name in names if role_of(name) and role_of(name) == role_of(wanted)]
    if len(alike) == 1:
        return alike[0]
    if UNSPLIT in names:
        raise BadSetting(
            f"There is no split {wanted!r}: {where} has no splits.",
            hint="Name its folders or files train, val and test, or leave the option out.",
        )
    raise BadSetting(f"{where} has no split {wanted!r}.", hint=f"It has {_listed(names)}.")


def _first(by_role: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {role: by_role[role][0] for role in _NAMES if role in by_role}


def _option(splits: Mapping[str, str]) -> str:
    return "--splits " + ",".join(f"{role}={name}" for role, name in splits.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
