"""What a word on the command line means: a path, or a Hub repo.

A path exists or begins with ``./`` or ``/``; ``owner/name`` is a repo. ``runs/first`` reads as both:
where there is such a directory it is that one, unless a revision or a trust policy makes it matter
which is meant. Then neither is taken for the other.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
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
    return is_written_as_path(word) or Path(word).exists()


def is_repo(word: str) -> bool:
    """Whether ``word`` is a Hub repo, ``owner/name``."""
    return not is_path(word) and bool(_REPO.match(word))


def artifact(word: str, revision: str | None = None) -> Path | str:
    """The path or the repo that ``word`` means.

    Raises:
        NotAnArtifact: it can be neither.
        BadSetting: it is a path, and a revision is given; or it can be both, and the trust policy
            asks for a signature on that repo.
    """
    if is_path(word):
        require_path(word, revision)
        return Path(word)
    if is_repo(word):
        return word
    require_no_revision_in(word)
    raise NotAnArtifact(
        f"{word!r} is neither a directory here nor a Hub repo.",
        hint="Give the directory of an artifact or a run, or a repo as owner/name.",
    )


def require_path(word: str, revision: str | None = None) -> None:
    """Refuse a path where a repo of that name may be meant and it would matter.

    Raises:
        BadSetting: a revision is given, or the trust policy asks for a signature on that repo.
        PolicyInvalid: a trust policy cannot be used.
    """
    both = not is_written_as_path(word) and bool(_REPO.match(word))
    ways = (
        f"Give ./{word} for the directory, or go where there is none of that name for the repo."
        if both
        else "Leave --revision out, or give the repo as owner/name."
    )
    if revision is not None:
        raise BadSetting(f"--revision is for repos, and {word} is a path.", hint=ways)
    if both:
        from zoo.artifact.trust import asks_of

        policy = asks_of(word.partition("/")[0])
        if policy is not None:
            raise BadSetting(
                f"{word} is a directory here and may be a repo, on which {policy} asks for a "
                "signature; nothing was opened.",
                hint=ways,
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
        BadSetting: ``locked`` or ``revision``, and ``word`` is a path, or not clearly one.
        ArtifactError, HubError, MissingPlugin, WeightsNotFound: it cannot be opened.
    """
    from zoo.artifact.load import load
    from zoo.hub.pull import pull

    place = artifact(word, revision)
    if isinstance(place, Path):
        if locked:
            raise BadSetting(
                f"--locked is for repos, and {word} is a path.", hint="Give the repo's name."
            )
        progress.note(f"Opening {place}")
        return load(place, weights=weights)
    progress.note(f"Pulling {place}")
    with may_be_a_path(word):
        return pull(place, revision=revision, weights=weights, progress=progress, lock=lock(locked))


@contextlib.contextmanager
def may_be_a_path(word: str) -> Iterator[None]:
    """Say of a repo that is not found that no directory is either: runs/flowers reads as both."""
    try:
        yield
    except (RepoNotFound, HubUnreachable) as err:
        err.hint = f"{err.hint} There is no directory {word!r} here either.".strip()
        raise


def require_no_revision_in(word: str) -> None:
    """Refuse ``owner/name@v1``, which only `zoo lock add` takes.

    Raises:
        BadSetting: it is such a word.
    """
    repo, mark, revision = word.partition("@")
    if mark and _REPO.match(repo):
        raise BadSetting(
            f"{word!r} is not the name of a repo.", hint=f"Give `{repo} --revision {revision}`."
        )


def is_written_as_path(word: str) -> bool:
    """Whether ``word`` can be nothing but a path, be there something or not."""
    return word.startswith(("./", "../", "/")) or word in (".", "..")
