"""Whether two inputs are the same, byte by byte."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from zoo.data.cell import Cell
from zoo.data.rows import Input, parts


def digest(given: Input) -> bytes:
    """sha256 of an input's content: a text, a file, or a pair of them."""
    total = hashlib.sha256()
    for part in parts(given):
        value: Any = part.read() if isinstance(part, Cell) else part
        content = value.read_bytes() if isinstance(value, Path) else value
        total.update(
            content.encode(errors="surrogatepass") if isinstance(content, str) else bytes(content)
        )
        total.update(b"\0")
    return total.digest()
