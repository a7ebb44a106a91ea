"""A ranking in words."""

from __future__ import annotations

from zoo.ranking.record import Ranking


def lines(ranking: Ranking) -> list[str]:
    """What a person should know of it, beside the table."""
    best = ranking.best
    said = [f"Ranked by {ranking.ranker} on {_rows(ranking)}; spread: over halves of these rows."]
    level = [c.name for c in ranking.candidates[1:] if c.level_with(best)]
    if level:
        said.append(
            f"These rows cannot tell {best.name} from {_named(level)}"
            + ("; more rows (`--rows`) may." if ranking.rows < ranking.of else ".")
        )
    quicker = [c.name for c in ranking.pareto if c is not best]
    if quicker:
        said.append(f"Faster, and the best for their time: {_named(quicker)}.")
    return said


def _rows(ranking: Ranking) -> str:
    if ranking.rows == ranking.of:
        return f"all {ranking.of} training rows"
    return f"{ranking.rows} of {ranking.of} training rows"


def _named(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
