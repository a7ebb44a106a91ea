"""One file of one commit, into the cache: continued where it broke off, and hashed as it comes.

The client library starts anew in each process and compares lengths only, so zoo fetches the bytes
itself, into the same cache. hf_xet stays out of it: it needs a second service, waits minutes for
one, and stops at no limit.
"""

from __future__ import annotations

import hashlib
import queue
import re
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

from zoo.artifact.files import check_file
from zoo.errors import ArtifactError, CorruptFile
from zoo.hub import cache, exchange
from zoo.hub.client import Client
from zoo.hub.locate import Expired, Located, locate, opened, require_size
from zoo.hub.translate import told
from zoo.progress import Advance

_STEP = 1 << 16  # bytes that count as getting on
_READ = 1 << 20
_NO_SUCH_RANGE = 416
_RANGE = re.compile(r"bytes (\d+)-")


def download(
    client: Client,
    repo: str,
    commit: str,
    name: str,
    *,
    size: int,
    sha256: str,
    advance: Advance = lambda _: None,
    again: bool = False,
) -> Path:
    """Have a file as it is in ``commit``; other processes that want it wait and fetch nothing.

    Args:
        client: the hub.
        repo: ``owner/name``.
        commit: a full commit id.
        name: the file's path in the repo.
        size, sha256: of the bytes that it must have.
        advance: told of bytes as they come.
        again: also if it is here.

    Raises:
        CorruptFile: the hub has other bytes; none of them is kept.
        HubError: the hub does not have it, or does not answer; what came is kept.
    """
    entry = client.entry(repo)
    with told(client, repo, commit, name), cache.locked(entry, sha256):
        if again:
            _forget(entry, sha256)
        blob = cache.blob(entry, sha256)
        if not _is_whole(blob, size, sha256):
            part = cache.partial(entry, sha256)
            try:
                _Transfer(client, repo, commit, name, size, sha256, part, advance).run()
                part.replace(blob)
            except BaseException as err:
                if not _may_go_on(part, err):
                    part.unlink(missing_ok=True)
                raise
        return cache.link(entry, commit, name, sha256)


class _Transfer:
    """Bytes on their way into a file, over as many connections as it takes."""

    def __init__(
        self,
        client: Client,
        repo: str,
        commit: str,
        name: str,
        size: int,
        sha256: str,
        path: Path,
        advance: Advance,
    ) -> None:
        self._client, self._repo, self._commit, self._name = client, repo, commit, name
        self._size, self._sha256, self._path = size, sha256, path
        self._advance = advance
        self._what = f"{repo}: {name}"
        self._got = 0

    def run(self) -> None:
        """Fetch what is missing; give up after some attempts in a row that bring nothing.

        Raises:
            CorruptFile: all bytes are there, and they are others.
        """
        try:
            self._require(self._fetched())
        except ArtifactError:
            self._advance(-self._got)  # whoever asks again starts with nothing
            raise

    def _fetched(self) -> str:
        """Have all bytes in the file; their digest."""
        with self._path.open("ab+") as stream:
            digest = _Digest()
            try:
                self._resume(stream, digest)
                self._fetch(stream, digest)
            finally:
                found = digest.end()
        return found

    def _require(self, found: str) -> None:
        if found != self._sha256:
            raise CorruptFile(
                f"{self._what} arrived with sha256 {found[:12]}…; the manifest lists "
                f"{self._sha256[:12]}….",
                hint="Tell the owner of the repo, or pull another revision.",
            )

    def _resume(self, stream: BinaryIO, digest: _Digest) -> None:
        stream.seek(0)
        while chunk := stream.read(_READ):
            digest.update(chunk)
            self._got += len(chunk)
        self._advance(self._got)
        if self._got > self._size:
            self._restart(stream, digest)

    def _restart(self, stream: BinaryIO, digest: _Digest) -> None:
        stream.truncate(0)
        digest.restart()
        self._advance(-self._got)
        self._got = 0

    def _fetch(self, stream: BinaryIO, digest: _Digest) -> None:
        fruitless = 0
        renewed = False  # once for bytes that do not come
        while self._got < self._size:
            before = self._got
            try:
                located = locate(self._client, self._repo, self._commit, self._name)
                require_size(located, self._what, self._size)
                self._receive(located, stream, digest)
            except Exception as err:
                got_on = self._got >= before + _STEP
                fruitless = 0 if got_on else fruitless + 1
                renewed = renewed and not got_on
                if _status(err) == _NO_SUCH_RANGE:
                    self._restart(stream, digest)
                if isinstance(err, Expired) and not renewed:
                    renewed = True
                    continue
                wait = 0.0 if _status(err) == _NO_SUCH_RANGE else _wait(err, max(fruitless, 1))
                if wait is None or fruitless >= exchange.ATTEMPTS:
                    raise
                time.sleep(wait)

    def _receive(self, located: Located, stream: BinaryIO, digest: _Digest) -> None:
        with opened(self._client, located, self._got) as response:
            if self._got and not self._continues(response):
                self._restart(stream, digest)
            for piece in exchange.paced(response.iter_raw()):
                self._got += len(piece)
                if self._got > self._size:
                    raise self._endless()
                stream.write(piece)
                digest.update(piece)
                self._advance(len(piece))
        stream.flush()
        if self._got < self._size:
            raise CorruptFile(
                f"{self._what} ends after {self._got} bytes; the manifest lists {self._size}.",
                hint="Tell the owner of the repo, or pull another revision.",
            )

    def _endless(self) -> CorruptFile:
        return CorruptFile(
            f"{self._what} does not end after the {self._size} bytes it may have; nothing was kept.",
            hint="The repo or the hub is not to be trusted.",
        )

    def _continues(self, response: Any) -> bool:
        first = _RANGE.match(response.headers.get("Content-Range") or "")
        return response.status_code == 206 and first is not None and int(first[1]) == self._got


class _Digest:
    """A sha256 that is computed beside the work that brings the bytes."""

    _IN_HAND = 64  # pieces

    def __init__(self) -> None:
        self._total = hashlib.sha256()
        self._pieces: queue.Queue[bytes | None] = queue.Queue(self._IN_HAND)
        self._thread = threading.Thread(target=self._work, name="zoo-digest", daemon=True)
        self._thread.start()

    def update(self, piece: bytes) -> None:
        """More bytes."""
        self._pieces.put(piece)

    def restart(self) -> None:
        """As if there had been none."""
        self._pieces.put(b"")

    def end(self) -> str:
        """The digest of all of them."""
        self._pieces.put(None)
        self._thread.join()
        return self._total.hexdigest()

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if piece:
                self._total.update(piece)
            else:
                self._total = hashlib.sha256()


def _wait(err: BaseException, attempt: int) -> float | None:
    if isinstance(err, (HTTPError, HfHubHTTPError)):
        return exchange.wait_for(err, attempt)
    return None


def _status(err: BaseException) -> int | None:
    return err.response.status_code if isinstance(err, HfHubHTTPError) else None


def _is_whole(blob: Path, size: int, sha256: str) -> bool:
    try:
        check_file(blob, size=size, sha256=sha256)
    except ArtifactError:
        return False
    return True


def _may_go_on(part: Path, err: BaseException) -> bool:
    """Whether what came is of use to the next attempt: not where it is wrong, or the disk is full."""
    if isinstance(err, ArtifactError) or (isinstance(err, OSError) and err.errno is not None):
        return False
    return part.exists() and part.stat().st_size > 0


def _forget(entry: str, sha256: str) -> None:
    for path in (cache.blob(entry, sha256), cache.partial(entry, sha256)):
        path.unlink(missing_ok=True)
