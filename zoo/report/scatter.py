"""Plots of points: what backbones cost and promise, and two data sets in one feature space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.report.plots import BLUE, GREY, ORANGE, canvas, png, short

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST = 2000  # points of each set; more hide each other


@dataclass(frozen=True)
class Point:
    """One backbone: its name, its time, its estimate with the spread, and whether none beats it."""

    name: str
    milliseconds: float
    estimate: float
    spread: float | None
    front: bool


def pareto_png(points: Sequence[Point], ranker: str) -> bytes:
    """Estimate against the time of one input; those that none beats in both are named and joined."""
    figure, (axes,) = canvas(7.5, 4.6)
    for points_, colour in (
        ([p for p in points if not p.front], GREY),
        ([p for p in points if p.front], BLUE),
    ):
        axes.errorbar(
            [p.milliseconds for p in points_],
            [p.estimate for p in points_],
            yerr=[p.spread or 0 for p in points_],
            fmt="o",
            color=colour,
            markersize=5,
            elinewidth=1,
        )
    front = sorted((p for p in points if p.front), key=lambda p: p.milliseconds)
    times, estimates = [p.milliseconds for p in front], [p.estimate for p in front]
    axes.step(times, estimates, where="post", color=BLUE, linewidth=1)
    for point in points:
        axes.annotate(
            short(point.name.rpartition("/")[2]),  # the end of a path tells it from others
            (point.milliseconds, point.estimate),
            textcoords="offset points",
            xytext=(5, 5),
            size=8,
            color="black" if point.front else GREY,
            parse_math=False,
        )
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds for one input, on this machine")
    axes.set_ylabel(f"{ranker}, with its spread")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    return png(figure)


def spaces_png(
    sets: Sequence[tuple[str, NDArray[np.float64]]], explained: Sequence[float]
) -> bytes:
    """Two sets of points ``[rows, 2]`` in one plane.

    Args:
        sets: with their names; the first is drawn below the other.
        explained: shares of the variance that the two axes hold.
    """
    figure, (axes,) = canvas(6.0, 5.0)
    for (_, rows), colour in zip(sets, (BLUE, ORANGE), strict=True):
        few = rows[:_MOST]
        axes.scatter(few[:, 0], few[:, 1], s=10, alpha=0.5, color=colour, linewidths=0)
    for axis, share, number in ((axes.xaxis, explained[0], 1), (axes.yaxis, explained[1], 2)):
        axis.set_label_text(f"component {number}, {share:.0%} of the variance")
    # Given apart from the points: of a label that begins with _ matplotlib makes no entry.
    legend = axes.legend(axes.collections, [short(name) for name, _ in sets], frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    axes.spines[["top", "right"]].set_visible(False)
    return png(figure)
