"""What a file that is no UTF-8 seems to be."""

from __future__ import annotations

import codecs
from pathlib import Path

from zoo.errors import UnreadableFiles


def not_utf8(path: Path, err: UnicodeDecodeError) -> UnreadableFiles:
    """The error of a file that does not decode, with the command that turns it into UTF-8."""
    with path.open("rb") as file:
        marked = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return UnreadableFiles(
        f"{path} is not UTF-8 text: byte 0x{err.object[err.start]:02x}.",
        hint=f"Save it as UTF-8, e.g. `iconv -f {'utf-16' if marked else 'latin1'} -t utf-8`.",
    )
