"""scikit-learn's handwritten digits as an image folder."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write_digits(root: Path, *, classes: Sequence[int], per_class: int) -> Path:
    """Write ``root/<class>/<number>.png``, 8 by 8 grey pixels, the first of each class."""
    source = load_digits()
    seen: Counter[int] = Counter()
    for image, label in zip(source.images, source.target, strict=True):
        if label in classes and seen[label] < per_class:
            folder = root / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = (image * 255 / 16).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{seen[label]:03}.png")
            seen[label] += 1
    return root
