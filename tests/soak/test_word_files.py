"""Thousands of spoilt files of word vectors: each is read or refused, none is anything else."""

import struct
from pathlib import Path

import numpy as np
import pytest
from zoo_nlp.word_file import read_word_file

from zoo.errors import WeightsInvalid

pytestmark = pytest.mark.soak

BINARY = b"3 2\n" + b"".join(w + struct.pack("<2f", 1, -2) + b"\n" for w in (b"a ", b"bc ", b"d "))
WHOLE = {
    "binary": BINARY,
    "text": b"3 2\na 1 -2\nbc 0.5 1e-3\nd 3 4\n",
    "glove": b"a 1 -2 3\nbc 0.5 1e-3 7\n. . 3 4 5\n",
}


@pytest.mark.parametrize("form", WHOLE)
def test_a_spoilt_file_is_read_or_refused(tmp_path: Path, form: str) -> None:
    drawn = np.random.default_rng(0)
    path = tmp_path / "words"
    outcomes = {"read": 0, "refused": 0}
    for _ in range(4000):
        content = bytearray(WHOLE[form])
        for _ in range(int(drawn.integers(1, 4))):
            kind, place = int(drawn.integers(3)), int(drawn.integers(len(content)))
            if kind == 0:
                content[place] = int(drawn.integers(256))
            elif kind == 1:
                del content[place : place + int(drawn.integers(1, 6))]
            else:
                content[place:place] = drawn.bytes(int(drawn.integers(1, 6)))
            content = content or bytearray(b"x")
        path.write_bytes(content)
        try:
            read = read_word_file(path)
        except WeightsInvalid:
            outcomes["refused"] += 1
        else:
            assert len(read.words) == len(set(read.words)) == len(read.vectors)
            assert np.isfinite(read.vectors).all()
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100
