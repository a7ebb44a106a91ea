"""A seeded, stratified split that keeps every class in training and equal inputs together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from zoo.data.rows import Row

_Groups = dict[str, list[list[int]]]


def carve(
    rows: Sequence[Row],
    fraction: float,
    seed: int,
    stratum: Callable[[str], str] = lambda label: label,
) -> tuple[list[Row], list[Row]]:
    """Split ``rows`` into what stays and what is carved off, each in its old order.

    Which rows are carved depends on their contents and the seed alone, so neither the order of
    files nor a few more rows reshuffle everything. Rows of one stratum with equal contents stay on
    one side, so that no copy of a test input is trained on.

    Args:
        rows: with digests.
        fraction: share of all rows to carve off, in [0, 1).
        seed: another seed, another split.
        stratum: of a label; by default each label is one.
    """
    groups = _groups(rows, seed, stratum)
    wanted = _allot({label: sum(map(len, g)) for label, g in groups.items()}, fraction, seed)
    carved: set[int] = set()
    for label, members in groups.items():
        room = wanted[label]
        for group in members[:-1]:  # the last group always stays: every class is trained on
            if len(group) <= room:
                carved.update(group)
                room -= len(group)
    stays = [row for i, row in enumerate(rows) if i not in carved]
    return stays, [rows[i] for i in sorted(carved)]


def _groups(rows: Sequence[Row], seed: int, stratum: Callable[[str], str]) -> _Groups:
    """Indices of equal rows, by stratum, in an order drawn by ``seed``."""
    by_content: dict[str, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(rows):
        by_content[stratum(row.label)][row.digest].append(i)
    return {
        label: [found[digest] for digest in sorted(found, key=lambda d: _drawn(seed, d))]
        for label, found in by_content.items()
    }


def _allot(counts: Mapping[str, int], fraction: float, seed: int) -> dict[str, int]:
    """How many rows each class gives: its share, rounded so that the total is right.

    None gives its last row, so the total may fall short where classes are tiny.
    """
    total = round(sum(counts.values()) * fraction)
    if fraction > 0:
        total = max(total, 1)
    shares = {label: count * fraction for label, count in counts.items()}
    allotted = {label: min(int(share), counts[label] - 1) for label, share in shares.items()}
    by_remainder = sorted(
        counts,
        key=lambda label: (
            allotted[label] - shares[label],
            _drawn(seed, label.encode(errors="surrogatepass")),
        ),
    )
    lacking = total - sum(allotted.values())
    able = [label for label in by_remainder if allotted[label] < counts[label] - 1]
    return allotted | {label: allotted[label] + 1 for label in able[: max(lacking, 0)]}


def _drawn(seed: int, content: bytes) -> bytes:
    return hashlib.sha256(str(seed).encode() + b"\0" + content).digest()
