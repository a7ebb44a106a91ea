"""``zoo.json``: the manifest of an artifact. Reading it needs no torch.

Nothing in a manifest can name code: it names what an *installed* plugin provides, and unknown keys
are refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from zoo.artifact import strict_json
from zoo.artifact.anonymous import without_paths
from zoo.artifact.files import open_regular, shown
from zoo.errors import CorruptFile, NewerFormat, NotAnArtifact

MANIFEST = "zoo.json"
FORMAT = 0
MAX_BYTES = 4 * 1024 * 1024

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Scalar = bool | int | float | str | list[str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackboneEntry(_Strict):
    """The pinned reference to the backbone; its tensors are not in the artifact."""

    name: Name
    provider: str  # distribution that provided it
    source: str = ""
    commit: str | None = None
    digest: Sha256
    pooling: str
    license: str | None = None
    contract: dict[str, Any]
    preprocessing: dict[str, Any]

    @field_validator("name", "source")
    @classmethod
    def _name_no_place(cls, value: str) -> str:
        if without_paths(value) != value:
            raise ValueError("names a place on somebody's machine")
        return value


class AdapterEntry(_Strict):
    """How the backbone was adapted."""

    name: Name
    provider: str
    settings: dict[str, Scalar] = Field(default_factory=dict)


class TaskEntry(_Strict):
    """One task and its labels, in the order of the head's rows."""

    name: Name
    kind: Name
    provider: str
    labels: Annotated[list[str], Field(max_length=100_000)]
    settings: dict[str, Scalar] = Field(default_factory=dict)


class FileEntry(_Strict):
    """A file that loading reads."""

    sha256: Sha256
    size: Annotated[int, Field(ge=0, le=1 << 40)]


class DataEntry(_Strict):
    """What the model was trained on, without saying where it lay."""

    description: str
    fingerprint: str
    rows: dict[str, int]
    license: str | None = None


class Provenance(_Strict):
    """How the artifact came about."""

    data: DataEntry | None = None
    seed: int | None = None
    headline: str = ""  # the metric a person reads first
    metrics: dict[str, dict[str, float]] = Field(default_factory=dict)  # by "<model> on <split>"
    versions: dict[str, str] = Field(default_factory=dict)


class Manifest(_Strict):
    """The whole of ``zoo.json``."""

    format: Annotated[int, Field(ge=0)] = FORMAT
    backbone: BackboneEntry
    adapter: AdapterEntry
    tasks: Annotated[list[TaskEntry], Field(min_length=1, max_length=1000)]
    files: dict[FileName, FileEntry]
    license: str | None = None
    provenance: Provenance = Field(default_factory=Provenance)

    def to_json(self) -> str:
        """The manifest as it is written: sorted keys, so equal manifests are equal bytes."""
        plain = self.model_dump()
        text = json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return text + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read ``folder/zoo.json``.

    Raises:
        NotAnArtifact: there is none.
        UnsafeFile: it is not a regular file.
        CorruptFile: it is too large, not JSON, or not a manifest.
        NewerFormat: it was written by a later zoo.
    """
    path = folder / MANIFEST
    if not path.exists() and not path.is_symlink():
        state = f"has no {MANIFEST}" if folder.is_dir() else "is not a directory"
        raise NotAnArtifact(
            f"{folder} is not an artifact: it {state}.",
            hint="An artifact is a directory that `zoo fit --out` or `zoo pull` wrote.",
        )
    with open_regular(path) as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise CorruptFile(f"{path} is larger than {MAX_BYTES} bytes; no manifest is.")
    return parse_manifest(content, str(path))


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Parse a manifest; ``where`` is for the messages. Raises as :func:`read_manifest`."""
    try:
        data = strict_json.parse(content)
    except ValueError as err:
        raise CorruptFile(f"{where} is not valid JSON: {str(err)[:200]}.") from err
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise CorruptFile(f"{where} is not a manifest: it has no format number.")
    if data["format"] > FORMAT:
        raise NewerFormat(
            f"{where} has format {data['format']}; this zoo reads up to {FORMAT}.",
            hint="Upgrade: `pip install --upgrade zoo`.",
        )
    try:
        return Manifest.model_validate(data, strict=True)
    except ValidationError as err:
        first = err.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise CorruptFile(
            f"{where} is not a valid manifest: {shown(at)}: {first['msg'][:200]}."
        ) from err
