"""``zoo.json``: the manifest of an artifact. Reading it needs no torch.

Nothing in a manifest can name code: it names what an *installed* plugin provides, and unknown keys
are refused. Sizes, counts and lengths are bounded before anything is made of them.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from typing_extensions import TypedDict

from zoo.artifact import strict_json
from zoo.artifact.anonymous import without_paths
from zoo.artifact.files import open_regular, shown
from zoo.errors import CorruptFile, NewerFormat, NotAnArtifact

MANIFEST = "zoo.json"
FORMAT = "0.3"
MAX_BYTES = 4 * 1024 * 1024

_FORMAT = re.compile(r"(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ON_WINDOWS = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:\.|\Z)|.*\.\Z", re.IGNORECASE)
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Short = Annotated[str, Field(max_length=300)]
Line = Annotated[str, Field(max_length=4096)]
Label = Annotated[str, Field(max_length=100_000)]
Scalar = bool | int | float | Line | Annotated[list[Line], Field(max_length=10_000)]
Settings = Annotated[dict[Short, Scalar], Field(max_length=1000)]
State = Annotated[
    dict[Short, Annotated[list[float], Field(max_length=100_000)]], Field(max_length=100)
]
Facts = Annotated[dict[Short, Any], Field(max_length=1000)]
# A distribution and its version.
Provider = Annotated[
    str, Field(max_length=300, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]* [0-9][A-Za-z0-9.+!_-]*$")
]
# A Hub repo, `pip:<distribution>` or another kind of place by its name; never a URL.
_SOURCE = re.compile(r"(?:[a-z][a-z0-9_-]*:)?[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?|\./[^/]+", re.ASCII)


class ContractEntry(TypedDict, total=False):
    """What the backbone takes, see :class:`zoo.data.contract.InputContract`."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    modality: Short
    channels: Annotated[int, Field(ge=1, le=1 << 16)] | None
    value_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None
    max_length: Annotated[int, Field(ge=1, le=1 << 32)] | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackboneEntry(_Strict):
    """The pinned reference to the backbone; its tensors are not in the artifact."""

    name: Name
    provider: Provider
    source: Short = ""
    commit: Short | None = None
    digest: Sha256
    pooling: Short
    license: Short | None = None
    contract: ContractEntry
    preprocessing: Facts

    @field_validator("name", "source")
    @classmethod
    def _name_no_place(cls, value: str) -> str:
        if without_paths(value) != value:
            raise ValueError("names a place on somebody's machine")
        return value

    @field_validator("source")
    @classmethod
    def _a_place_by_name(cls, value: str) -> str:
        if value and not _SOURCE.fullmatch(value):
            raise ValueError("is neither a Hub repo nor pip:<distribution>")
        return value


class AdapterEntry(_Strict):
    """How the backbone was adapted."""

    name: Name
    provider: Provider
    settings: Settings = Field(default_factory=dict)
    per_task: bool = False  # each task has its own; their files begin with the task's name


class TaskEntry(_Strict):
    """One task, the names of its outputs in the order of the head's rows, and what it remembers."""

    name: Name
    kind: Name
    provider: Provider
    labels: Annotated[list[Label], Field(max_length=100_000)]
    settings: Settings = Field(default_factory=dict)
    state: State = Field(default_factory=dict)  # numbers an output that it took from data

    @field_validator("labels")
    @classmethod
    def _tell_apart(cls, labels: list[str]) -> list[str]:
        if len(set(labels)) != len(labels):
            raise ValueError("a label occurs twice")
        return labels


class FileEntry(_Strict):
    """A file that loading reads."""

    sha256: Sha256
    size: Annotated[int, Field(ge=0, le=1 << 40)]


class DataEntry(_Strict):
    """What the model was trained on, without saying where it lay."""

    description: Line
    fingerprint: Short
    rows: Annotated[dict[Short, int], Field(max_length=100)]
    license: Short | None = None


class AdaptationEntry(_Strict):
    """For which target the model was chosen, without its labels."""

    alignment: Short
    validator: Short
    kept: Literal["aligned", "source-only"]
    target: DataEntry


class Provenance(_Strict):
    """How the artifact came about."""

    data: DataEntry | None = None
    seed: int | None = None
    headline: Short = ""  # the metric a person reads first
    metrics: Annotated[  # by "<model> on <split>"
        dict[Line, Annotated[dict[Short, float], Field(max_length=10_000)]], Field(max_length=1000)
    ] = Field(default_factory=dict)
    versions: Annotated[dict[Short, Short], Field(max_length=1000)] = Field(default_factory=dict)
    adaptation: AdaptationEntry | None = None


class Manifest(_Strict):
    """The whole of ``zoo.json``."""

    format: Annotated[str, Field(pattern=r"^0\.[0-9]{1,4}$")] = FORMAT
    backbone: BackboneEntry
    adapter: AdapterEntry
    tasks: Annotated[list[TaskEntry], Field(min_length=1, max_length=1000)]
    files: Annotated[dict[FileName, FileEntry], Field(max_length=1000)]
    license: Short | None = None
    # Of the backbone or the data: contradicted by ``license``, which its author accepted by name.
    accepted_licenses: Annotated[list[Short], Field(max_length=100)] = Field(default_factory=list)
    provenance: Provenance = Field(default_factory=Provenance)

    @field_validator("files")
    @classmethod
    def _can_be_beside_each_other_anywhere(
        cls, files: dict[str, FileEntry]
    ) -> dict[str, FileEntry]:
        if len({name.lower() for name in files}) != len(files):
            raise ValueError("two names differ by case only")
        for name in files:
            if ON_WINDOWS.match(name):
                raise ValueError(f"{name!r} is no file everywhere: Windows takes it for another")
        return files

    def to_json(self) -> str:
        """The manifest as it is written: sorted keys, so equal manifests are equal bytes."""
        plain = self.model_dump()
        text = json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return text + "\n"


def schema() -> str:
    """The JSON Schema of the manifest, as it is published beside this module."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"zoo.json, format {FORMAT}",
        **{k: v for k, v in Manifest.model_json_schema().items() if k != "title"},
    }
    return json.dumps(described, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read ``folder/zoo.json``.

    Raises:
        NotAnArtifact: there is none.
        UnsafeFile: it is not a regular file.
        CorruptFile: it is too large, not JSON, or not a manifest.
        NewerFormat: it was written by a later zoo.
    """
    return parse_manifest(manifest_bytes(folder), str(folder / MANIFEST))


def manifest_bytes(folder: Path) -> bytes:
    """The bytes of ``folder/zoo.json``; raises as :func:`read_manifest`, but for what is in it."""
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
    return content


def digest_of(content: bytes) -> str:
    """What a manifest is known by: the sha256 of its bytes, and through it that of every file."""
    return hashlib.sha256(content).hexdigest()


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Parse a manifest; ``where`` is for the messages. Raises as :func:`read_manifest`."""
    try:
        data = strict_json.parse(content)
    except ValueError as err:
        raise CorruptFile(f"{where} is not valid JSON: {str(err)[:200]}.") from err
    if not isinstance(data, dict):
        raise CorruptFile(f"{where} is not a manifest: it is not an object.")
    data = _upgraded(data, where)
    try:
        return Manifest.model_validate(data, strict=True)
    except ValidationError as err:
        first = err.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise CorruptFile(
            f"{where} is not a valid manifest: {shown(at)}: {first['msg'][:200]}."
        ) from err


def _upgraded(data: dict[str, Any], where: str) -> dict[str, Any]:
    """An older manifest as this version writes it."""
    told = data.get("format")
    # Format 0.0 wrote the number 0; what later ones added has defaults.
    version = f"{told}.0" if type(told) is int else told
    known = _FORMAT.fullmatch(version) if isinstance(version, str) else None
    if known is None:
        raise CorruptFile(f"{where} is not a manifest: it has no format number.")
    if (int(known[1]), int(known[2])) > tuple(map(int, FORMAT.split("."))):
        raise NewerFormat(
            f"{where} has format {version}{_written_by(data)}; this zoo reads up to {FORMAT}.",
            hint="Upgrade: `pip install --upgrade zoo`.",
        )
    return {**data, "format": FORMAT}


def _written_by(data: dict[str, Any]) -> str:
    """The zoo that wrote a manifest whose keys nobody here knows."""
    provenance = data.get("provenance")
    versions = provenance.get("versions") if isinstance(provenance, dict) else None
    version = versions.get("zoo") if isinstance(versions, dict) else None
    return f", written by zoo {shown(version, 20)}" if isinstance(version, str) else ""
