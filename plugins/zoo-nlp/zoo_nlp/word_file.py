"""Word vectors from a file: word2vec's binary and text forms, and GloVe's. Never a pickle.

Mikolov et al. 2013 (arXiv:1301.3781), whose tool writes a line with the number of words and their
size, then each word with its numbers, as text or as little-endian float32; Pennington et al. 2014,
whose tool writes text without that line. Both put frequent words first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import WeightsInvalid

BINARY, TEXT, GLOVE = "word2vec binary", "word2vec text", "glove"

_HEADER = re.compile(rb"(\d{1,9}) (\d{1,6})\s*\Z")
_MOST = 1_000_000  # words; what follows in a file is rarer still
_WIDEST = 8192  # numbers a word
_LONGEST_WORD = 1000  # bytes
_LINE = 1 << 20
_PACKED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bzip2", b"\x80": "pickle", b"\xfd7": "xz"}


@dataclass(frozen=True)
class WordFile:
    """What a file holds.

    Attributes:
        words: each once, in the order of the file.
        vectors: ``[words, size]``, float32.
        kind: which of the forms it has: ``BINARY``, ``TEXT`` or ``GLOVE``.
    """

    words: list[str]
    vectors: NDArray[np.float32]
    kind: str


def read_word_file(path: Path, *, most: int = _MOST) -> WordFile:
    """Read the first words of a file.

    Args:
        path: a regular file.
        most: so many words at most.

    Raises:
        WeightsInvalid: it has none of the forms, is cut off, or promises more than it holds.
    """
    with path.open("rb") as file:
        kind, count, size = _recognise(path, file)
        held = path.stat().st_size
        # Before anything is allocated: the shortest number is two bytes of text, four of binary.
        least = 4 if kind == BINARY else 2
        if not 1 <= size <= _WIDEST or count * size * least > held:
            raise _refused(path, f"it promises {count} words of {size} numbers in {held} bytes")
        rows = _packed_rows(file, size) if kind == BINARY else _written_rows(path, file, size)
        words, vectors = _collect(path, itertools.islice(rows, min(count, most)), size)
    promised = min(count, most)
    if kind != GLOVE and len(words) < promised:
        raise _refused(path, f"it promises {promised} words and holds {len(words)}")
    kept = list(dict.fromkeys(words))
    if len(kept) < len(words):
        places = {word: row for row, word in reversed(list(enumerate(words)))}
        vectors = vectors[[places[word] for word in kept]]
    return WordFile(kept, vectors, kind)


def _recognise(path: Path, file: BinaryIO) -> tuple[str, int, int]:
    """The form, the number of words (for GloVe at most so many) and their size."""
    first = file.readline(_LINE)
    packed = next((name for magic, name in _PACKED.items() if first.startswith(magic)), None)
    if packed:
        advice = "zoo reads no pickles" if packed == "pickle" else f"decompress it first ({packed})"
        raise _refused(path, advice)
    header = _HEADER.match(first)
    if header is None:
        file.seek(0)
        size = len(first.split(b" ")) - 1
        if size < 2 or _numbers(first, size) is None:
            raise _refused(path, "its first line is no word with its numbers")
        return GLOVE, path.stat().st_size // (2 * size), size
    count, size = int(header[1]), int(header[2])
    start = file.tell()
    is_text = _numbers(file.readline(_LINE), size) is not None
    file.seek(start)
    return (TEXT if is_text else BINARY), count, size


def _packed_rows(file: BinaryIO, size: int) -> Iterator[tuple[bytes, NDArray[np.float32] | None]]:
    while True:
        word = bytearray()
        while (letter := file.read(1)) not in (b" ", b""):
            word += letter
            if len(word) > _LONGEST_WORD:
                yield b"", None
        if not letter:
            return
        packed = file.read(4 * size)
        whole = len(packed) == 4 * size
        # The tool ends each vector with a new line; some others do not.
        yield bytes(word).lstrip(b"\n"), np.frombuffer(packed, "<f4") if whole else None


def _written_rows(
    path: Path, file: BinaryIO, size: int
) -> Iterator[tuple[bytes, NDArray[np.float32] | None]]:
    while line := file.readline(_LINE):
        if len(line) == _LINE:
            raise _refused(path, f"it has a line of more than {_LINE} bytes")
        if line.strip():
            # A word may hold spaces, as some of GloVe's do; numbers do not.
            yield line.rstrip().rsplit(b" ", size)[0], _numbers(line, size)


def _collect(
    path: Path, rows: Iterable[tuple[bytes, NDArray[np.float32] | None]], size: int
) -> tuple[list[str], NDArray[np.float32]]:
    words: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    for word, vector in rows:
        if vector is None or not word or len(word) > _LONGEST_WORD:
            raise _refused(path, f"entry {len(words) + 1} is no word with {size} numbers")
        if not np.isfinite(vector).all():
            raise _refused(path, f"entry {len(words) + 1} holds NaN or infinite numbers")
        words.append(word.decode("utf-8", "replace"))
        vectors.append(vector)
    if not words:
        raise _refused(path, "it holds no words")
    return words, np.stack(vectors)


def _numbers(line: bytes, size: int) -> NDArray[np.float32] | None:
    """The last ``size`` fields of a line; ``None`` where they are no numbers."""
    fields = line.rstrip().rsplit(b" ", size)
    if len(fields) != size + 1:
        return None
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            return np.array(fields[1:], dtype=np.float32)
    except ValueError:
        return None


def _refused(path: Path, reason: str) -> WeightsInvalid:
    return WeightsInvalid(
        f"{path.name} is no file of word vectors: {reason}.",
        hint="word2vec's binary and text forms and GloVe's text are read.",
    )
