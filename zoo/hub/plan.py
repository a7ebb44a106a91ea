"""What a push would change: the artifact here against the head of the branch there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.artifact.manifest import MANIFEST, MAX_BYTES, parse_manifest
from zoo.artifact.signing import SIGNATURE
from zoo.errors import ArtifactError, OutputExists
from zoo.hub import cache
from zoo.hub.client import Client
from zoo.hub.head import Head
from zoo.hub.outgoing import Outgoing
from zoo.hub.small_file import small_file

# What libraries take for the model in a repo: an artifact's own must be the only one.
_NATIVE = frozenset(
    {
        "adapter_config.json",
        "adapter_model.safetensors",
        "config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
    }
)


@dataclass(frozen=True)
class Plan:
    """One commit: files that differ, and files of an earlier artifact that go."""

    files: Sequence[Outgoing]  # all of the artifact
    changed: Sequence[Outgoing]
    deleted: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.changed and not self.deleted

    @property
    def nothing(self) -> Plan:
        """The same artifact where it is there already."""
        return Plan(self.files, (), ())

    def is_done(self, head: Head) -> bool:
        """Whether a branch is as this plan would have it."""
        gone = all(path not in head.files for path in self.deleted)
        return gone and all(head.holds(file) for file in self.files)

    def against(self, head: Head) -> Plan:
        """What is left to do on top of another head."""
        changed = [file for file in self.files if not head.holds(file)]
        return Plan(self.files, changed, [path for path in self.deleted if path in head.files])


def make_plan(
    client: Client, repo: str, head: Head, files: Sequence[Outgoing], *, force: bool
) -> Plan:
    """Compare an artifact with what is there.

    Raises:
        OutputExists: the repo holds another model that is no artifact, and not ``force``.
    """
    if head.commit is None:
        return Plan(files, files, ())
    own = {file.path for file in files}
    if any(file.path == MANIFEST and head.holds(file) for file in files):
        earlier = frozenset(own)
    elif MANIFEST in head.files:
        # A signature of another manifest is none of this one.
        earlier = _listed(client, repo, head.commit) | ({SIGNATURE} & head.files.keys())
    else:
        earlier = _NATIVE & head.files.keys()
        _require_force(repo, earlier, force)
    return Plan(files, files, sorted(earlier - own)).against(head)


def _listed(client: Client, repo: str, commit: str) -> frozenset[str]:
    """Files of the artifact that is there; none where its manifest cannot be read."""
    path = cache.cached_file(client.entry(repo), commit, MANIFEST)
    content = (
        cache.read_small(path, MAX_BYTES)
        if path is not None
        else small_file(client, repo, commit, MANIFEST, limit=MAX_BYTES)
    )
    try:
        return frozenset(parse_manifest(content, repo).files)
    except ArtifactError:
        return frozenset()


def _require_force(repo: str, native: frozenset[str], force: bool) -> None:
    if native and not force:
        raise OutputExists(
            f"{repo} holds another model ({', '.join(sorted(native))}), and a repo has room for "
            "one; nothing was pushed.",
            hint="Push to another repo, or replace that model with `--force`.",
        )
