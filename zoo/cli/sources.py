"""What a word on the command line means: a path, or a Hub repo.

A path exists or begins with ``./`` or ``/``; ``owner/name`` is always a repo.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import BadSetting, HubUnreachable, NotAnArtifact, RepoNotFound

if TYPE_CHECKING:
    from zoo.model import ComposedModel
    from zoo.progress import Progress

LOCK = Path("zoo.lock")  # of the working directory

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z", re.ASCII)


def is_path(word: str) -> bool:
    """Whether ``word`` is a path: it exists, or is written as one."""
    return word.startswith(("./", "../", "/")) or word in (".", "..") or Path(word).exists()


def is_repo(word: str) -> bool:
    """Whether ``word`` is a Hub repo, ``owner/name``."""
    return not is_path(word) and bool(_REPO.match(word))


def artifact(word: str) -> Path | str:
    """The path or the repo that ``word`` means.

    Raises:
        NotAnArtifact: it can be neither.
    """
    if is_path(word):
        return Path(word)
    if is_repo(word):
        return word
    raise NotAnArtifact(
        f"{word!r} is neither a directory here nor a Hub repo.",
        hint="Give the directory of an artifact or a run, or a repo as owner/name.",
    )


def lock(locked: bool) -> Path | None:
    """The lock file of the working directory, where it is asked for."""
    return LOCK if locked else None


def open_model(
    word: str,
    *,
    progress: Progress,
    revision: str | None = None,
    locked: bool = False,
    weights: Path | None = None,
) -> ComposedModel:
    """Load an artifact or a run from disk, or pull it from the Hub.

    Raises:
        NotAnArtifact: ``word`` is neither a path nor a repo.
        BadSetting: ``locked``, and ``word`` is a path.
        ArtifactError, HubError, MissingPlugin, WeightsNotFound: it cannot be opened.
    """
    from zoo.artifact.load import load
    from zoo.hub.pull import pull

    place = artifact(word)
    if isinstance(place, Path):
        if locked:
            raise BadSetting(
                f"--locked is for repos, and {word} is a path.", hint="Give the repo's name."
            )
        progress.note(f"Opening {place}")
        return load(place, weights=weights)
    progress.note(f"Pulling {place}")
    try:
        return pull(place, revision=revision, weights=weights, progress=progress, lock=lock(locked))
    except (RepoNotFound, HubUnreachable) as err:
        # runs/flowers, mistyped, reads as a repo.
        err.hint = f"{err.hint} There is no directory {word!r} here either.".strip()
        raise
