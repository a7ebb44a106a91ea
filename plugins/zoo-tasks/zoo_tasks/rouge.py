"""ROUGE (Lin 2004, aclanthology W04-1013): words and their order that two texts share, as F1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")


def rouge(answers: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """``rouge1``, ``rouge2`` and ``rougeL``, means over texts, from 0 to 100; words are not stemmed."""
    pairs = [(_words(a), _words(w)) for a, w in zip(answers, wanted, strict=True)]
    found = {
        "rouge1": [_shared(a, w, 1) for a, w in pairs],
        "rouge2": [_shared(a, w, 2) for a, w in pairs],
        "rougeL": [_f1(_longest(a, w), len(a), len(w)) for a, w in pairs],
    }
    return {name: 100 * sum(each) / max(1, len(each)) for name, each in found.items()}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _shared(one: Sequence[str], other: Sequence[str], size: int) -> float:
    """F1 of runs of so many words."""
    runs = [
        Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
        for words in (one, other)
    ]
    return _f1((runs[0] & runs[1]).total(), runs[0].total(), runs[1].total())


def _longest(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest subsequence that both have."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for at, another in enumerate(other, start=1):
            before, row[at] = row[at], before + 1 if word == another else max(row[at], row[at - 1])
    return row[-1]


def _f1(shared: int, first: int, second: int) -> float:
    return 2 * shared / (first + second) if shared else 0.0
