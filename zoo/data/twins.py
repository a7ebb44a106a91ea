"""Inputs that occur twice or nearly so: across splits they are leaks, with two labels contradictions."""

from __future__ import annotations

import functools
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.data import looks
from zoo.data.cell import value_of
from zoo.data.labelling import cells
from zoo.data.rows import Row, parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARED = 10_000  # rows of a split at most, evenly spaced, that near twins are looked for among
_CORRELATION = 0.99  # of the sketches of two images that are nearly the same
_JACCARD = 0.8  # of the shingles of two texts that are
_SHINGLE = 3  # words
_WORDS = 400  # of a text that are compared
_BANDS, _ROWS = 8, 4  # of a minhash; finds 98 of 100 pairs with that Jaccard similarity
_PRIME = (1 << 31) - 1
_CANDIDATES = 20  # that one text is compared with

Rows = Mapping[str, Sequence[Row]]
Pair = tuple[Row, Row]


def notes(rows: Rows, modality: str) -> list[str]:
    """Lines about leaks, contradictions and repetitions; none where there are none.

    Args:
        rows: by role, with digests; those of images with sketches.
        modality: of the inputs.
    """
    return [*_leaks(rows, modality), *_contradictions(rows), *_repetitions(rows)]


def evenly(rows: Sequence[Row]) -> list[Row]:
    """As many of the rows as are compared, evenly spaced."""
    count = min(COMPARED, len(rows))
    return [rows[i * len(rows) // count] for i in range(count)]


def _leaks(rows: Rows, modality: str) -> Iterator[str]:
    """Held-out inputs that training, or the choice of the best state, also sees."""
    seen = list(rows["train"])
    for role, sees in (("val", "train"), ("test", "train or val" if rows.get("val") else "train")):
        held_out = list(rows.get(role, ()))
        first = {row.digest: row for row in reversed(seen)}
        same = [(row, first[row.digest]) for row in held_out if row.digest in first]
        if same:
            yield f"{len(same)} of {len(held_out)} {role} inputs also occur in {sees}{_such(same)}"
        others = [row for row in held_out if row.digest not in first]
        near = _near(evenly(others), evenly(seen), modality)
        if near:
            few = len(others) > COMPARED or len(seen) > COMPARED
            among = f"; {COMPARED} rows of each were compared" if few else ""
            yield (
                f"{len(near)} of {len(held_out)} {role} inputs are nearly the same as one in "
                f"{sees}{among}{_such(near)}"
            )
        seen += held_out


def _contradictions(rows: Rows) -> Iterator[str]:
    """Inputs that have two labels; where a label is of several cells, two of one cell."""
    first: dict[tuple[bytes, str], tuple[Row, str]] = {}
    found: dict[bytes, tuple[Pair, str]] = {}
    for several in rows.values():
        for row in several:
            for name, label in _given(row.label):
                other, known = first.setdefault((row.digest, name), (row, label))
                if known != label:
                    labels = f"{name} {known!r} and {label!r}".lstrip()
                    found.setdefault(row.digest, ((other, row), labels))
    if found:
        pair, labels = next(iter(found.values()))
        inputs = "input occurs" if len(found) == 1 else "inputs occur"
        yield f"{len(found)} {inputs} with different labels, e.g. {labels}: {_and(pair)}"


def _given(label: str) -> Iterator[tuple[str, str]]:
    """Names and values of the cells that are not blank, those of several tasks by task and column."""
    for name, cell in cells(label).items():
        if name and cell.startswith("{"):
            yield from ((f"{name}.{inner}".rstrip("."), value) for inner, value in _given(cell))
        elif cell or not name:
            yield name, cell


def _repetitions(rows: Rows) -> Iterator[str]:
    for role, several in rows.items():
        first: dict[tuple[bytes, str], Row] = {}
        again = [
            (row, first[row.digest, row.label])
            for row in several
            if first.setdefault((row.digest, row.label), row) is not row
        ]
        if again:
            verb = "repeats" if len(again) == 1 else "repeat"
            yield f"{len(again)} of {len(several)} {role} rows {verb} another{_such(again)}"


def _such(pairs: Sequence[Pair]) -> str:
    return f", e.g. {_and(pairs[0])}"


def _and(pair: Pair) -> str:
    return f"{pair[0].place} and {pair[1].place}"


def _near(held_out: Sequence[Row], seen: Sequence[Row], modality: str) -> list[Pair]:
    """Rows of ``held_out`` with a near twin in ``seen``."""
    if modality == "image":
        return _near_images(held_out, seen)
    return _near_texts(held_out, seen) if modality == "text" else []


def _near_images(held_out: Sequence[Row], seen: Sequence[Row]) -> list[Pair]:
    ours = [row for row in held_out if row.sketch]
    theirs = [row for row in seen if row.sketch]
    if not ours or not theirs:
        return []
    known, found = looks.greys([row.sketch for row in theirs]), []
    for start in range(0, len(ours), 500):
        some = ours[start : start + 500]
        greys = looks.greys([row.sketch for row in some])
        alike = (greys @ known.T).clip(min=looks.mirrored(greys) @ known.T)
        best = alike.argmax(axis=1)
        found += [
            (row, theirs[best[i]])
            for i, row in enumerate(some)
            if alike[i, best[i]] >= _CORRELATION
        ]
    return found


def _near_texts(held_out: Sequence[Row], seen: Sequence[Row]) -> list[Pair]:
    known = [_shingles(row) for row in seen]
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index, shingles in enumerate(known):
        for key in _bands(shingles):
            buckets[key].append(index)
    found = []
    for row in held_out:
        shingles = _shingles(row)
        candidates = dict.fromkeys(
            index for key in _bands(shingles) for index in buckets.get(key, ())[:_CANDIDATES]
        )
        for index in candidates:
            if len(shingles & known[index]) >= _JACCARD * len(shingles | known[index]):
                found.append((row, seen[index]))
                break
    return found


def _shingles(row: Row) -> frozenset[int]:
    """Hashes of each few words in a row, whatever their case and punctuation."""
    text = " ".join(str(value_of(part)) for part in parts(row.input)).casefold()
    words = re.findall(r"\w+", text[: _WORDS * 20])[:_WORDS] or [text.strip()]
    last = max(len(words) - _SHINGLE, 0)
    return frozenset(
        zlib.crc32(" ".join(words[i : i + _SHINGLE]).encode(errors="surrogatepass"))
        for i in range(last + 1)
    )


def _bands(shingles: frozenset[int]) -> list[tuple[int, bytes]]:
    """Keys that texts with many shingles in common are likely to share (Broder 1997)."""
    import numpy as np

    scale, shift = _permutations()
    values = np.fromiter(shingles, np.uint64, len(shingles)) % _PRIME
    least = ((values[:, None] * scale + shift) % _PRIME).min(axis=0).astype(np.uint32)
    return [(i, least[i * _ROWS : (i + 1) * _ROWS].tobytes()) for i in range(_BANDS)]


@functools.cache
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    import numpy as np

    drawn = np.random.default_rng(0).integers(1, _PRIME, (2, _BANDS * _ROWS), dtype=np.uint64)
    return drawn[0], drawn[1]
