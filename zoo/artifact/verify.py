"""``zoo verify``: open an artifact with every check, and say what was compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.artifact import signing, trust
from zoo.artifact.load import find_artifact, open_artifact
from zoo.artifact.manifest import digest_of, manifest_bytes
from zoo.artifact.signing import read_signature
from zoo.errors import NotTrusted


@dataclass(frozen=True)
class Verification:
    """What was compared, and found equal.

    Attributes:
        folder: the artifact.
        manifest: digest of ``zoo.json``, and through it of all that loading reads.
        signed: who signed it, in words; empty where nobody did.
        files: names of the files whose size and sha256 are those of the manifest.
        backbone: its name.
        source, commit: where it came from when the model was trained; empty for a local folder.
        digest: of its tensors, here and then.
        difference: the largest difference from a recorded logit of the probe.
        tolerance: how large it may be.
    """

    folder: Path
    manifest: str
    signed: str
    files: tuple[str, ...]
    backbone: str
    source: str
    commit: str | None
    digest: str
    difference: float
    tolerance: float


def verify(
    path: str | Path, *, weights: Path | None = None, key: Path | None = None
) -> Verification:
    """Open an artifact or a run as :func:`zoo.load` does, refusing what it refuses.

    Args:
        path: the directory.
        weights: a folder to take the backbone's weights from.
        key: a public key, whose owner must have signed it.

    Raises:
        NotTrusted: not signed by the owner of ``key``.
        ArtifactError, PluginError, WeightsNotFound: as :func:`zoo.artifact.load.load`.
    """
    folder = find_artifact(path)
    content, signature = manifest_bytes(folder), read_signature(folder)
    signed = _signed(content, signature, key)
    opened = open_artifact(path, weights=weights)
    entry = opened.manifest.backbone
    return Verification(
        folder=opened.folder,
        manifest=digest_of(content),
        signed=signed,
        files=tuple(sorted(opened.manifest.files)),
        backbone=entry.name,
        source=entry.source,
        commit=entry.commit,
        digest=entry.digest,
        difference=opened.probe.difference,
        tolerance=opened.probe.tolerance,
    )


def _signed(content: bytes, signature: bytes | None, key: Path | None) -> str:
    if key is not None:
        if signature is None:
            raise NotTrusted(
                "The artifact is not signed.", hint="Its author signs it by `zoo push --sign KEY`."
            )
        signing.check(content, signature, key)
        return f"by {key.name} (key {signing.key_id(signature)[:12]})"
    return str(trust.signed(content, signature) or "")
