"""Fetch an artifact: one commit, the manifest first, then what it lists, each file checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import constants

from zoo.artifact.files import PICKLES, check_file
from zoo.artifact.manifest import MANIFEST, MAX_BYTES, FileEntry, Manifest, parse_manifest
from zoo.errors import (
    CorruptFile,
    HubError,
    HubUnreachable,
    NotAnArtifact,
    RepoNotFound,
    UnsafeFile,
)
from zoo.hub import cache
from zoo.hub.client import TIMEOUT, Client, check_repo, check_revision, connect, shown_endpoint
from zoo.hub.download import download
from zoo.hub.signatures import require_trusted
from zoo.hub.translate import told
from zoo.progress import Advance, Progress, Silent

_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_BRANCH = constants.DEFAULT_REVISION


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
        progress: told how far it is, and where the network was missing.
        endpoint: the hub, by default what ``HF_ENDPOINT`` says.

    Raises:
        BadSetting: ``repo`` or ``revision`` is not a name.
        RepoNotFound, AccessDenied, HubUnreachable: the hub said no, or nothing.
        NotAnArtifact: the repo has no manifest.
        CorruptFile: a file is not what the manifest says, fetched twice; it is not kept.
        NotTrusted: the trust policy asks for a signature that is not there.
    """
    progress = progress or Silent()
    client = connect(endpoint, progress)
    commit, reachable = resolve(client, repo, revision, progress)
    manifest = _manifest(client, repo, commit, force=force)
    _refuse_pickles(repo, manifest)
    require_trusted(client, repo, commit)
    wanted = [name for name in manifest.files if force or not _is_cached(repo, commit, name)]
    if wanted and not (_answers(client, repo, commit) if reachable is None else reachable):
        raise _incomplete(client, repo, commit, wanted)
    total = sum(manifest.files[name].size for name in wanted)
    with progress.stage(f"fetching {repo}", total) as advance:
        for name in sorted(manifest.files):
            _checked(client, repo, commit, name, manifest.files[name], advance, again=force)
    folder = cache.cached_file(repo, commit, MANIFEST)
    assert folder is not None  # it was read a moment ago
    return FetchedArtifact(repo, folder.parent, commit, manifest)


def remote_manifest(
    repo: str,
    revision: str | None = None,
    *,
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> Manifest:
    """The manifest of a repo, and nothing else of it. Needs no torch. Raises as :func:`fetch`."""
    progress = progress or Silent()
    client = connect(endpoint, progress)
    return _manifest(client, repo, resolve(client, repo, revision, progress).commit)


class Resolved(NamedTuple):
    """What a revision stands for, and whether the hub answers; ``None`` where it was not asked."""

    commit: str
    reachable: bool | None


def resolve(client: Client, repo: str, revision: str | None, progress: Progress) -> Resolved:
    """The commit that a revision stands for: asked for once, so that all files are of one commit.

    Raises:
        BadSetting, RepoNotFound, AccessDenied, HubUnreachable: as :func:`fetch`.
    """
    check_repo(repo)
    wanted = revision or _BRANCH
    check_revision(wanted)
    if _COMMIT.match(wanted) and _is_cached(repo, wanted, MANIFEST):
        return Resolved(wanted, reachable=None)
    try:
        commit = _ask(client, repo, revision)
    except HubUnreachable as err:
        commit = cache.cached_commit(repo, wanted) or ""
        if not _COMMIT.match(commit) or not _is_cached(repo, commit, MANIFEST):
            raise
        progress.note(f"{err.message} Using {repo} {wanted} as fetched before: {commit[:12]}.")
        return Resolved(commit, reachable=False)
    if commit != wanted:
        cache.remember_commit(repo, wanted, commit)
    return Resolved(commit, reachable=True)


def _ask(client: Client, repo: str, revision: str | None) -> str:
    try:
        with told(client, repo, revision):
            commit = client.api.model_info(repo, revision=revision, timeout=TIMEOUT).sha
    except RepoNotFound as err:
        if revision is not None and "no revision" in err.message:
            err.hint = _revisions(client, repo) or err.hint
        raise
    if commit is None or not _COMMIT.match(commit):
        raise HubUnreachable(
            f"What answers at {shown_endpoint(client.endpoint)} is not a hub: it names no commit.",
            hint="Check HF_ENDPOINT.",
        )
    return commit


def _answers(client: Client, repo: str, commit: str) -> bool:
    """Whether the hub has that commit to give; a download by itself takes long to find out."""
    try:
        return bool(_ask(client, repo, commit))
    except HubUnreachable:
        return False


def _revisions(client: Client, repo: str) -> str:
    """What there is instead, for a hint."""
    try:
        with told(client, repo):
            refs = client.api.list_repo_refs(repo)
    except HubError:
        return ""
    names = [ref.name for ref in (*refs.branches, *refs.tags)]
    return f"It has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}." if names else ""


def _manifest(client: Client, repo: str, commit: str, *, force: bool = False) -> Manifest:
    """The manifest of a commit; one that does not parse is fetched once more."""
    path = None if force else cache.cached_file(repo, commit, MANIFEST)
    if path is not None:
        try:
            return _parsed(path, repo, commit)
        except CorruptFile:
            if constants.HF_HUB_OFFLINE:
                raise
    path = _download_manifest(client, repo, commit, again=force or path is not None)
    try:
        return _parsed(path, repo, commit)
    except CorruptFile:
        cache.discard(path)
        raise


def _download_manifest(client: Client, repo: str, commit: str, *, again: bool) -> Path:
    try:
        return download(
            client, repo, commit, MANIFEST, limit=MAX_BYTES, advance=lambda _: None, again=again
        )
    except HubError as err:
        if type(err) is HubError:  # the repo is there, the file is not
            raise NotAnArtifact(
                f"{repo} at {commit[:12]} is not an artifact: it has no {MANIFEST}.",
                hint="If it holds a backbone, give it to `--backbone`; `zoo backbones` shows how.",
            ) from err
        raise


def _parsed(path: Path, repo: str, commit: str) -> Manifest:
    return parse_manifest(cache.read_small(path, MAX_BYTES), f"{repo} at {commit[:12]}: {MANIFEST}")


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

    def get(anew: bool) -> Path:
        cached = None if anew else cache.cached_file(repo, commit, name)
        return cached or download(
            client, repo, commit, name, limit=entry.size, advance=advance, again=anew
        )

    try:
        check_file(get(again), size=entry.size, sha256=entry.sha256)
    except CorruptFile as damage:
        try:
            path = get(anew=True)
        except HubError as err:
            hint = f"It could not be fetched again: {err.message}"
            raise CorruptFile(damage.message, hint=hint) from err
        try:
            check_file(path, size=entry.size, sha256=entry.sha256)
        except CorruptFile as err:
            cache.discard(path)
            raise CorruptFile(
                f"{name} of {repo} at {commit[:12]} is not the file that its manifest lists, also "
                "when fetched again; it was not opened.",
                hint="Tell the owner of the repo, or pull another revision.",
            ) from err


def _refuse_pickles(repo: str, manifest: Manifest) -> None:
    for name in manifest.files:
        if name.lower().endswith(PICKLES):
            raise UnsafeFile(
                f"The manifest of {repo} lists {name}, a pickle. zoo never fetches pickles: they "
                "can run code.",
                hint="Ask for the artifact as safetensors.",
            )


def _is_cached(repo: str, commit: str, name: str) -> bool:
    return cache.cached_file(repo, commit, name) is not None


def _incomplete(client: Client, repo: str, commit: str, wanted: list[str]) -> HubUnreachable:
    why = f"{shown_endpoint(client.endpoint)} does not answer"
    if constants.HF_HUB_OFFLINE:
        why = "HF_HUB_OFFLINE is set"
    return HubUnreachable(
        f"{repo} at {commit[:12]} is not complete in the cache and {why}; "
        f"missing: {', '.join(sorted(wanted))}.",
        hint="Pull it once with the network on; the cache can be copied to other machines.",
    )
