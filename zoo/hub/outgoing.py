"""What leaves this machine: the files of an artifact and no other, and nothing private in them."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from zoo.artifact.files import open_regular, shown
from zoo.artifact.manifest import MANIFEST, ON_WINDOWS, Manifest, parse_manifest
from zoo.artifact.scan import bytes_to_scan
from zoo.artifact.signing import SIGNATURE
from zoo.errors import CorruptFile, UnsafeFile
from zoo.hub.card_check import CARD, check_card
from zoo.hub.findings import refuse_private

_ASSETS = "assets"
_ASSET = re.compile(r"assets/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(png|jpe?g|gif|svg|webp)\Z")
_CHUNK = 1 << 20
_LENGTH = 8  # bytes of a safetensors file that say how long its header is

LARGE = ".safetensors"
# Bytes. Hubs take smaller files inside the commit; they are read once and kept, so that they
# cannot change any more.
SMALL = 10 << 20


@dataclass(frozen=True)
class Outgoing:
    """A file as it will be in the repo.

    Attributes:
        path: in the repo.
        source: where the bytes are, or the bytes themselves.
        size, sha256: of the bytes.
        oid: the id git would give them.
        origin: the file that they are from, if they are from one.
        stamp: what told its state when it was hashed.
    """

    path: str
    source: Path | bytes
    size: int
    sha256: str
    oid: str
    origin: Path | None = None
    stamp: tuple[int, ...] = ()

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
    wanted = {MANIFEST, CARD, SIGNATURE, *manifest.files}
    found = sorted(_walk(folder))
    strange = [path for path in found if path not in wanted and not _ASSET.match(path)]
    if strange:
        listed = ", ".join(map(shown, strange[:5])) + (", …" if len(strange) > 5 else "")
        raise UnsafeFile(
            f"{folder} also holds {listed}, which is no part of the artifact; nothing was pushed.",
            hint="Move it elsewhere: a push publishes the artifact's own files and no others.",
        )
    _require_everywhere(folder, found)
    return found


def _require_everywhere(folder: Path, paths: list[str]) -> None:
    """Refuse names that not every file system can hold side by side."""
    seen: dict[str, str] = {}
    for path in paths:
        if ON_WINDOWS.match(path.rpartition("/")[2]):
            raise UnsafeFile(
                f"{folder} holds {shown(path)}, a name that Windows reserves; nothing was pushed.",
                hint="Rename it.",
            )
        twin = seen.setdefault(path.lower(), path)
        if twin != path:
            raise UnsafeFile(
                f"{folder} holds {shown(twin)} and {shown(path)}, which many file systems take for "
                "one; nothing was pushed.",
                hint="Rename one of them.",
            )


def collect(
    folder: Path,
    paths: list[str],
    manifest: Manifest,
    card: str,
    *,
    repo: str,
    allow_findings: bool = False,
) -> list[Outgoing]:
    """Hash what is to be pushed and look through its texts.

    Args:
        folder: the artifact.
        paths: what :func:`survey` found.
        manifest: the artifact's, by which its files were checked.
        card: ``README.md`` as it reads in the repo.
        repo: ``owner/name``.
        allow_findings: send what looks like a token or a path as well.

    Raises:
        ArtifactError: a file holds something like a token or a path of this machine, or the card
            contradicts the manifest.
        CorruptFile: a file changed since it was checked.
    """
    check_card(card, manifest)
    files = [outgoing(path, folder / path) for path in paths if path != CARD]
    _require_same(files, manifest)
    files.append(outgoing(CARD, card.encode()))
    if not allow_findings:
        refuse_private(((file.path, _text_of(file)) for file in files), repo=repo)
    return sorted(files, key=lambda file: file.path)


def _require_same(files: Iterable[Outgoing], manifest: Manifest) -> None:
    for file in files:
        listed = manifest.files.get(file.path)
        if listed is not None and listed.sha256 != file.sha256:
            raise changed(file.path)
        if file.path == MANIFEST:
            with file.open() as stream:
                if parse_manifest(stream.read(), MANIFEST) != manifest:
                    raise changed(MANIFEST)


def outgoing(path: str, source: Path | bytes) -> Outgoing:
    """Hash a file, or bytes, both as LFS and as git name it."""
    origin = source if isinstance(source, Path) else None
    stamp = _stamp(origin)
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
    return Outgoing(path, source, size, sha256.hexdigest(), oid.hexdigest(), origin, stamp)


def require_unchanged(files: Iterable[Outgoing]) -> None:
    """Compare files with what they were when they were hashed: size, time, and which file it is.

    Raises:
        CorruptFile: somebody wrote to one, or put another in its place.
    """
    for file in files:
        if _stamp(file.origin) != file.stamp:
            raise changed(file.path)


def _stamp(path: Path | None) -> tuple[int, ...]:
    if path is None:
        return ()
    try:
        found = path.lstat()
    except OSError:
        return (-1,)
    return found.st_size, found.st_mtime_ns, found.st_ino


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


def _text_of(file: Outgoing) -> bytes:
    """What is searched of a file: all of it, of tensors the header."""
    with file.open() as stream:
        start = stream.read(_LENGTH)
        return start + stream.read(bytes_to_scan(file.path, start))
