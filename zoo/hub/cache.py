"""The ordinary Hugging Face cache, below ``HF_HOME``: what of a commit is already here.

huggingface_hub keeps ``models--owner--name/refs/<revision>`` with the commit last seen, and
``snapshots/<commit>/`` with links to the files.
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache

from zoo.artifact.files import open_regular
from zoo.errors import ArtifactError


def cached_file(repo: str, commit: str, name: str) -> Path | None:
    """Where a file of that commit is, without asking anybody; ``None`` if it is not here."""
    found = try_to_load_from_cache(repo, name, revision=commit, cache_dir=constants.HF_HUB_CACHE)
    return Path(found) if isinstance(found, str) else None


def cached_commit(repo: str, revision: str) -> str | None:
    """The commit that a branch or tag stood for when it was last asked for."""
    with contextlib.suppress(OSError):
        return _ref(repo, revision).read_text(encoding="utf-8").strip() or None
    return None


def remember_commit(repo: str, revision: str, commit: str) -> None:
    """Note what a branch or tag stands for; a cache that cannot be written is left as it is."""
    path = _ref(repo, revision)
    if cached_commit(repo, revision) == commit:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        temporary.write_text(commit, encoding="utf-8")
        temporary.replace(path)


def discard(path: Path) -> None:
    """Take a damaged file out of the cache, the blob behind its link included."""
    with contextlib.suppress(OSError):
        if path.is_symlink():
            (path.parent / path.readlink()).unlink(missing_ok=True)
        path.unlink()


def read_small(path: Path, limit: int) -> bytes:
    """At most ``limit`` bytes of a regular file.

    Raises:
        ArtifactError: it is not a regular file, or it is larger.
    """
    with open_regular(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ArtifactError(f"{path} is larger than {limit} bytes.")
    return content


def _ref(repo: str, revision: str) -> Path:
    folder = f"models--{repo.replace('/', '--')}"
    return Path(constants.HF_HUB_CACHE, folder, "refs", *revision.split("/"))
