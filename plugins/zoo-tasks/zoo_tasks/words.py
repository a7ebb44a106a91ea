"""Which token of a backbone begins each word of a text, however long the text is.

A text that is longer than the backbone reads at once is read in windows. Each begins a quarter of the
one before ahead of its end, and of the words that both hold, each window keeps those that lie deeper
in it, so that a word is read with what stands around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.plugin import Preprocess
from zoo_tasks.spans import words_of

KEY = "words"  # in a batch
CUT = -1  # of a word that has no token
PADDING = -2

_MOST = 2048  # words that a window is looked for in, so that a book is not tokenized anew for each
_SHARED = 4  # the part of a window that the next one has too

Word = tuple[int, int]  # where it begins and ends


class Words(Preprocess):
    """What ``inner`` gives of each window of a text, and beside it the first token of each word.

    Args:
        inner: of the backbone; it knows where its tokens stand.
        settings: of the task, which say what a word is.
    """

    reads_all = True

    def __init__(self, inner: Preprocess, settings: Mapping[str, Any]) -> None:
        self.inner = inner
        self.settings = settings

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """Tensors of all windows, told apart by their names, and ``[words, 2]``: window and token."""
        words = words_of(sample, self.settings)
        windows, first = self._windows(sample, words)
        tensors = {
            f"{at}.{name}": tensor
            for at, window in enumerate(windows)
            for name, tensor in self.inner(window).items()
        }
        return {**tensors, KEY: torch.tensor(first, dtype=torch.long).reshape(len(words), 2)}

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch with a row for each window, and ``[samples, most words, 2]``: its row and token."""
        rows: list[dict[str, Tensor]] = []
        found = []
        for sample in samples:
            found.append(sample[KEY] + torch.tensor([len(rows), 0]))
            rows += _by_window(sample)
        return {**self.inner.collate(rows), KEY: pad_sequence(found, True, PADDING)}

    def describe(self) -> dict[str, Any]:
        """As of the backbone."""
        return self.inner.describe()

    def _windows(self, text: str, words: Sequence[Word]) -> tuple[list[str], list[tuple[int, int]]]:
        """The windows of a text, and of each word its window and its first token there."""
        windows: list[str] = []
        kept: list[tuple[int, int]] = []
        begin = 0
        while not windows or len(kept) < len(words):
            window, first = self._window(text, words, begin)
            read = max((at + 1 for at, token in enumerate(first) if token > CUT), default=0)
            if windows and begin + read <= len(kept):
                if begin == len(kept):  # no word from here on has a token
                    kept += [(0, CUT)] * len(first)
                begin = len(kept)  # else one that is longer than is read stands there
                continue
            end = begin + (read or len(first))
            middle = (begin + len(kept)) // 2
            kept[middle:] = [(len(windows), token) for token in first[middle - begin : end - begin]]
            windows.append(window)
            begin = max(begin + 1, end - (end - begin) // _SHARED)
        return windows, kept

    def _window(self, text: str, words: Sequence[Word], begin: int) -> tuple[str, list[int]]:
        """What is read from a word on, and the first token there of it and of the words ahead."""
        ahead, left = words[begin : begin + _MOST], 0
        if len(ahead) < len(words):
            left = ahead[0][0]
            text = text[left : ahead[-1][1]]
        places = self.inner.places(text)
        assert places is not None  # the task has asked before
        reach = left + int(places[:, 1].max())
        return text, [
            _first(places, start - left, end - left) if start < reach else CUT
            for start, end in ahead
        ]


def _by_window(sample: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    windows: dict[str, dict[str, Tensor]] = {}
    for key, tensor in sample.items():
        at, _, name = key.partition(".")
        if key != KEY:
            windows.setdefault(at, {})[name] = tensor
    return list(windows.values())


def _first(places: Tensor, start: int, end: int) -> int:
    """The first token that holds some of these characters."""
    inside = (places[:, 0] < end) & (places[:, 1] > start)
    return int(inside.int().argmax()) if bool(inside.any()) else CUT
