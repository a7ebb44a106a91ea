"""``zoo.lock``: which commit of which repo a project is about, and what is in it. Written by tools."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # public
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.artifact import strict_json
from zoo.artifact.manifest import Manifest, digest_of, manifest_bytes
from zoo.errors import ArtifactError, BadSetting, LockInvalid, WriteFailed
from zoo.hub.cache import read_small
from zoo.hub.client import check_repo, check_revision
from zoo.hub.fetch import FetchedArtifact

LOCK = Path("zoo.lock")
PATIENCE = 60.0  # seconds for another process to write a few lines
_VERSION = 1
_MAX_BYTES = 4 << 20

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Commit = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
_Text = Annotated[str, Field(max_length=300)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackbonePin(_Strict):
    """A backbone: its name, where its weights come from, and the digest of its tensors."""

    name: _Text
    source: _Text
    commit: _Text | None
    digest: _Sha256


class Pin(_Strict):
    """An artifact.

    Attributes:
        revision: what was asked for when it was pinned.
        commit: what that stood for.
        digest: sha256 of its manifest, and through it of every file.
        backbone: what it was trained on.
    """

    revision: _Text
    commit: _Commit
    digest: _Sha256
    backbone: BackbonePin


class Lock(_Strict):
    """The whole of ``zoo.lock``: pins by repo."""

    version: Literal[1] = 1
    artifacts: Annotated[dict[str, Pin], Field(max_length=10_000)] = Field(default_factory=dict)

    def to_json(self) -> str:
        """As it is written: sorted, so that equal locks are equal bytes."""
        return json.dumps(self.model_dump(), indent=2, sort_keys=True) + "\n"


def pin_of(found: FetchedArtifact, revision: str) -> Pin:
    """The pin of an artifact in the cache."""
    return Pin(
        revision=revision,
        commit=found.commit,
        digest=digest_of(manifest_bytes(found.folder)),
        backbone=_backbone(found.manifest),
    )


def read_lock(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        LockInvalid: there is none, or it cannot be used.
    """
    if not path.exists():
        raise LockInvalid(f"There is no {path}.", hint="`zoo lock add REPO` makes one.")
    data = _parsed(path)
    if isinstance(data.get("version"), int) and data["version"] > _VERSION:
        raise LockInvalid(
            f"{path} has version {data['version']}; this zoo reads up to {_VERSION}.",
            hint="Upgrade: `pip install --upgrade zoo`.",
        )
    if type(data.get("version", _VERSION)) is not int:  # true would pass for 1
        raise _invalid(path, "'version': not a number")
    try:
        lock = Lock.model_validate(data, strict=True)
        for repo, pin in lock.artifacts.items():
            check_repo(repo)
            check_revision(pin.revision)
    except ValidationError as err:
        first = err.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise _invalid(path, f"{at!r:.200}: {first['msg'][:200]}") from err
    except BadSetting as err:
        raise _invalid(path, err.message.rstrip(".")) from err
    return lock


@contextlib.contextmanager
def changing(path: Path) -> Iterator[dict[str, Pin]]:
    """The pins of a lock file, to change; written when the block ends, one process at a time.

    Whatever interrupts it, the file is as it was or wholly new.

    Raises:
        LockInvalid: it is there and cannot be used; it is left as it is.
        WriteFailed: it cannot be written; it is as it was.
    """
    path = path.resolve()
    try:
        with _alone(path):
            before = read_lock(path) if path.exists() else None
            pins = dict(before.artifacts) if before else {}
            yield pins
            after = Lock(artifacts=pins)
            if after != before:
                _write(path, after.to_json().encode())
    except OSError as err:
        reason = err.strerror or str(err)
        raise WriteFailed(
            f"{path} could not be written: {reason}; nothing was changed.",
            hint="Make room, or work in a directory that can be written.",
        ) from err


def _backbone(manifest: Manifest) -> BackbonePin:
    entry = manifest.backbone
    return BackbonePin(
        name=entry.name, source=entry.source, commit=entry.commit, digest=entry.digest
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        data = strict_json.parse(read_small(path.resolve(), _MAX_BYTES))
    except ValueError as err:
        raise _invalid(path, f"it is not JSON: {str(err)[:200]}") from err
    except ArtifactError as err:
        raise _invalid(path, err.message.rstrip(".")) from err
    if not isinstance(data, dict):
        raise _invalid(path, "it is not an object")
    return data


def _invalid(path: Path, why: str) -> LockInvalid:
    return LockInvalid(
        f"{path} is not a lock file: {why}.",
        hint="Take it from version control, or remove it and add its repos anew.",
    )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other process changes that file; the mark is in the cache, not in the project."""
    folder = Path(constants.HF_HUB_CACHE, ".locks")
    mark = folder / f"zoo-lock-{hashlib.sha256(os.fsencode(path)).hexdigest()}.lock"
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(WeakFileLock(mark, timeout=PATIENCE))
        except TimeoutError as err:
            raise WriteFailed(
                f"{path} is being changed by another process; nothing was changed.",
                hint=f"End it and try again; where there is none, remove {mark}.",
            ) from err
        except OSError as err:
            raise WriteFailed(
                f"The cache, {constants.HF_HUB_CACHE}, cannot be written: {err.strerror or err}; {path} "
                "was not changed.",
                hint="Set HF_HOME to a place that can.",
            ) from err
        yield


def _write(path: Path, content: bytes) -> None:
    # One name for all, so that what a killed process left is written over by the next.
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
