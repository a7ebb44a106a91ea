"""How a frozen computation is cut into batches and laid out, where neither may change what it gives."""

import pytest
import torch
from PIL import Image
from torch import nn

from zoo.model.batches import batches
from zoo.model.inference import fastest
from zoo.plugin import Preprocess

CPU = torch.device("cpu")


class Pixels(Preprocess):
    """Any image as so many pixels of noise."""

    def __init__(self, side):
        self.side = side

    def describe(self):
        return {"side": self.side}

    def __call__(self, sample):
        return {"pixel_values": torch.rand(3, self.side, self.side)}


def sizes(side, device):
    images = [Image.new("RGB", (8, 8))] * 40
    return [len(rows) for rows, _ in batches(images, Pixels(side), 32, device=device)]


@pytest.mark.parametrize(
    ("side", "expected"), [(32, [32, 8]), (224, [8, 8, 8, 8, 8]), (512, [4] * 10)]
)
def test_large_images_are_few_at_a_time_on_a_cpu(side, expected):
    assert sizes(side, CPU) == expected


def test_elsewhere_a_batch_is_as_large_as_asked_for():
    assert sizes(224, torch.device("cuda")) == sizes(224, None) == [32, 8]


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU])
def test_a_trace_answers_as_the_network_does_for_any_number_of_rows(activation):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), activation(), nn.Conv2d(8, 8, 3), nn.Flatten(1)
    ).eval()
    example = {"pixel_values": torch.rand(5, 3, 16, 16)}
    call = lambda batch: network(batch["pixel_values"])  # noqa: E731
    quick = fastest(call, network, example, rows=1000, bf16=False)
    assert quick is not call
    for rows in (1, 5):
        batch = {"pixel_values": torch.rand(rows, 3, 16, 16)}
        with torch.inference_mode():
            torch.testing.assert_close(quick(batch), call(batch), rtol=0, atol=1e-5)
