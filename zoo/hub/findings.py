"""Nothing private goes out: what a push would publish, searched for what belongs to this machine."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import get_token

from zoo.artifact.scan import scan
from zoo.errors import UnsafeFile

_A_NAME = 8  # a user's or a machine's name of fewer letters is an ordinary word
_A_HOME = 6  # so is a home directory: /root


def refuse_private(texts: Iterable[tuple[str, bytes]], *, repo: str) -> None:
    """Refuse what looks like a token, a key, or a place on a machine.

    Args:
        texts: names and contents, see :func:`zoo.artifact.scan.scan`.
        repo: where they go; its owner's name is public already.

    Raises:
        UnsafeFile: something was found; all of it is listed, of secrets only the kind.
    """
    token = get_token()
    findings = scan(texts, secrets=[token] if token else [], places=_own(repo.partition("/")[0]))
    if findings:
        listed = "; ".join(map(str, findings[:5])) + ("; …" if len(findings) > 5 else "")
        raise UnsafeFile(
            f"{listed}; nothing was pushed.",
            hint="Take it out, and revoke it if it was a real token or key; or send it as it is "
            "with `--allow-findings`.",
        )


def _own(owner: str) -> list[str]:
    """What this machine, its user and the user's folder are called."""
    home, node = str(Path.home()), platform.node()
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run as a user without a name
        user = ""
    names = {user, node, node.partition(".")[0]} - {owner, "localhost"}
    found = [name for name in names if len(name) >= _A_NAME]
    if user and node:
        found.append(f"{user}@{node}")
    return found + ([home] if len(home) >= _A_HOME else [])
