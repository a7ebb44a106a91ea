"""The files that ``registry.toml`` is laid together from: shipped, the user's, the project's."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import RegistryInvalid


def paths() -> Iterator[Path]:
    """The files there are, later ones on top."""
    package = Path(__file__).parent
    # An editable install has the file at the root of the checkout instead.
    for shipped in (package / "registry.toml", package.parent / "registry.toml"):
        if shipped.is_file():
            yield shipped
            break
    # Unlike Path.home(), expanduser does not raise where an account has no home.
    config_home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for path in (Path(config_home, "zoo", "registry.toml"), Path(".zoo", "registry.toml")):
        if path.exists():
            yield path


def read(path: Path) -> dict[str, Any]:
    """What one file says.

    Raises:
        RegistryInvalid: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise unusable(path, str(err).splitlines()[0]) from err


def unusable(path: Path, reason: str) -> RegistryInvalid:
    """The error for a file that cannot be used."""
    return RegistryInvalid(
        f"{path} cannot be used: {reason}",
        hint=f"Mend or remove {path}; the format is described in docs/registry.md.",
    )
