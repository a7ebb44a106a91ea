"""Plots of what a run found out about itself: calibration, learning curve, predicted numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.report.comparison import words
from zoo.report.evidence import LearningCurve, Reliability, Scatter
from zoo.report.plots import BLUE, GREY, ORANGE, canvas, drawn_once, png, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@drawn_once
def reliability_png(found: Reliability) -> bytes:
    """Share of right answers by confidence; on the diagonal confidence can be believed."""
    figure, (axes,) = canvas(4.6, 4.2)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as it should be")
    most = max(b.count for b in found.bins)
    for each in found.bins:
        low, high = sorted((each.confidence, each.right))
        axes.vlines(each.confidence, low, high, color=ORANGE, linewidth=2, alpha=0.6)
    axes.scatter(
        [b.confidence for b in found.bins],
        [b.right for b in found.bins],
        s=[16 + 144 * b.count / most for b in found.bins],
        color=BLUE,
        zorder=3,
        label=f"{found.of}, larger is more",
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("confidence" if found.of == "answers" else "predicted probability")
    axes.set_ylabel("share that is right" if found.of == "answers" else "share that is there")
    axes.set_title(f"expected calibration error {found.error:.3f}", size=10)
    _tidy(axes)
    axes.legend(frameon=False, loc="upper left", fontsize=8)
    return png(figure)


@drawn_once
def learning_curve_png(found: LearningCurve) -> bytes:
    """The metric by rows, and what twice as many would bring, with its 80%."""
    figure, (axes,) = canvas(5.4, 3.6)
    rows = [p.rows for p in found.points]
    values = [p.value for p in found.points]
    axes.errorbar(
        rows,
        values,
        yerr=[p.spread for p in found.points],
        color=BLUE,
        marker="o",
        label="measured",
    )
    last, ahead = found.points[-1], found.ahead
    axes.plot([last.rows, ahead.rows], [last.value, ahead.value], color=ORANGE, linestyle="--")
    axes.errorbar(
        [ahead.rows],
        [ahead.value],
        yerr=[[ahead.value - found.low], [found.high - ahead.value]],
        color=ORANGE,
        marker="o",
        capsize=4,
        label="extrapolated, 80%",
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks([*rows, ahead.rows], [str(each) for each in (*rows, ahead.rows)])
    axes.minorticks_off()
    axes.set_xlabel("training rows")
    axes.set_ylabel(f"{words(found.metric)} on {found.split}")
    _tidy(axes)
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    return png(figure)


@drawn_once
def numbers_png(found: Scatter) -> bytes:
    """Predicted against true numbers of one output; on the diagonal they are the same."""
    figure, (axes,) = canvas(4.6, 4.2)
    both = [*found.true, *found.predicted]
    ends = [min(both), max(both)]
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
    axes.scatter(found.true, found.predicted, s=14, alpha=0.6, color=BLUE, linewidths=0)
    axes.set_xlabel(f"true {short(found.output)}", parse_math=False)
    axes.set_ylabel(f"predicted {short(found.output)}", parse_math=False)
    _tidy(axes)
    return png(figure)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
