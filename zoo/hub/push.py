"""Push: an artifact to a hub, in one atomic commit of what changed."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifact import signing
from zoo.artifact.licences import Stated, require_consistent
from zoo.artifact.licences import unknown as unknown_licences
from zoo.artifact.manifest import MANIFEST, Manifest, manifest_bytes, read_manifest
from zoo.artifact.signing import SIGNATURE
from zoo.errors import (
    BackboneMismatch,
    BackboneMisstated,
    NotTrusted,
    ProbeMismatch,
    PushRefused,
    TensorMismatch,
)
from zoo.host import installed
from zoo.hub import preflight
from zoo.hub.access import require_write
from zoo.hub.card_check import CARD
from zoo.hub.client import Client, connect, shown_endpoint
from zoo.hub.commit import Sent, send
from zoo.hub.findings import refuse_private
from zoo.hub.head import Head, head_of
from zoo.hub.outgoing import Outgoing, collect, outgoing, survey
from zoo.hub.plan import Plan, make_plan
from zoo.hub.preflight import Opened
from zoo.hub.proposal import propose, waiting
from zoo.hub.target import (
    MAIN,
    make,
    nothing_to_propose_to,
    require_free,
    require_names,
    require_new,
)
from zoo.hub.translate import told
from zoo.progress import Progress, Silent
from zoo.waits import bounded

if TYPE_CHECKING:
    from zoo.model import ComposedModel


@dataclass(frozen=True)
class Pushed:
    """What a push did; as text it is the commit.

    Attributes:
        repo: ``owner/name``.
        commit: the head of the branch now.
        url: where to look at it.
        changed: files written; empty where the repo held them all already and nothing was committed.
        deleted: files of an earlier artifact that were removed.
        sent: bytes in the files written.
        pull_request: where it waits to be merged, if it was to be one; then the branch is as it was,
            and ``commit`` is not its head.
    """

    repo: str
    commit: str
    url: str
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    sent: int
    pull_request: str | None = None

    def __str__(self) -> str:
        return self.commit


def push(
    artifact: str | Path | ComposedModel,
    repo: str,
    *,
    message: str | None = None,
    private: bool = False,
    branch: str = MAIN,
    tag: str | None = None,
    create_pr: bool = False,
    force: bool = False,
    sign: Path | None = None,
    allow_findings: bool = False,
    weights: Path | None = None,
    progress: Progress | None = None,
    endpoint: str | None = None,
) -> Pushed:
    """Publish a model.

    The artifact is opened from disk first and must answer as when it was saved; a model is saved
    for that. Where this process has had a model in it, that is done in a new one. Then either
    everything arrives, in one commit, or the branch stays as it was.

    Args:
        artifact: an artifact or run directory, or a model.
        repo: ``owner/name``; made if it is not there.
        message: of the commit.
        private: whether a repo that is made is private.
        branch: made from the main branch if it is not there.
        tag: also name the commit so.
        create_pr: open a pull request on the branch instead, which needs no right to write to it;
            one that is open and brings the same is enough.
        force: replace another model, or put the commit on top of one made in the meantime; push also
            what cannot be opened, because its tensors or its backbone do not fit, or that answers
            otherwise. That is said, and nobody can pull it.
        sign: a private key; its signature of the artifact is pushed along.
        allow_findings: push what looks like a token, a key or a path of this machine as well.
        weights: a folder to take the backbone's weights from.
        progress: told how far it is.
        endpoint: the hub, by default what ``HF_ENDPOINT`` says.

    Raises:
        BadSetting: ``repo``, ``branch`` or ``tag`` is not a name, ``tag`` is that of a branch, or
            ``tag`` and ``create_pr`` both are given.
        RepoNotFound: there is nothing to open a pull request on.
        LicenceConflict: its licence allows what that of its backbone or data does not.
        PushRefused: an installed plugin does not let it be pushed.
        PolicyInvalid: the key cannot sign.
        AccessDenied: no token, or one that may not write there; nothing was opened or created.
        ArtifactError: the artifact does not answer as it did, or it or a word given here holds what
            must not be published.
        OutputExists: the tag exists elsewhere, or the repo holds another model.
        HeadMoved: somebody else committed first.
        HubError: the hub refused or failed.
    """
    progress = progress or Silent()
    require_names(repo, branch, tag, create_pr=create_pr)
    here = preflight.is_clean()  # before anything is imported
    if not allow_findings:
        _refuse_private_words(repo, message, branch, tag)
    client = connect(endpoint, progress)
    with bounded(), _on_disk(artifact) as path:
        folder, manifest, paths = _look(path)
        require_consistent(_licences(manifest), saved=True)
        _ask_plugins(repo, manifest)
        if sign is not None:
            signing.signer_of(sign)
        progress.note(f"Pushing to {repo}{client.where}")
        identity = require_write(client, repo, proposing=create_pr)
        head = head_of(client, repo, branch)  # what comes after it is somebody else's, and detected
        if head is None and create_pr:
            raise nothing_to_propose_to(client, repo, branch)
        found = _opened(path, folder, repo, weights, progress, here=here, force=force)
        require_consistent(_licences(manifest, found.license), saved=True)
        files = collect(
            folder, paths, manifest, found.card, repo=repo, allow_findings=allow_findings
        )
        for unknown in unknown_licences(_licences(manifest)):
            progress.note(f"Of the licences, {unknown}.")
        if sign is not None:
            files = _signed(client, repo, head, folder, files, sign)
        require_free(client, repo, tag, head, files)
        if head is None:
            head = make(client, repo, branch, private=private, identity=identity)
            if branch == MAIN and not force:
                require_new(client, repo, branch, head, files)
        plan = make_plan(client, repo, head, files, force=force)
        sent = _there_already(client, repo, plan, head, create_pr=create_pr)
        if sent is not None:
            plan = plan.nothing
        else:
            bring = propose if create_pr else functools.partial(send, force=force)
            sent = bring(
                client,
                repo,
                plan,
                branch=branch,
                parent=head.commit,
                message=message or f"Push {manifest.adapter.name} on {manifest.backbone.name}",
                progress=progress,
            )
        if tag is not None:
            with told(client, repo, sent.commit):
                client.api.create_tag(repo, tag=tag, revision=sent.commit, exist_ok=True)
    return Pushed(
        repo=repo,
        commit=sent.commit,
        url=f"{shown_endpoint(client.endpoint)}/{repo}",
        changed=tuple(file.path for file in plan.changed),
        deleted=tuple(plan.deleted),
        sent=sum(file.size for file in plan.changed),
        pull_request=sent.pull_request,
    )


def _there_already(
    client: Client, repo: str, plan: Plan, head: Head, *, create_pr: bool
) -> Sent | None:
    """What needs not be sent: it is on the branch, or it waits in a pull request to get there."""
    if head.commit is not None and plan.is_empty:
        return Sent(head.commit)
    return waiting(client, repo, plan) if create_pr else None


def _refuse_private_words(repo: str, message: str | None, branch: str, tag: str | None) -> None:
    words = {"the commit message": message, "the branch": branch, "the tag": tag}
    refuse_private(((what, word.encode()) for what, word in words.items() if word), repo=repo)


@contextlib.contextmanager
def _on_disk(artifact: str | Path | ComposedModel) -> Iterator[Path]:
    """The artifact's path; a model is saved for as long as it takes."""
    if isinstance(artifact, (str, Path)):
        yield Path(artifact)
        return
    from zoo.artifact.save import save

    with tempfile.TemporaryDirectory(prefix="zoo-push-") as temporary:
        folder = Path(temporary) / "artifact"
        save(artifact, folder)
        yield folder


def _look(path: Path) -> tuple[Path, Manifest, list[str]]:
    """What can be seen without hashing or opening anything."""
    from zoo.artifact.load import find_artifact

    folder = find_artifact(path)
    manifest = read_manifest(folder)
    earlier = signing.read_signature(folder)
    if earlier is not None and not signing.covers(manifest_bytes(folder), earlier):
        raise NotTrusted(
            f"{folder / SIGNATURE} is not a signature of the {MANIFEST} beside it; nothing was "
            "pushed.",
            hint="Remove it, and sign anew with `--sign KEY`.",
        )
    return folder, manifest, survey(folder, manifest)


def _licences(manifest: Manifest, backbone: str | None = None) -> Stated:
    data = manifest.provenance.data
    return Stated(
        model=manifest.license,
        backbone=manifest.backbone.license or backbone,
        data=data.license if data else None,
        accepted=manifest.accepted_licenses,
    )


def _ask_plugins(repo: str, manifest: Manifest) -> None:
    reasons = installed().before_push(repo, manifest.model_dump())
    if reasons:
        raise PushRefused(
            f"{'; '.join(reasons)}; nothing was pushed to {repo}.",
            hint="`zoo plugins` lists what is installed.",
        )


def _signed(
    client: Client, repo: str, head: Head | None, folder: Path, files: list[Outgoing], key: Path
) -> list[Outgoing]:
    """``files`` with a signature; the one that is there already where it says the same."""
    from zoo.hub.signatures import signature_of

    earlier = None
    if head is not None and head.commit is not None and SIGNATURE in head.files:
        earlier = signature_of(client, repo, head.commit)
    made = outgoing(SIGNATURE, signing.sign(manifest_bytes(folder), key, earlier))
    return sorted([*(f for f in files if f.path != SIGNATURE), made], key=lambda file: file.path)


def _opened(
    path: Path,
    folder: Path,
    repo: str,
    weights: Path | None,
    progress: Progress,
    *,
    here: bool,
    force: bool,
) -> Opened:
    elsewhere = "" if here else " in a new process"
    progress.note(f"Opening the artifact{elsewhere}, and comparing its answers")
    opened = preflight.open_here if here else preflight.open_elsewhere
    try:
        return opened(path, repo, weights)
    except BackboneMisstated:
        raise
    except (TensorMismatch, BackboneMismatch, ProbeMismatch) as err:
        from zoo.artifact.card import card_for

        if not force or not (folder / CARD).is_file():
            raise
        progress.note(f"{err.message} It is pushed as you force it; nobody can open it.")
        return Opened(None, card_for(folder, repo))
