"""What can be read in a file: its bytes, and what its format hides from whoever looks at bytes."""

from __future__ import annotations

import html
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

_LENGTH = 8  # bytes of a safetensors file that say how long its header is
_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_MAX_TEXT = 1 << 20  # bytes of a compressed text in a picture
# As `strings` finds them: shorter ones are mostly chance.
_PRINTABLE = re.compile(rb"[\x20-\x7e]{12,}")


def readings(name: str, content: bytes) -> Iterator[bytes]:
    """The texts in a file, as those who open it will see them.

    JSON is decoded, since it can spell any letter as a number; of tensors only the header is read,
    of pictures the texts that programs put into them and what else is printable.

    Args:
        name: of the file; its ending says what it is.
        content: of a safetensors file its start is enough, see
            :func:`zoo.artifact.scan.bytes_to_scan`.
    """
    if name.endswith(".safetensors"):
        header = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
        yield from _decoded(content[_LENGTH:header])
    elif name.endswith(".json"):
        yield from _decoded(content)
    elif b"\0" in content:
        yield from _png_texts(content)
        for each in (content, content.replace(b"\0", b"")):  # the second for UTF-16
            yield b"\n".join(_PRINTABLE.findall(each))
    else:
        yield content
        yield html.unescape(content.decode("utf-8", "replace")).encode()


def _decoded(content: bytes) -> Iterator[bytes]:
    try:
        plain = json.loads(content, object_pairs_hook=_Pairs)
        lines = list(_lines(plain))
    except (ValueError, RecursionError):  # not ours to judge here; others refuse it
        yield content
        return
    yield "\n".join(lines).encode("utf-8", "replace")


class _Pairs(list[tuple[str, Any]]):
    """An object, with every key as often as it is written."""


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, _Pairs):
        for key, item in value:
            if isinstance(item, str):
                yield f"{key} = {item}"
            else:
                yield key
                yield from _lines(item)
    elif isinstance(value, list):
        for item in value:
            yield from _lines(item)


def _png_texts(content: bytes) -> Iterator[bytes]:
    """The text chunks of a PNG, also those that are compressed."""
    if not content.startswith(_PNG):
        return
    at = len(_PNG)
    while at + 8 <= len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind in _TEXTS:
            yield from _text_chunk(content[at + 8 : at + 8 + size])
        at += size + 12


def _text_chunk(body: bytes) -> Iterator[bytes]:
    yield body.replace(b"\0", b"\n")
    parts = range(body.find(b"\0") + 1, min(len(body), 300))
    for start in (at for at in parts if body[at] & 0x0F == 8):  # where zlib may begin
        try:
            yield zlib.decompressobj().decompress(body[start:], _MAX_TEXT)
            return
        except zlib.error:
            continue
