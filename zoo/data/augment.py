"""Images made a little different each time they are trained on; what is held out never is.

========  ==================================================================================
``none``  the image as it is
``crop``  a random part of 70 to 100 percent of it, little distorted (Szegedy et al. 2015)
``mild``  the same, and half of them mirrored left to right
========  ==================================================================================

Mirroring is wrong where left and right mean something: digits, writing, chest radiographs. Texts
are never changed. What an image becomes depends on seed, epoch and row alone, so that a resumed run
sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

NONE, CROP, MILD = "none", "crop", "mild"
KINDS = (NONE, CROP, MILD)
ONLY_IMAGES = "only images are changed in training"
_AREA = (0.7, 1.0)  # of the image
_RATIO = (4 / 5, 5 / 4)  # of width to height, relative to the image's own


def augmented(image: Image, kind: str, *, seed: int, epoch: int, row: int) -> Image:
    """The image as one row of one epoch sees it; of another size where a part was cut out."""
    if kind == NONE:
        return image
    draw = random.Random(f"{seed}/{epoch}/{row}")
    image = _part(image, draw)
    if kind == MILD and draw.random() < 0.5:
        from PIL.Image import Transpose

        image = image.transpose(Transpose.FLIP_LEFT_RIGHT)
    return image


def _part(image: Image, draw: random.Random) -> Image:
    area = draw.uniform(*_AREA)
    ratio = math.exp(draw.uniform(*map(math.log, _RATIO)))
    width = min(image.width, max(1, round(image.width * math.sqrt(area * ratio))))
    height = min(image.height, max(1, round(image.height * math.sqrt(area / ratio))))
    left = draw.randint(0, image.width - width)
    top = draw.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))
