"""What the values of a column look like."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_LONGEST_LABEL = 60  # characters, on average


def are_few(values: Sequence[str]) -> bool:
    """Whether few short values come again and again, as classes do."""
    filled = [value for value in values if value.strip()]
    distinct = set(filled)
    return (
        2 <= len(distinct) <= len(filled) / 2
        and not _are_lists(distinct)
        and mean_length(filled) <= _LONGEST_LABEL
        and not _are_measured(distinct)
    )


def repeat(values: Sequence[str]) -> bool:
    """Whether some value comes twice and another is different: as little as two classes need."""
    return 2 <= len(set(values)) < len(values) and not _are_lists(values)


def are_numbers(values: Collection[str]) -> bool:
    """Whether every value that is not blank is a number."""
    return all(number(value) is not None for value in values if value.strip())


def number(value: str) -> float | None:
    """The number that a text says; ``nan`` is one, and the text of a word none."""
    try:
        return float(value)
    except ValueError:
        return None


def mean_length(values: Sequence[str]) -> float:
    """In characters."""
    return sum(map(len, values)) / max(len(values), 1)


def _are_lists(values: Collection[str]) -> bool:
    """Whether these are lists, as JSON writes them: of tags or spans, no classes."""
    return all(value.startswith("[") and value.endswith("]") for value in values)


def _are_measured(values: Collection[str]) -> bool:
    """Whether these are numbers with digits after the point: amounts, not classes."""
    return are_numbers(values) and any(not float(value).is_integer() for value in values)
