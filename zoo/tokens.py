"""Which token goes where, and that none gets out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

DEFAULT_HUB = "https://huggingface.co"
_NAMES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_SHAPES = re.compile(
    r"(?-i:hf_)[A-Za-z0-9]{6,}|(?<=[Bb]earer )[^\s'\",]{4,}|(?<=://)[^/@\s]+@"
    r"|(?<=[?&])(?:[\w.-]*(?:signature|token|credential|key|policy)[\w.-]*)=[^\s&'\"]+",
    re.IGNORECASE,
)


def token_for(endpoint: str) -> str | bool | None:
    """What huggingface_hub's ``token=`` is to be for a hub.

    A token in ``HF_TOKEN`` was put there for the hub in use. One that a login saved belongs to the
    default hub and goes to no other.

    Args:
        endpoint: without a slash at the end.

    Returns:
        A token, ``None`` for the saved one, or ``False`` for none.
    """
    given = next(_explicit(), None)
    return given if given else None if endpoint == DEFAULT_HUB else False


def redacted(text: str) -> str:
    """``text`` without tokens, passwords and signatures, whoever put them there."""
    for secret in (*_explicit(), *_saved()):
        if len(secret) >= 4:
            text = text.replace(secret, "…")
    return _SHAPES.sub("…", text)


def _explicit() -> Iterator[str]:
    for name in _NAMES:
        token = os.environ.get(name, "").replace("\r", "").replace("\n", "").strip()
        if token:
            yield token


def _saved() -> Iterator[str]:
    """The saved token, where huggingface_hub keeps it; read without importing it."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", f"{cache}/huggingface")
    path = Path(os.path.expandvars(os.environ.get("HF_TOKEN_PATH", f"{home}/token"))).expanduser()
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return
    if token:
        yield token
