"""The table of benchmarks/adaptation.py: each way of choosing held against the same trainings."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from zoo.report.adaptation import (
    LABEL_FREE,
    ORACLE,
    ORACLE_SOURCE_ONLY,
    SOURCE_ONLY,
    Candidate,
    floor_of,
    gains,
    picked,
)

HEADLINE = "accuracy"
Row = dict[str, float]  # of one pair and seed, by choice


def table(cells: Path, validators: tuple[str, ...]) -> str:
    """Markdown over all cells that are there."""
    lines = [
        "# Domain adaptation, by what chose",
        "",
        "Written by `benchmarks/adaptation.py`; accuracy on the target in percent, mean over pairs and seeds.",
        "`kept` is what a fit gives: the label-free-selected state, or source-only where the validator sees no",
        "gain. `worst` is the least gain of a pair over source-only, both chosen without labels. `runs` are the",
        "pairs and seeds there are so far.",
        "",
    ]
    found = read(cells)
    for (name, adapter), methods in sorted(found.items()):
        for validator in validators:
            lines += [f"## {name}, {adapter}, chosen by {validator}", "", *_head()]
            lines += [_line(method, rows, validator) for method, rows in sorted(methods.items())]
            lines.append("")
    return "\n".join(lines)


def read(cells: Path) -> dict[tuple[str, str], dict[str, dict[tuple[str, str], Any]]]:
    """By set and adapter, by method, by pair and seed: source-only's candidates and the method's."""
    found: dict[Any, Any] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(cells.glob("*.json")):
        name, adapter, pair, method, seed = path.stem.split("--")
        plain = path.with_name(f"{name}--{adapter}--{pair}--{SOURCE_ONLY}--{seed}.json")
        if method == SOURCE_ONLY or not plain.exists():
            continue
        cells = [json.loads(each.read_text(encoding="utf-8")) for each in (plain, path)]
        tried = [each for cell in cells for each in cell["candidates"]]
        found[name, adapter][method][pair, seed] = (tried, cells[0]["rows"])
    return found


def chosen(tried: list[dict[str, Any]], rows: dict[str, int], validator: str) -> Row:
    """The accuracy of each choice, in percent; ``rows`` are the source's by split, the target's, and classes."""
    candidates = [Candidate.model_validate(each) for each in tried]
    for candidate in candidates:
        for state in candidate.states:
            state.score = state.others.get(validator, state.score)
    floor = floor_of(
        candidates,
        validation=rows["val"],
        training=rows["train"],
        target=rows["target"],
        classes=rows["classes"],
    )
    picks = picked(candidates, HEADLINE, floor)
    row = {name: 100 * pick.state.metrics[HEADLINE] for name, pick in picks.items()}
    row["kept"] = row[LABEL_FREE if gains(candidates, picks, floor) else SOURCE_ONLY]
    return row


def _head() -> list[str]:
    return [
        "| alignment | pairs | runs | source-only | oracle source-only | oracle | label-free | kept | worst |",
        "|---|---|---|---|---|---|---|---|---|",
    ]


def _line(method: str, rows: dict[tuple[str, str], Any], validator: str) -> str:
    found = {key: chosen(*cell, validator) for key, cell in rows.items()}
    pairs = sorted({pair for pair, _ in found})
    gained = [
        statistics.fmean(
            row["kept"] - row[SOURCE_ONLY] for (p, _), row in found.items() if p == pair
        )
        for pair in pairs
    ]
    columns = (SOURCE_ONLY, ORACLE_SOURCE_ONLY, ORACLE, LABEL_FREE, "kept")
    shown = [_spread([row[name] for row in found.values()]) for name in columns]
    counts = f"{len(pairs)} | {len(found)}"
    return f"| {method} | {counts} | {' | '.join(shown)} | {min(gained):+.1f} |"


def _spread(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.1f} ± {spread:.1f}"
