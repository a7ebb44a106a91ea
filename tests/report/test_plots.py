"""Plots are PNGs of a sensible size, whatever the classes are called."""

import io
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from tests.report.runs import metrics
from zoo.report.plots import confusion_png, curves_png
from zoo.report.record import Confusion


def confusion(classes, label="class {}"):
    counts = np.eye(classes, dtype=int) * 10
    return Confusion(
        split="test", labels=[label.format(n) for n in range(classes)], counts=counts.tolist()
    )


def opened(png):
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image


@pytest.mark.parametrize("classes", [2, 20, 21, 200])
def test_a_confusion_matrix_fits_a_page_with_any_number_of_classes(classes):
    width, height = opened(confusion_png(confusion(classes))).size
    assert 300 < width < 1400
    assert 300 < height < 1400


def test_the_diagonal_is_dark_and_the_rest_is_light():
    image = np.asarray(opened(confusion_png(confusion(2))).convert("L"))
    dark = np.argwhere(image < 80)
    middle = dark[:, 0].mean()
    upper, lower = dark[dark[:, 0] < middle], dark[dark[:, 0] >= middle]
    assert np.median(upper[:, 1]) < np.median(lower[:, 1])


@pytest.mark.parametrize("label", ["$x {} \\frac", "日本 {}", "\x1b[2J{}", "x" * 500 + "{}"])
def test_no_class_name_breaks_the_plot_or_warns(label):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(confusion_png(confusion(3, label)))


def test_equal_figures_are_equal_bytes():
    assert confusion_png(confusion(4)) == confusion_png(confusion(4))
    assert confusion_png(confusion(4)) != confusion_png(confusion(5))


def test_a_class_without_rows_is_drawn_without_a_division_by_zero():
    empty = confusion(3)
    empty.counts[1] = [0, 0, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(confusion_png(empty))


def test_curves_start_before_training_and_need_no_training_loss_there():
    history = [{"epoch": 0, "val": metrics(0.5)}]
    history += [{"epoch": n, "train_loss": 1 / n, "val": metrics(0.6)} for n in (1, 2)]
    image = opened(curves_png(history, "accuracy"))
    assert image.width > image.height


def test_the_global_state_of_matplotlib_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    confusion_png(confusion(2))
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_the_same_epochs_are_drawn_once_whatever_the_order_of_keys():
    lines = [{"epoch": at, "train_loss": 1.0, "val": {"a": 1.0, "b": 2.0}} for at in range(2)]
    again = [{"val": {"b": 2.0, "a": 1.0}, "train_loss": 1.0, "epoch": at} for at in range(2)]
    assert curves_png(lines, "a", "b") is curves_png(again, "a", "b")
