"""Which hub is spoken to, with which token: what every request to one has in common."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import ipaddress
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.utils import logging as hub_logging

import zoo
from zoo.errors import BadSetting
from zoo.hub.exchange import Answer, exchange
from zoo.tokens import DEFAULT_HUB, redacted, token_for

if TYPE_CHECKING:
    from zoo.progress import Progress

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z")
_TOKEN = re.compile(r"[!-~]+\Z")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}\Z")


@dataclass(frozen=True)
class Client:
    """A hub and how to speak to it.

    Attributes:
        endpoint: without a slash at the end.
        token: what to hand to huggingface_hub: a token, ``None`` for the saved one, ``False``
            for none.
    """

    endpoint: str
    token: str | bool | None = None

    @functools.cached_property
    def api(self) -> HfApi:
        """The client library's own interface."""
        return HfApi(
            endpoint=self.endpoint,
            token=self.token,
            library_name="zoo",
            library_version=zoo.__version__,
        )

    @property
    def is_default(self) -> bool:
        """Whether it is the Hub that everybody means."""
        return self.endpoint == DEFAULT_HUB

    @property
    def where(self) -> str:
        """``" on http://…"`` where the hub is not the default one; for messages."""
        return "" if self.is_default else f" on {shown_endpoint(self.endpoint)}"

    def entry(self, repo: str) -> str:
        """What the cache calls a repo of this hub: the same name elsewhere is another repo.

        Any hub may say any commit id, so nothing that one answers may stand for another's answer.
        """
        if self.is_default:
            return repo
        url = shown_endpoint(self.endpoint)
        host = re.sub("[^a-z0-9.]+", "-", (urlsplit(url).hostname or "").lower())[:40].strip("-.")
        return f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:8]}/{repo}"

    @property
    def has_token(self) -> bool:
        """Whether requests carry a token."""
        if self.token is None:
            return not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN and get_token() is not None
        return bool(self.token)

    @property
    def how_to_log_in(self) -> str:
        """What to do to be known: a saved token goes to the default hub only."""
        return "`hf auth login`, or set HF_TOKEN" if self.is_default else "set HF_TOKEN"

    def ask(self, path: str) -> Any:
        """What the hub answers to a GET of ``path``, as JSON; raises as the client library does."""
        return self.get(path).json()

    def get(self, path: str) -> Answer:
        """The answer to a GET of ``path``; raises as the client library does."""
        return exchange(f"{self.endpoint}{path}", self.token)


def connect(endpoint: str | None = None, progress: Progress | None = None) -> Client:
    """The hub at ``endpoint``, by default the one ``HF_ENDPOINT`` names.

    A token in ``HF_TOKEN`` is sent to it, one that a login saved only to the default hub.

    Raises:
        BadSetting: ``endpoint`` is not a URL, or ``HF_TOKEN`` no token.
    """
    url = (endpoint or constants.ENDPOINT).rstrip("/")
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadSetting(
            f"{redacted(url)!r} is not the address of a hub.",
            hint="HF_ENDPOINT is a URL such as https://huggingface.co.",
        )
    client = Client(url, token_for(url))
    if isinstance(client.token, str) and not _TOKEN.match(client.token):
        name = "HF_TOKEN" if os.environ.get("HF_TOKEN") else "HUGGING_FACE_HUB_TOKEN"
        raise BadSetting(
            f"{name} is not a token: it has letters, blanks or signs that none has.",
            hint=f"Copy it anew, or unset {name}.",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname) and progress is not None:
        fate = "and so is your HF_TOKEN" if client.token else "so the saved token is not sent"
        progress.note(f"{shown_endpoint(url)} is plain http: what is sent can be read, {fate}.")
    return client


def check_repo(repo: str) -> None:
    """Refuse what is no repo's name, look-alikes in other alphabets included.

    Raises:
        BadSetting: ``repo`` is not of the form ``owner/name``.
    """
    if not _REPO.match(repo) or ".." in repo or "--" in repo or repo.endswith((".git", ".", "-")):
        name, mark, revision = repo.partition("@")
        raise BadSetting(
            f"{repo!r} is not the name of a repo.",
            hint=f"The repo is {name}; a revision to read goes beside it, `--revision {revision}`."
            if mark and revision and _REPO.match(name)
            else "A repo is owner/name, of ASCII letters, digits, '-', '_' and '.'.",
        )


def check_revision(revision: str) -> None:
    """Refuse what is no branch's, tag's or commit's name.

    Raises:
        BadSetting: it is none.
    """
    if not _REVISION.match(revision) or ".." in revision or "//" in revision:
        raise BadSetting(
            f"{revision!r} is not the name of a branch, tag or commit.",
            hint="It has letters, digits, '.', '_', '-', '+' and '/'.",
        )


def shown_endpoint(url: str) -> str:
    """A URL without the user and password that it may carry."""
    parts = urlsplit(url)
    return url.replace(f"{parts.netloc.rpartition('@')[0]}@", "") if "@" in parts.netloc else url


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the client library's own talk off the terminal; zoo says what there is to say."""
    before = hub_logging.get_verbosity()
    hub_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        hub_logging.set_verbosity(before)


def _parts(url: str) -> SplitResult | None:
    """Of a URL; ``None`` where it cannot be taken apart."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a number that no port has is found only when it is read
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
