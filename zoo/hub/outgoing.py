"""What leaves this machine: the files of an artifact and no other, and nothing private in them."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from huggingface_hub import get_token

from zoo.artifact.files import open_regular, shown
from zoo.artifact.manifest import MANIFEST, Manifest
from zoo.errors import ArtifactError, CorruptFile, UnsafeFile
from zoo.hub.metadata import metadata

CARD = "README.md"
_ASSETS = "assets"
_ASSET = re.compile(r"assets/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(png|jpe?g|gif|svg|webp)\Z")
_TEXT = (".json", ".md", ".txt", ".svg")
_WITHOUT_PATHS = re.compile(r"(zoo\.json|README\.md|.*config\.json)\Z")
_SECRETS = re.compile(
    rb"hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|"
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_LOCAL = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)[\w.-]+")
_CHUNK = 1 << 20

LARGE = ".safetensors"
SMALL = 1 << 20  # bytes; a smaller file is read once and kept, so that it cannot change any more


@dataclass(frozen=True)
class Outgoing:
    """A file as it will be in the repo.

    Attributes:
        path: in the repo.
        source: where the bytes are, or the bytes themselves.
        size, sha256: of the bytes.
        oid: the id git would give them.
    """

    path: str
    source: Path | bytes
    size: int
    sha256: str
    oid: str

    def open(self) -> BinaryIO:
        """The bytes, from the start."""
        return (
            open_regular(self.source) if isinstance(self.source, Path) else io.BytesIO(self.source)
        )


def survey(folder: Path, manifest: Manifest) -> list[str]:
    """Paths of all files in an artifact, in order; nothing is read.

    Raises:
        UnsafeFile: a link or another thing that is no file, or a file that is no part of it.
    """
    wanted = {MANIFEST, CARD, *manifest.files}
    found = sorted(_walk(folder))
    strange = [path for path in found if path not in wanted and not _ASSET.match(path)]
    if strange:
        listed = ", ".join(map(shown, strange[:5])) + (", …" if len(strange) > 5 else "")
        raise UnsafeFile(
            f"{folder} also holds {listed}, which is no part of the artifact; nothing was pushed.",
            hint="Move it elsewhere: a push publishes the artifact's own files and no others.",
        )
    return found


def collect(folder: Path, paths: list[str], card: str) -> list[Outgoing]:
    """Hash what is to be pushed and look through its texts.

    Args:
        folder: the artifact.
        paths: what :func:`survey` found.
        card: ``README.md`` as it reads in the repo.

    Raises:
        ArtifactError: a text holds something like a token or a path of this machine, or the card's
            metadata is not YAML.
    """
    _check_card(card)
    files = [outgoing(path, folder / path) for path in paths if path != CARD]
    files.append(outgoing(CARD, card.encode()))
    for file in files:
        if file.path.endswith(_TEXT):
            _refuse_private(file)
    return sorted(files, key=lambda file: file.path)


def outgoing(path: str, source: Path | bytes) -> Outgoing:
    """Hash a file, or bytes, both as LFS and as git name it."""
    if isinstance(source, Path) and source.stat().st_size <= SMALL:
        with open_regular(source) as stream:
            source = stream.read()
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    sha256, oid, read = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size), 0
    with Outgoing(path, source, size, "", "").open() as stream:
        while chunk := stream.read(_CHUNK):
            sha256.update(chunk)
            oid.update(chunk)
            read += len(chunk)
    if read != size:
        raise changed(path)
    return Outgoing(path, source, size, sha256.hexdigest(), oid.hexdigest())


def changed(path: str) -> CorruptFile:
    """A file that somebody wrote to in the meantime."""
    return CorruptFile(
        f"{path} changed while it was being pushed; nothing was committed.",
        hint="Push again when nothing writes to it any more.",
    )


def _walk(folder: Path, prefix: str = "") -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False) and path == _ASSETS:
                yield from _walk(Path(entry.path), f"{path}/")
            elif entry.is_file(follow_symlinks=False):
                yield path
            else:
                kind = "a symbolic link" if entry.is_symlink() else "not a regular file"
                raise UnsafeFile(
                    f"{entry.path} is {kind}; nothing was pushed.",
                    hint="An artifact has regular files, and images in assets/, and nothing else.",
                )


def _check_card(card: str) -> None:
    try:
        metadata(card)
    except ValueError as err:
        raise ArtifactError(
            f"The metadata at the head of {CARD} cannot be used: {str(err).splitlines()[0]}.",
            hint=f"Mend the part of {CARD} between the lines of ---.",
        ) from err


def _refuse_private(file: Outgoing) -> None:
    with file.open() as stream:
        content = stream.read()
    token = get_token()
    if _SECRETS.search(content) or (token and token.encode() in content):
        raise UnsafeFile(
            f"{file.path} holds what looks like a token or a key; nothing was pushed.",
            hint="Take it out, and revoke it if it was real.",
        )
    if not _WITHOUT_PATHS.match(file.path):
        return
    if local := _LOCAL.search(content.decode("utf-8", errors="replace")):
        raise UnsafeFile(
            f"{file.path} names {shown(local[0])}, a place on somebody's machine; nothing was "
            "pushed.",
            hint="Take it out: it says who you are and means nothing elsewhere.",
        )
