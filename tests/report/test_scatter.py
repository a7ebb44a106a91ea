"""Plots of points: they can be drawn from whatever there is, and equal ones are equal bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.report.scatter import Point, pareto_png, spaces_png


def colours(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)


BLUE, GREY = (0x2F, 0x6F, 0xAB), (0x8A, 0x8A, 0x8A)


@pytest.mark.parametrize("spread", [None, 0.1])
def test_those_on_the_front_stand_out(spread):
    front = Point("vision:a", 1.0, 0.5, spread, front=True)
    beaten = Point("timm:/x/$5 b", 2.0, 0.4, spread, front=False)
    both, alone = colours(pareto_png([front, beaten], "logme")), colours(pareto_png([front], "knn"))
    assert (both == BLUE).all(axis=1).any()
    assert (both == GREY).all(axis=1).sum() > 3 * (alone == GREY).all(axis=1).sum()


@pytest.mark.parametrize("names", [("source", "target"), ("same", "same"), ("_$5_", "$\\a$")])
def test_two_sets_are_drawn_in_two_colours_the_same_each_time(names):
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(50, 2)), draw.normal(size=(9, 2)) + 4
    sets = list(zip(names, rows, strict=True))
    one, two = (spaces_png(sets, [0.5, 0.25]) for _ in range(2))
    assert one == two
    assert len(np.unique(colours(one), axis=0)) > 50
