"""``ranking.json``: how the backbone of a run was chosen, where ``zoo rank --then-fit`` did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.report.scatter import Point

RANKING = "ranking.json"


def write_ranking(folder: Path, ranking: Mapping[str, Any]) -> None:
    """Write ``folder/ranking.json``, what :meth:`zoo.ranking.record.Ranking.plain` gives."""
    content = json.dumps(ranking, indent=2, ensure_ascii=False)
    (folder / RANKING).write_text(content + "\n", encoding="utf-8")


def read_ranking(folder: Path) -> dict[str, Any] | None:
    """That of a run; ``None`` where there is none, or it cannot be read, for it is a help only."""
    try:
        found = json.loads((folder / RANKING).read_bytes())
    except (OSError, ValueError):
        return None
    good = isinstance(found, dict) and isinstance(found.get("candidates"), list)
    return found if good and found["candidates"] else None


def points(ranking: Mapping[str, Any]) -> list[Point]:
    """Those that were timed, for the plot."""
    return [
        Point(c["name"], c["milliseconds"], c["estimate"], c["spread"], c["pareto"])
        for c in ranking["candidates"]
        if c["milliseconds"] is not None
    ]
