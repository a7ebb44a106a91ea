"""Digits as they are, and other digits that another scanner gave: darker, upside up, on grey."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import zoo

CLASSES = (5, 6, 7, 8, 9)


def write(root, *, first, count, classes=CLASSES, other=False):
    """``root/<class>/<number>.png``: of each class ``count`` images, the ``first`` ones left out."""
    source = load_digits()
    for label in classes:
        folder = root / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        images = source.images[source.target == label][first : first + count]
        for number, image in enumerate(images):
            pixels = image * 255 / 16
            if other:
                pixels = 90 + 0.4 * pixels
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03}.png")
    return root


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """Forty of each class."""
    return write(tmp_path_factory.mktemp("source") / "white", first=0, count=40)


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    """Thirty others of each class, from the other scanner."""
    return write(tmp_path_factory.mktemp("target") / "grey", first=40, count=30, other=True)


@pytest.fixture(scope="session")
def data(source):
    """The source, loaded and split."""
    return zoo.load_data(source, seed=0)


@pytest.fixture
def make_model(data):
    """A fresh model on the tiny digit backbone."""

    def make(adapter="bottleneck", settings=None, labels=None):
        task = zoo.task("classification", labels=labels or data.labels)
        return zoo.compose("vision:digits", zoo.adapter(adapter, settings or {}), task)

    return make
