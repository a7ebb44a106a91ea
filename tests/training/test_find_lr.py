"""The learning-rate range test."""

import pytest

from tests.cli.commands import zoo as command
from zoo.errors import Incompatible
from zoo.training.find_lr import find_lr


def test_the_rate_is_below_where_the_loss_explodes_and_does_not_depend_on_luck(make_model, data):
    found = find_lr(make_model(), data, steps=60, batch_size=16)
    assert found.rates == sorted(found.rates)
    assert found.rates[0] == pytest.approx(1e-7)
    assert 1e-6 < found.suggested < found.rates[-1] / 2
    assert found.losses[-1] > 2 * min(found.losses)
    assert find_lr(make_model(), data, steps=60, batch_size=16) == found


def test_a_closed_form_has_no_rate(make_model, data):
    with pytest.raises(Incompatible, match="closed form"):
        find_lr(make_model("linear-probe"), data)


def test_the_command_prints_the_rate_draws_it_and_fits_nothing(digits, tmp_path):
    ended = command(
        "fit", digits, "--backbone", "digits", "--adapter", "lora",
        "--find-lr", tmp_path / "rates.png", "--out", tmp_path / "run",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert 0 < float(ended.out) < 1
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "run").exists()
