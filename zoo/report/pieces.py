"""A text as a backbone reads it: what it takes for a token, and where it stops."""

from __future__ import annotations

from collections.abc import Iterable

_WITHIN = "·"  # between two tokens of a word
_CUT = "…"


def in_pieces(text: str, places: Iterable[tuple[int, int]]) -> str:
    """``text`` with a mark wherever a word is of several tokens, and where the rest is not read.

    Args:
        text: as it is given to the backbone.
        places: where its tokens stand, as :meth:`~zoo.model.preprocess.Preprocess.places` has it.
    """
    seen, end = "", 0
    for start, stop in places:
        if stop <= end:  # at an end, or one more byte of the same letter
            continue
        gap, token = text[end:start], text[start:stop]
        apart = gap or token[0].isspace() or not seen
        seen += gap + token if apart else _WITHIN + token
        end = stop
    return seen if not text[end:].strip() else f"{seen} {_CUT}"
