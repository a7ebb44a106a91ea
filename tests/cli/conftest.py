"""One small run on real handwritten digits that all tests of commands share."""

import pytest

from tests.cli.commands import zoo
from tests.digits import write_digits

CLASSES = (5, 6, 7, 8, 9)


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """An image folder of digits 5 to 9, 20 of each, without splits."""
    return write_digits(tmp_path_factory.mktemp("data") / "digits", classes=CLASSES, per_class=20)


@pytest.fixture(scope="session")
def fitted(digits, tmp_path_factory):
    """How `zoo fit` with LoRA ended, with the run's folder."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    ended = zoo(
        "fit", digits, "--backbone", "digits", "--adapter", "lora", "--set", "rank=2",
        "--epochs", 2, "--out", out,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return ended, out


@pytest.fixture(scope="session")
def run(fitted):
    """A run directory."""
    return fitted[1]
