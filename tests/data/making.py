"""Small data on disk: pictures, image folders, tables."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """A colour picture of its own for each seed."""
    rows = np.random.default_rng(seed).integers(0, 256, (size[1] // 4, size[0] // 4, 3), "uint8")
    return Image.fromarray(rows).resize(size)


def jpeg(seed: int, size: tuple[int, int] = (24, 16)) -> bytes:
    """The bytes of a JPEG file."""
    return encoded(picture(seed, size), "JPEG")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of an image file."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def image_folder(root: Path, classes: Mapping[str, int], seed: int = 0) -> Path:
    """``root/<class>/<n>.jpg``, all pictures different."""
    for label, count in classes.items():
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            (root / label / f"{number}.jpg").write_bytes(jpeg(seed))
    return root


def csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """A comma-separated table."""
    lines = [",".join(row) for row in (columns, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Rows of different texts with two labels in turn."""
    return [(f"a sentence about number {seed + i}", ["bad", "good"][i % 2]) for i in range(count)]
