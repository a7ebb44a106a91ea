"""What must not leave this machine by accident: tokens, keys, and names of places on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# What each looks like: the issuers' own prefixes, so that ordinary words are none.
_SECRETS = {
    "a private key": rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{20,}",
    "a GitHub token": rb"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{22,}",
    "a GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20,}",
    "an AWS key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google key": rb"\bAIza[0-9A-Za-z_-]{35}",
    "a Slack token": rb"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "an API key": rb"\bsk-[A-Za-z0-9_-]{32,}",
    "a PyPI token": rb"\bpypi-[A-Za-z0-9_-]{40,}",
    "an npm token": rb"\bnpm_[A-Za-z0-9]{36}",
    "a signed token": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a password in an address": rb"[a-z]://[^/\s:@\"']+:[^/\s:@\"']+@",
}
_SECRET = [(what, re.compile(pattern)) for what, pattern in _SECRETS.items()]
_PLACE = re.compile(
    rb"(?:(?<![\w/.:-])/(?:home|Users|root|tmp|mnt|scratch|private|Volumes|var/folders)/"
    rb"|[A-Za-z]:\\+Users\\+|\\\\[\w.-]+\\)[\w.-]+"
)
MAX_HEADER = 16 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing in a file that should not be published.

    Attributes:
        file: its name.
        what: e.g. ``a GitHub token``; of a secret nothing more is ever shown.
        place: the path found, where it is one.
    """

    file: str
    what: str
    place: str = ""

    def __str__(self) -> str:
        if self.place:
            return f"{self.file} names {self.place!r}, {self.what}"
        return f"{self.file} holds what looks like {self.what}"


def scan(
    files: Iterable[tuple[str, bytes]], *, secrets: Iterable[str] = (), places: Iterable[str] = ()
) -> list[Finding]:
    """Look through files that are about to be published.

    Args:
        files: names and contents; of a safetensors file its start is enough, see
            :func:`bytes_to_scan`.
        secrets: tokens known to be in use here.
        places: texts that name this machine or its user, e.g. the home directory.
    """
    known = [secret.encode() for secret in secrets if len(secret) >= 8]
    own = [place.encode() for place in places if len(place) >= 4]
    return [found for name, content in files for found in _findings(name, content, known, own)]


def bytes_to_scan(name: str, start: bytes) -> int:
    """How many bytes more of a file to read: all (``-1``), but of tensors the header alone.

    Args:
        name: of the file.
        start: its first eight bytes.
    """
    return min(int.from_bytes(start, "little"), MAX_HEADER) if name.endswith(".safetensors") else -1


def _findings(
    name: str, content: bytes, secrets: list[bytes], places: list[bytes]
) -> Iterator[Finding]:
    if any(secret in content for secret in secrets):
        yield Finding(name, "the token in use here")
    yield from (Finding(name, what) for what, pattern in _SECRET if pattern.search(content))
    local = _PLACE.search(content)
    found = local[0] if local else next((place for place in places if place in content), None)
    if found:
        yield Finding(name, "a place on somebody's machine", found.decode("utf-8", "replace")[:80])
