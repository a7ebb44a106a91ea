"""Real images that are on every machine: scikit-learn's handwritten digits, as a folder of PNGs.

1,797 digits written by 43 people, 8 x 8 pixels each (UCI "Optical Recognition of Handwritten
Digits"). The backbone ``vision:digits`` has seen 0 to 4 only; here are 5 to 9, few of each.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

CLASSES = (5, 6, 7, 8, 9)
PER_CLASS = {"train": 10, "val": 10, "test": 60}


def write_folder(root: Path, *, seed: int = 0) -> None:
    """Write ``root/<split>/<class>/<number>.png``, grey, 8 bit."""
    images, labels = load_digits(return_X_y=True)
    chance = np.random.default_rng(seed)
    for digit in CLASSES:
        rows = iter(chance.permutation(np.flatnonzero(labels == digit)))
        for split, count in PER_CLASS.items():
            folder = root / split / str(digit)
            folder.mkdir(parents=True)
            for _ in range(count):
                row = next(rows)
                pixels = (images[row].reshape(8, 8) * (255 / 16)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{row:04}.png")
