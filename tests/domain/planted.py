"""Handwritten digits, and the ways in which a second set of them can differ."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from sklearn.datasets import load_digits

from zoo.domain.sides import Side

Change = Callable[[Image.Image, int], Image.Image]
SIDE = 32


def images(seed: int, parts: int = 2) -> list[list[tuple[Image.Image, int]]]:
    """The digits, enlarged and labelled, dealt out at random."""
    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))
    rows = [
        (
            Image.fromarray((found.images[at] * 255 / 16).astype(np.uint8)).resize((SIDE, SIDE)),
            label,
        )
        for at, label in zip(order, found.target[order].tolist(), strict=True)
    ]
    return [rows[each::parts] for each in range(parts)]


def same(image: Image.Image, label: int) -> Image.Image:
    return image


def rotated(degrees: float, only: Sequence[int] = range(10)) -> Change:
    return lambda image, label: image.rotate(degrees) if label in only else image


def blurred(radius: float) -> Change:
    return lambda image, label: image.filter(ImageFilter.GaussianBlur(radius))


def inverted(image: Image.Image, label: int) -> Image.Image:
    return ImageOps.invert(image)


def dimmed(image: Image.Image, label: int) -> Image.Image:
    return image.point(lambda value: value * 0.6)


def noisy(image: Image.Image, label: int) -> Image.Image:
    draw = np.random.default_rng(image.tobytes()[0] + label)
    pixels = np.asarray(image, float) + draw.normal(0, 90, (SIDE, SIDE))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def moved(image: Image.Image, label: int) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, 8, 0, 1, 0))


def side(
    name: str,
    rows: Sequence[tuple[Image.Image, int]],
    folder,
    *,
    change: Change = same,
    shares: Sequence[float] | None = None,
    count: int = 240,
    labelled: bool = True,
) -> Side:
    """A set of ``count`` images written to ``folder``, with the shares of classes that are asked."""
    if shares is not None:
        wanted = [round(share * count) for share in shares]
        by_class = [[row for row in rows if row[1] == label] for label in range(10)]
        rows = [row for of, number in zip(by_class, wanted, strict=True) for row in of[:number]]
    else:
        rows = rows[:count]
    (folder / name).mkdir(parents=True)
    paths = []
    for number, (image, label) in enumerate(rows):
        path = folder / name / f"{number:04}-{label}.png"
        change(image, label).save(path)
        paths.append(path)
    return Side(name, paths, "image", [str(label) for _, label in rows] if labelled else None)
