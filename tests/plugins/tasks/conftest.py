"""Handwritten digits as a table of paths, to which each test adds the targets it is about."""

import csv
from pathlib import Path

import pytest

from tests.digits import write_digits

CLASSES = tuple(range(10))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Paths of pictures and the digit that each shows."""
    root = write_digits(tmp_path_factory.mktemp("tasks") / "digits", classes=CLASSES, per_class=20)
    return [(path, int(path.parent.name)) for path in sorted(root.rglob("*.png"))]


@pytest.fixture
def write(tmp_path, pictures):
    """Write a table of the pictures with the targets that a function of the digit gives."""

    def written(targets, name="data.csv", rows=None) -> Path:
        path = tmp_path / name
        with path.open("w", newline="") as file:
            lines = [
                {"image": picture, **targets(digit, at)}
                for at, (picture, digit) in enumerate(rows or pictures)
            ]
            writer = csv.DictWriter(file, lines[0])
            writer.writeheader()
            writer.writerows(lines)
        return path

    return written
