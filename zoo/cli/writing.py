"""Single files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import OutputExists, WriteFailed


def require_free(path: Path, *, overwrite: bool) -> None:
    """Refuse to lose what is there.

    Raises:
        OutputExists: ``path`` exists, and is a directory or ``overwrite`` was not given.
    """
    if path.is_dir():
        raise OutputExists(f"{path} is a directory.", hint="Give the name of a file.")
    if path.exists() and not overwrite:
        raise OutputExists(f"{path} exists.", hint="Choose another name, or add `--overwrite`.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes ``path`` when the block ends and vanishes if it raises.

    Raises:
        WriteFailed: the disk is full or the place cannot be written; nothing was changed.
    """
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as aside:
            # Libraries choose a format by the suffix, so the name stays.
            partial = Path(aside, path.name)
            yield partial
            os.replace(partial, path)
    except OSError as err:
        reason = err.strerror or str(err)
        raise WriteFailed(
            f"{path} could not be written: {reason}.", hint="Nothing was changed."
        ) from err
