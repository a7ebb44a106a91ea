"""Windows: which part of a wide range of values becomes black to white.

A radiograph or a slice of CT has twelve to sixteen bits, of which an eye and a backbone of eight
bits see a part. Centre and width are in the values' own unit, Hounsfield for CT.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import BadSetting

FILE, SPREAD, FULL = "file", "spread", "full"
_SPREAD = (0.5, 99.5)  # percentiles


@dataclass(frozen=True)
class Window:
    """Centre and width."""

    center: float
    width: float


# As radiologists use them on CT, in Hounsfield units.
NAMED = {
    "brain": Window(40, 80),
    "subdural": Window(75, 215),
    "soft-tissue": Window(40, 400),
    "mediastinum": Window(50, 350),
    "liver": Window(60, 160),
    "lung": Window(-600, 1500),
    "bone": Window(480, 2500),
}


def window_of(word: str) -> Window | str:
    """A window by name, or as ``center,width``; or one of ``file``, ``spread`` and ``full``.

    Raises:
        BadSetting: it is none of these.
    """
    if word in (FILE, SPREAD, FULL):
        return word
    if word in NAMED:
        return NAMED[word]
    center, _, width = word.partition(",")
    try:
        found = Window(float(center), float(width))
    except ValueError:
        found = Window(0, 0)
    if not (np.isfinite(found.center) and 1 <= found.width < np.inf):
        raise BadSetting(
            f"--window {word!r} is no window.",
            hint=f"Give {FILE}, {SPREAD}, {FULL}, {', '.join(NAMED)}, or CENTER,WIDTH "
            "with a width of at least 1.",
        )
    return found


def windowed(values: NDArray[np.floating], window: Window) -> NDArray[np.uint8]:
    """Values as 0 to 255, linearly within the window (DICOM PS3.3, C.11.2.1.2.1)."""
    if window.width <= 1:
        return np.where(values > window.center - 0.5, 255, 0).astype(np.uint8)
    share = (values - (window.center - 0.5)) / (window.width - 1) + 0.5
    return _bytes(share)


def spread(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    """Values as 0 to 255, from ``low`` to ``high``."""
    share = (values - low) / max(high - low, 1e-12)
    return _bytes(share)


def _bytes(share: NDArray[np.floating]) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    return found


def eight_bit(
    values: NDArray[np.floating], window: Window | str, stored: Window | None, full: Window
) -> NDArray[np.uint8]:
    """Values as 0 to 255.

    Args:
        values: of one image.
        window: what is asked for; ``file`` is the stored one, and where there is none, as
            ``spread``: from the 0.5th to the 99.5th percentile.
        stored: the window that the file recommends.
        full: all that its kind of value can hold.
    """
    if window == FILE and stored is not None:
        window = stored
    if isinstance(window, Window):
        return windowed(values, window)
    if window == FULL:
        return windowed(values, full)
    low, high = np.percentile(values, _SPREAD)
    return spread(values, float(low), float(high))
