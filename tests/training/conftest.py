"""Real handwritten digits as a folder of images, and models small enough to train in a second."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import zoo

PER_CLASS = 30
CLASSES = (5, 6, 7, 8, 9)


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """An image folder of digits 5 to 9: classes the tiny backbone never saw."""
    root = tmp_path_factory.mktemp("digits")
    source = load_digits()
    seen = Counter()
    for image, label in zip(source.images, source.target, strict=True):
        if label in CLASSES and seen[label] < PER_CLASS:
            folder = root / str(label)
            folder.mkdir(exist_ok=True)
            pixels = (image * 255 / 16).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{seen[label]:03}.png")
            seen[label] += 1
    return root


@pytest.fixture(scope="session")
def data(digits):
    """The same, loaded and split."""
    return zoo.load_data(digits, seed=0)


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory):
    """Features of no other module: of rows that came in other batches, they differ in their last bits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def make_model(data):
    """A fresh composed model on the tiny digit backbone."""

    def make(adapter="lora", *, seed=0, labels=None, **settings):
        task = zoo.task("classification", labels=labels or data.labels)
        return zoo.compose("vision:digits", zoo.adapter(adapter, settings), task, seed=seed)

    return make
