"""Plots as PNG bytes, drawn with matplotlib's object API: no display, no global state."""

from __future__ import annotations

import functools
import io
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

from zoo.report.comparison import words
from zoo.report.record import Confusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 144
_NAMED = 40  # classes beyond which names on the axes could not be read
_NUMBERED = 20  # classes beyond which numbers in the cells could not be read
_LABEL = 24  # characters of a class name on an axis
BLUE, ORANGE, GREY, _INK = "#2f6fab", "#c8611c", "#8a8a8a", "#222222"


Given = ParamSpec("Given")


def drawn_once(draw: Callable[Given, bytes]) -> Callable[Given, bytes]:
    """Keep the last drawing: an artifact's card and the run's report show the same one."""
    kept: dict[str, bytes] = {}

    @functools.wraps(draw)
    def drawn(*args: Given.args, **kwargs: Given.kwargs) -> bytes:
        # Sorted: what was read from a file has its keys in another order.
        of = json.dumps((args, kwargs), sort_keys=True, default=repr)
        if of not in kept:
            content = draw(*args, **kwargs)
            kept.clear()
            kept[of] = content
        return kept[of]

    return drawn


@drawn_once
def confusion_png(confusion: Confusion) -> bytes:
    """The confusion matrix: rows are true classes, the shade is the share of the row.

    Up to 20 classes the counts stand in the cells; up to 40 the axes carry names, beyond that
    positions.
    """
    import numpy as np

    labels, counts = confusion.labels, np.asarray(confusion.counts, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = len(labels)
    side = min(7.0, 3.0 + 0.4 * classes)
    figure, (axes,) = canvas(side + 0.8, side)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="share of the true class")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if classes <= _NAMED:
        _name_classes(axes, [short(label) for label in labels])
    if classes <= _NUMBERED:
        for (row, column), count in np.ndenumerate(counts):
            ink = "white" if shares[row, column] > 0.55 else _INK
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=ink, size=9)
    return png(figure)


@drawn_once
def curves_png(
    history: Sequence[Mapping[str, Any]], headline: str, monitor: str = "log_loss"
) -> bytes:
    """Loss by epoch, in training and validation, and beside it the headline metric.

    Args:
        history: the lines of ``metrics.jsonl``; epoch 0 is the state before training.
        headline: the validation metric to draw.
        monitor: the one beside the training loss.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (left, right) = canvas(9.0, 3.2, columns=2)
    _line(left, [(h["epoch"], h.get("train_loss")) for h in history], "training", ORANGE)
    _line(left, _validation(history, monitor), "validation", BLUE)
    left.set_ylabel("loss")
    left.legend(frameon=False)
    _line(right, _validation(history, headline), "validation", BLUE)
    right.set_ylabel(f"{words(headline)} on validation")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    return png(figure)


def rates_png(rates: Sequence[float], losses: Sequence[float], suggested: float) -> bytes:
    """Smoothed loss against the learning rate of a range test, and the rate to begin with."""
    figure, (axes,) = canvas(6.0, 3.6)
    axes.plot(rates, losses, color=BLUE)
    axes.axvline(suggested, color=ORANGE, linewidth=1, label=f"suggested: {suggested:g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return png(figure)


def _validation(
    history: Sequence[Mapping[str, Any]], metric: str
) -> list[tuple[int, float | None]]:
    return [(line["epoch"], line.get("val", {}).get(metric)) for line in history]


def _line(axes: Axes, points: Sequence[tuple[int, float | None]], label: str, colour: str) -> None:
    known = [(epoch, value) for epoch, value in points if value is not None]
    if not known:
        return
    marker = "o" if len(known) < 30 else None
    axes.plot(
        [epoch for epoch, _ in known],
        [value for _, value in known],
        label=label,
        color=colour,
        marker=marker,
        markersize=4,
    )


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    at = range(len(names))
    # Without parse_math=False a class called "$5" would be read as a formula.
    look: dict[str, Any] = {"size": 9 if len(names) <= _NUMBERED else 6, "parse_math": False}
    axes.set_yticks(at, names, **look)
    if max(map(len, names)) > 3:
        look |= {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(at, names, **look)


def short(label: str) -> str:
    """A name as a plot has room for it."""
    line = "".join(character if character.isprintable() else " " for character in label)
    return line if len(line) <= _LABEL else line[: _LABEL - 1] + "…"


def canvas(width: float, height: float, *, columns: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """An empty figure of so many inches, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(1, columns, at + 1) for at in range(columns)]


def png(figure: Figure) -> bytes:
    """A figure as a file; equal figures are equal bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A class name in a script that the font lacks is drawn as boxes; that is no news to anyone.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # No version in the file, so that equal figures are equal bytes.
        figure.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue()
