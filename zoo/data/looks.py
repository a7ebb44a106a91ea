"""What one image tells while it is read anyway: what is odd about it, and a sketch to compare.

A sketch is the image in 16 x 16 pixels of colour. Two images are nearly the same where their
sketches in grey, one of them mirrored or not, correlate by 0.99: so do an image and its copy that was
scaled, compressed again, made lighter or mirrored, and hardly ever two radiographs (0.97) or two photos of one scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.data import images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

SIDE = 16
_ORIENTATION = 0x0112  # in EXIF
_GREY = (0.299, 0.587, 0.114)

TURNED, CONSTANT, DARK = "turned", "constant", "dark"
TO_ONE, TO_255 = "float to 1", "float to 255"


@dataclass(frozen=True)
class Look:
    """What a look at an image gave.

    Attributes:
        violation: of the input contract, or ``None``.
        oddities: any of the constants above.
        sketch: ``SIDE * SIDE * 3`` bytes, where one was asked for.
    """

    violation: str | None
    oddities: tuple[str, ...] = ()
    sketch: bytes = b""


def look_at(content: bytes, *, convert: bool, sketched: bool) -> Look:
    """Look at the bytes of an image.

    Raises:
        Exception: whatever Pillow raises for a file that does not decode.
    """
    found, image = images.glance(content, convert=convert)
    if found:
        return Look(found)
    oddities = [TURNED] * (image.getexif().get(_ORIENTATION, 1) in range(2, 9))
    if image.mode == "F":
        oddities.append(TO_ONE if _highest(_extrema(image)) <= 1 else TO_255)
    plain = images.plain(image)
    extrema = _extrema(plain)
    constant = all(low == high for low, high in extrema)
    if constant:
        oddities.append(CONSTANT)
    elif _highest(extrema) <= 1:
        oddities.append(DARK)
    return Look(None, tuple(oddities), _sketch(plain) if sketched and not constant else b"")


def greys(sketches: Sequence[bytes]) -> NDArray[np.float32]:
    """Sketches in grey, ``[n, SIDE * SIDE]``, so that products of rows are correlations."""
    import numpy as np

    rows = pixels(sketches) @ np.array(_GREY, np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    normed: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)
    return normed


def mirrored(greys: NDArray[np.float32]) -> NDArray[np.float32]:
    """What :func:`greys` gives of the same images with left and right exchanged."""
    return greys.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(greys.shape)


def pixels(sketches: Sequence[bytes]) -> NDArray[np.float32]:
    """Sketches as ``[n, SIDE * SIDE, 3]``."""
    import numpy as np

    flat = np.frombuffer(b"".join(sketches), np.uint8)
    return flat.reshape(len(sketches), SIDE * SIDE, 3).astype(np.float32)


def _sketch(image: Image) -> bytes:
    from PIL.Image import Resampling

    return image.convert("RGB").resize((SIDE, SIDE), Resampling.BILINEAR).tobytes()


def _highest(extrema: Sequence[tuple[float, float]]) -> float:
    return max(high for _, high in extrema)


def _extrema(image: Image) -> list[tuple[float, float]]:
    """Lowest and highest value of each channel."""
    found: Any = image.getextrema()
    return [*found] if isinstance(found[0], tuple) else [found]
