"""Images are opened once for the backbones that see them alike, and anew for all others."""

import numpy as np
import pytest
import torch

from tests.digits import write_digits
from zoo.data.contract import InputContract
from zoo.data.samples import Samples
from zoo.errors import ZooError
from zoo.model import Preprocess
from zoo.ranking.features import Opened

GREY = InputContract(modality="image", channels=1)


class Scaled(Preprocess):
    """Says what it is told to, whatever it does."""

    def __init__(self, factor=1.0, told="plain"):
        self.factor, self.told = factor, told

    def __call__(self, sample):
        return {"pixels": self.factor * torch.from_numpy(np.array(sample)).float()}

    def describe(self):
        return {"told": self.told}


@pytest.fixture
def inputs(tmp_path):
    return sorted(write_digits(tmp_path, classes=(1, 2), per_class=4).rglob("*.png"))


def seen(opened, inputs, preprocess, contract=GREY):
    """All rows, as a backbone with this preprocessing is given them."""
    ready = opened.ready(Samples(inputs, contract), preprocess)
    return torch.stack([ready[at]["pixels"] for at in range(len(inputs))])


def test_the_second_of_two_alike_needs_no_file(inputs):
    opened = Opened()
    first = seen(opened, inputs, Scaled())
    for path in inputs[4:]:
        path.unlink()
    assert torch.equal(seen(opened, inputs, Scaled()), first)


def test_to_say_that_it_is_the_same_is_not_enough(inputs):
    opened = Opened()
    first = seen(opened, inputs, Scaled())
    assert torch.equal(seen(opened, inputs, Scaled(2.0)), 2 * first)


@pytest.mark.parametrize(
    "other", [{"preprocess": Scaled(told="other")}, {"contract": InputContract(modality="image")}]
)
def test_one_that_takes_them_otherwise_opens_them_itself(inputs, other):
    opened = Opened()
    seen(opened, inputs, Scaled())
    inputs[-1].unlink()
    with pytest.raises(ZooError):
        seen(opened, inputs, **{"preprocess": Scaled(), **other})


def test_other_inputs_are_opened(inputs):
    opened = Opened()
    first = seen(opened, inputs, Scaled())
    assert torch.equal(seen(opened, inputs[::-1], Scaled()), first.flip(0))


def test_no_more_is_kept_than_there_is_room_for(inputs):
    opened = Opened(keep_bytes=4 * 8 * 8 * 4)
    seen(opened, inputs, Scaled())
    inputs[-1].unlink()
    with pytest.raises(ZooError):
        seen(opened, inputs, Scaled())
