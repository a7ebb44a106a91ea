"""Where a backbone's weights come from: ``--weights PATH``, the wheel, the Hub cache, the Hub.

The wheel is the plugin's own business; the rest is here. ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``,
``HF_TOKEN`` and ``HF_HOME`` mean what they mean everywhere, because huggingface_hub reads them.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.artifact.header import require_sound
from zoo.errors import ArtifactError, BadSetting, WeightsInvalid, WeightsNotFound
from zoo.tokens import redacted, token_for

_SHARD = re.compile(r".+-\d+-of-\d+\.safetensors")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_INDEXES = ("model.safetensors.index.json",)

Required = Sequence[str | tuple[str, ...]]
"""Names of files that must be there; of a tuple, any one."""


@dataclass(frozen=True)
class Fetched:
    """Files of one commit in one folder. ``commit`` is ``None`` for a plain local folder."""

    folder: Path
    commit: str | None


@dataclass(frozen=True)
class Weights:
    """What a loader asks for its files.

    Attributes:
        path: a folder the user named; it wins over everything else.
        revision: branch, tag or commit on the Hub; ``None`` is the default branch.
        pretrained: ``False`` asks for the same architecture with random weights.
        language: the kind of language head to load with the backbone, ``masked``, ``causal`` or
            ``seq2seq``, which then is a part of its module; empty: none. A loader that knows of none
            has no need to look.
    """

    path: Path | None = None
    revision: str | None = None
    pretrained: bool = True
    language: str = ""

    def folder(self, path: str | Path, *, required: Required) -> Fetched:
        """A local folder that must hold ``required``.

        Raises:
            WeightsNotFound: the folder or one of the files is not there.
            WeightsInvalid: a safetensors file among them is none.
            BadSetting: a revision of it is asked for, which folders do not have.
        """
        if self.revision is not None and self.path is None:
            raise BadSetting(
                f"--revision is for repos, and {path} is a folder.", hint="Leave --revision out."
            )
        folder = Path(path).expanduser()
        missing = _missing(folder, required)
        if missing:
            state = f"lacks {', '.join(missing)}" if folder.is_dir() else "is not a folder"
            raise WeightsNotFound(
                f"{folder} {state}.",
                hint=f"A folder of weights holds {', '.join(map(_either, required))}.",
            )
        return _sound(Fetched(folder, None), required)

    def repo(self, repo: str, *, required: Required, optional: Sequence[str] = ()) -> Fetched:
        """Files of a Hub repo, all from one commit; the cache is asked before the network.

        Args:
            repo: ``owner/name``.
            required: names that must be there; of a tuple, any one.
            optional: names that are taken where they exist.

        Raises:
            WeightsNotFound: neither cache nor Hub has them; names the repo and the ways to get it.
            WeightsInvalid: a safetensors file among them is none.
        """
        if self.path is not None:
            return self.folder(self.path, required=required)
        return _sound(self._found(repo, required, optional), required)

    def _found(self, repo: str, required: Required, optional: Sequence[str]) -> Fetched:
        wanted = [*itertools.chain(*map(_names, required)), *optional]
        found = self._cached(repo, required, wanted)
        if found and not _missing(found.folder, optional):
            return found
        # Whoever filled the cache may have had no use for what is optional here. The client keeps
        # the listing of a commit it has once asked for, so this costs one request at most.
        pinned = replace(self, revision=found.commit) if found else self
        try:
            return pinned._downloaded(repo, required, wanted)
        except WeightsNotFound:
            found = found or self._in_cache_without_options(repo, required)
            if found is None:
                raise
            return found

    def _cached(self, repo: str, required: Required, wanted: list[str]) -> Fetched | None:
        """All of ``wanted`` that the repo has, as far as the cache knows what it has."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            folder = snapshot_download(
                repo, revision=self.revision, local_files_only=True, allow_patterns=wanted
            )
        except (LocalEntryNotFoundError, ValueError):
            return None
        return _fetched(Path(folder), required)

    def _in_cache_without_options(self, repo: str, required: Required) -> Fetched | None:
        from huggingface_hub import try_to_load_from_cache

        for name in _names(required[0]):
            path = try_to_load_from_cache(repo, name, revision=self.revision)
            if isinstance(path, str):
                return _fetched(Path(path).parents[name.count("/")], required)
        return None

    def _downloaded(self, repo: str, required: Required, wanted: list[str]) -> Fetched:
        from huggingface_hub import constants, snapshot_download
        from huggingface_hub.errors import (  # type: ignore[attr-defined]
            HTTPError,  # of the HTTP library that this version of the client uses
            RevisionResolutionError,
        )

        from zoo.waits import bounded

        try:
            with bounded():
                folder = Path(
                    snapshot_download(
                        repo,
                        revision=self.revision,
                        allow_patterns=wanted,
                        token=token_for(constants.ENDPOINT.rstrip("/")),
                    )
                )
        except (HTTPError, RevisionResolutionError, OSError, ValueError, RuntimeError) as err:
            # RuntimeError: a thread of the client finds the session closed by another's failure.
            raise self._not_found(repo, err) from err
        missing = _missing(folder, required)
        if missing:
            raise WeightsNotFound(
                f"The repo {repo} has no {', no '.join(missing)}.",
                hint="zoo reads safetensors only, never pickles; choose a repo that has them.",
            )
        return Fetched(folder, folder.name)

    def _not_found(self, repo: str, err: Exception) -> WeightsNotFound:
        from huggingface_hub import constants

        offline = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else ""
        where = offline or redacted(constants.ENDPOINT)
        revision = f" at {self.revision}" if self.revision else ""
        return WeightsNotFound(
            f"The weights of {repo}{revision} are not in the cache and could not be fetched "
            f"({where}: {_why(err)}).",
            hint=f"Give a folder with `--weights PATH`; or run `hf download {repo}` where there "
            "is a network and copy the cache; or set HF_ENDPOINT to a hub that has it.",
        )


def drop_damaged(repo: str, commit: str) -> bool:
    """Take files of a commit out of the cache whose bytes are not those that they are named by.

    The client library compares lengths only, and never again once a file is here.

    Returns:
        Whether there were any. Offline none is taken, as none could come in its place.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    folder = f"models--{repo.replace('/', '--')}/snapshots/{commit}"
    links = [path for path in Path(constants.HF_HUB_CACHE, folder).rglob("*") if path.is_file()]
    damaged = [path for path in links if not _is_as_named(path.resolve())]
    for path in damaged:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return bool(damaged)


def _is_as_named(blob: Path) -> bool:
    """Whether a file is what its name says: a sha256, or what git calls it; others say nothing."""
    if not _DIGEST.fullmatch(blob.name):
        return True
    by_git = len(blob.name) == 40
    digest = hashlib.sha1(b"blob %d\0" % blob.stat().st_size) if by_git else hashlib.sha256()
    with blob.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: digest).hexdigest() == blob.name


def _why(err: BaseException) -> str:
    """What a hub said. The truth is in a cause: at the top it reads "check your connection"."""
    from huggingface_hub import errors

    known = (  # what is gated also counts as not found
        (errors.GatedRepoError, "it is gated, ask its owner for access"),
        (errors.DisabledRepoError, "it has been disabled"),
        (errors.RevisionNotFoundError, "there is no such revision"),
        (errors.RepositoryNotFoundError, "there is no such repo, or it is private"),
    )
    cause: BaseException | None = err
    while cause is not None:
        for kind, reason in known:
            if isinstance(cause, kind):
                return reason
        cause = cause.__cause__
    lines = str(err.__cause__ or err).strip().splitlines()
    return redacted(lines[0]) if lines else type(err).__name__


def _sound(found: Fetched, required: Required) -> Fetched:
    """Check the headers of what a library will map: it would believe whatever they promise.

    The user's own folders and the client's cache hold links; what is linked to is checked.
    """
    names = {name for each in required for name in _names(each)}
    for path in sorted(found.folder.glob("*.safetensors")):
        if path.name in names or (_SHARD.fullmatch(path.name) and not names.isdisjoint(_INDEXES)):
            try:
                require_sound(path.resolve())
            except ArtifactError as err:
                raise WeightsInvalid(err.message, hint="Copy or download it again.") from err
    return found


def _names(required: str | tuple[str, ...]) -> tuple[str, ...]:
    return (required,) if isinstance(required, str) else required


def _either(required: str | tuple[str, ...]) -> str:
    return " or ".join(_names(required))


def _fetched(folder: Path, required: Required) -> Fetched | None:
    return None if _missing(folder, required) else Fetched(folder, folder.name)


def _missing(folder: Path, required: Required) -> list[str]:
    return [
        _either(each)
        for each in required
        if not any((folder / name).is_file() for name in _names(each))
    ]
