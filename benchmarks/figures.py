"""Figures of several models as a table of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def table(
    rows: Mapping[str, Mapping[str, float]], metrics: Sequence[str], *, corner: str = ""
) -> list[str]:
    """Lines of a table with a row a model and a column a metric."""
    names = " | ".join(metric.replace("_", " ") for metric in metrics)
    return [
        f"| {corner} | {names} |" if corner else f"| | {names} |",
        "|---|" + "---|" * len(metrics),
        *(
            f"| {model} | {' | '.join(f'{found[metric]:.3f}' for metric in metrics)} |"
            for model, found in rows.items()
        ),
    ]
