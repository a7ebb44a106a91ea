"""Fetch an artifact: one commit, the manifest first, then what it lists, each file checked."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from zoo.artifact.files import PICKLES, check_file
from zoo.artifact.manifest import MANIFEST, MAX_BYTES, FileEntry, Manifest, parse_manifest
from zoo.errors import (
    CorruptFile,
    HubError,
    HubUnreachable,
    UnsafeFile,
    WriteFailed,
)
from zoo.hub import cache
from zoo.hub.client import Client, connect, shown_endpoint
from zoo.hub.download import download
from zoo.hub.resolve import answers, resolve
from zoo.hub.signatures import require_trusted
from zoo.hub.small_file import manifest_at
from zoo.hub.translate import told
from zoo.progress import Advance, Progress, Silent

MOST_BYTES = 200 << 30
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class FetchedArtifact:
    """An artifact in the cache: every file that its manifest lists, all from one commit."""

    repo: str
    folder: Path
    commit: str
    manifest: Manifest


def fetch(
    repo: str,
    revision: str | None = None,
    *,
    force: bool = False,
    any_size: bool = False,
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> FetchedArtifact:
    """Bring an artifact into the Hugging Face cache.

    Nothing is requested for a commit that is here in full, and one thing for a branch or a tag: what
    it stands for. Without a network, a branch or tag is what it was when last asked for.

    Args:
        repo: ``owner/name``.
        revision: branch, tag or full commit id; by default the main branch.
        force: fetch again what is here.
        any_size: also more than nearly any artifact has.
        progress: told how far it is, and where the network was missing.
        endpoint: the hub, by default what ``HF_ENDPOINT`` says.

    Raises:
        BadSetting: ``repo`` or ``revision`` is not a name.
        RepoNotFound, AccessDenied, HubUnreachable: the hub said no, or nothing.
        NotAnArtifact: the repo has no manifest.
        CorruptFile: a file is not what the manifest says, fetched twice; it is not kept.
        UnsafeFile: it lists a pickle, or claims more than ``any_size`` is needed for.
        NotTrusted: the trust policy asks for a signature that is not there.
    """
    progress = progress or Silent()
    client = connect(endpoint, progress)
    commit, reachable = resolve(client, repo, revision, progress)
    manifest = _manifest(client, repo, commit, force=force)
    _refuse_pickles(repo, manifest)
    require_trusted(client, repo, commit, again=force)
    wanted = [
        name for name in manifest.files if force or not _is_cached(client, repo, commit, name)
    ]
    if wanted and not (answers(client, repo, commit) if reachable is None else reachable):
        raise _incomplete(client, repo, commit, wanted)
    if not wanted and reachable is None:
        offline = "HF_HUB_OFFLINE is set. " if constants.HF_HUB_OFFLINE else ""
        progress.note(
            f"{offline}Using {repo} at {commit[:12]} as fetched before{client.where}: nothing new "
            "was asked for."
        )
    total = sum(manifest.files[name].size for name in wanted)
    _require_sane(repo, total, any_size)
    with progress.stage(f"fetching {repo}", total) as advance:
        for name in sorted(manifest.files):
            _checked(client, repo, commit, name, manifest.files[name], advance, again=force)
    folder = cache.cached_file(client.entry(repo), commit, MANIFEST)
    assert folder is not None  # it was read a moment ago
    return FetchedArtifact(repo, folder.parent, commit, manifest)


def _manifest(client: Client, repo: str, commit: str, *, force: bool = False) -> Manifest:
    """The manifest of a commit, from the cache if it parses; it gets there only if it does."""
    path = None if force else cache.cached_file(client.entry(repo), commit, MANIFEST)
    where = f"{repo} at {commit[:12]}: {MANIFEST}"
    if path is not None:
        try:
            return parse_manifest(_kept_manifest(path, where), where)
        except CorruptFile:
            if constants.HF_HUB_OFFLINE:
                raise
    content = manifest_at(client, repo, commit)
    manifest = parse_manifest(content, where)
    sha256 = hashlib.sha256(content).hexdigest()
    with told(client, repo, commit):
        cache.keep(client.entry(repo), sha256, content)
        cache.link(client.entry(repo), commit, MANIFEST, sha256)
    return manifest


def _kept_manifest(path: Path, where: str) -> bytes:
    content = cache.read_small(path, MAX_BYTES)
    name = path.resolve().name  # of the blob: nothing else says what a manifest has to be
    if _SHA256.fullmatch(name) and name != hashlib.sha256(content).hexdigest():
        raise CorruptFile(f"{where} was changed or damaged in the cache.", hint="Pull it again.")
    return content


def _checked(
    client: Client,
    repo: str,
    commit: str,
    name: str,
    entry: FileEntry,
    advance: Advance,
    *,
    again: bool,
) -> None:
    """Have a file whose bytes are those the manifest lists; a damaged one is fetched once more."""
    cached = None if again else cache.cached_file(client.entry(repo), commit, name)

    def get(anew: bool) -> None:
        download(
            client, repo, commit, name,
            size=entry.size, sha256=entry.sha256, advance=advance, again=anew,
        )  # fmt: skip

    try:
        if cached is None:
            return get(again)
        return check_file(cached, size=entry.size, sha256=entry.sha256)
    except CorruptFile as damage:
        try:
            return get(True)
        except HubError as err:
            hint = f"It could not be fetched again: {err.message}"
            raise CorruptFile(damage.message, hint=hint) from err
        except CorruptFile as err:
            if cached is not None:
                cache.discard(cached)
            raise CorruptFile(
                f"{name} of {repo} at {commit[:12]} is not the file that its manifest lists, also "
                f"when fetched again; it was not opened. {err.message}",
                hint="Tell the owner of the repo, or pull another revision.",
            ) from err


def _require_sane(repo: str, total: int, any_size: bool) -> None:
    """Refuse what nobody meant to fetch, and what has no room here, before any of it comes."""
    if total > MOST_BYTES and not any_size:
        raise UnsafeFile(
            f"{repo} claims {total:,} bytes to fetch, more than {MOST_BYTES >> 30} GiB; nothing was "
            "fetched.",
            hint="If that is what it has, `--any-size` fetches it.",
        )
    place = Path(constants.HF_HUB_CACHE)
    place = next(each for each in (place, *place.parents) if each.exists())
    free = shutil.disk_usage(place).free
    if total > free:
        raise WriteFailed(
            f"{repo} has {total:,} bytes to fetch, and the disk of the cache, "
            f"{constants.HF_HUB_CACHE}, has room for {free:,}; nothing was fetched.",
            hint="Make room, or set HF_HOME to a place that has some.",
        )


def _refuse_pickles(repo: str, manifest: Manifest) -> None:
    for name in manifest.files:
        if name.lower().endswith(PICKLES):
            raise UnsafeFile(
                f"The manifest of {repo} lists {name}, a pickle. zoo never fetches pickles: they "
                "can run code.",
                hint="Ask for the artifact as safetensors.",
            )


def _is_cached(client: Client, repo: str, commit: str, name: str) -> bool:
    return cache.cached_file(client.entry(repo), commit, name) is not None


def _incomplete(client: Client, repo: str, commit: str, wanted: list[str]) -> HubUnreachable:
    why = f"{shown_endpoint(client.endpoint)} does not answer"
    if constants.HF_HUB_OFFLINE:
        why = "HF_HUB_OFFLINE is set"
    return HubUnreachable(
        f"{repo} at {commit[:12]} is not complete in the cache and {why}; "
        f"missing: {', '.join(sorted(wanted))}.",
        hint="Pull it once with the network on; the cache can be copied to other machines.",
    )
