"""What must not leave this machine by accident: tokens, keys, and names of places on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zoo.artifact.readings import readings

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
}
# What only a text says: among the bytes of a picture these would be found by chance.
_VALUE = rb"(?![^\s\"'`]*[(\[{<$*]|your|my[_-]|none\b|null\b|true\b|false\b|os\.)[^\s\"'`,;&|]"
_SAID = {
    "a password in an address": rb"[a-z]://[^/\s:@\"']+:[^/\s:@\"']+@",
    "a password": rb"(?i)(?:\b|_)(?:pass(?:word|wd|phrase)|pwd|secret[_-]?(?:access[_-]?)?key"
    rb"|(?:api|account)[_-]?key|client[_-]?secret|(?:access|auth|api)[_-]?token)\b[\"'`]?[ \t]*"
    # After a colon a sentence may follow: only what no word looks like is one there.
    rb"(?:=[ \t]*[\"'`]?(?=[^\s,]*[a-z])" + _VALUE + rb"{6,}"
    rb"|:[ \t]*[\"'`]?(?=[^\s,]*[a-z])(?=[^\s,]*\d)" + _VALUE + rb"{6,})",
}
_SECRET = [(what, re.compile(pattern)) for what, pattern in _SECRETS.items()]
_SECRET_SAID = [(what, re.compile(pattern)) for what, pattern in _SAID.items()]
_ROOTS = (
    "home Users root tmp mnt scratch private Volumes var/folders data gpfs lustre opt workspace srv "
    "nfs media work storage fsx dbfs content kaggle"
)
_PLACE = re.compile(
    rb"(?:(?<![\w/.-])/(?:%s)/"
    rb"|\bfile:/{1,3}"
    rb"|(?<!\w)[A-Za-z]:\\+(?:[\w.-]+\\+)*"
    rb"|(?<!\w)[A-Za-z]:/(?:[\w.-]+/)*"
    rb"|\\\\[\w.-]+\\|(?<![\w.@-])(?!git@)[a-z_][\w-]*@[\w.-]+:[~/]+)[\w.-]+"
    % "|".join(_ROOTS.split()).encode()
)
# A vocabulary, or a signature, may spell what looks like a path.
_NO_PROSE = re.compile(r"(?:tokenizer\.json|vocab.*|merges.*|.*\.sig)\Z")
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
    """Look through files that are about to be published, and through their names.

    Args:
        files: names and contents; of a safetensors file its start is enough, see
            :func:`bytes_to_scan`.
        secrets: tokens known to be in use here.
        places: texts that name this machine or its user, e.g. the home directory; found where
            they stand as whole words.
    """
    known = [secret.encode() for secret in secrets if len(secret) >= 8]
    own = [
        re.compile(
            (rb"(?<![\w./-])" if place[0] == "/" else rb"(?<![\w-])")
            + re.escape(place.encode())
            + rb"(?![\w-])"
        )
        for place in places
        if len(place) >= 4
    ]
    return [found for name, content in files for found in _findings(name, content, known, own)]


def bytes_to_scan(name: str, start: bytes) -> int:
    """How many bytes more of a file to read: all (``-1``), but of tensors the header alone.

    Args:
        name: of the file.
        start: its first eight bytes.
    """
    return min(int.from_bytes(start, "little"), MAX_HEADER) if name.endswith(".safetensors") else -1


def _findings(
    name: str, content: bytes, secrets: list[bytes], places: list[re.Pattern[bytes]]
) -> Iterator[Finding]:
    texts = [name.encode(), *readings(name, content)]
    everything = [content, *texts]
    if any(secret in text for secret in secrets for text in everything):
        yield Finding(name, "the token in use here")
    for patterns, where in ((_SECRET, everything), (_SECRET_SAID, texts)):
        for what, pattern in patterns:
            if any(pattern.search(text) for text in where):
                yield Finding(name, what)
    if _NO_PROSE.match(name):
        return
    found = next((f for p in (_PLACE, *places) for text in texts if (f := p.search(text))), None)
    if found:
        place = found[0].decode("utf-8", "replace")[:80]
        yield Finding(name, "a place on somebody's machine", place)
