"""JSON as a hostile file may spell it: no duplicate keys, no NaN, nothing deep, large or half a letter."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_ITEMS = 500_000
MAX_DEPTH = 24
_MAX_DIGITS = 20  # of 64 bits
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(content: bytes, *, max_items: int = MAX_ITEMS) -> Any:
    """Parse UTF-8 JSON.

    Args:
        content: of a size that the caller has bounded.
        max_items: how many objects, arrays and members it may have, counted before any is made.

    Raises:
        ValueError: it is not JSON, repeats a key, nests too deeply, holds a number that is none or
            text that no file can hold.
    """
    if sum(content.count(mark) for mark in (b"{", b"[", b",")) > max_items:
        raise ValueError(f"more than {max_items} items")
    try:
        data = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_of_64_bits,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _require_flat(data)
    if _SURROGATE.search(content):
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError is a ValueError
    return data


def _require_flat(data: Any) -> None:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            member
            for inside in level
            if isinstance(inside, (dict, list))
            for member in (inside.values() if isinstance(inside, dict) else inside)
            if isinstance(member, (dict, list))
        ]
        if not level:
            return
    raise ValueError("nested too deeply")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _of_64_bits(text: str) -> int:
    number = int(text) if len(text) <= _MAX_DIGITS else 1 << 64
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("a number is too large")
    return number
