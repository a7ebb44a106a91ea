"""zoo-parallel: the rules for every adapter, and what holds for this one."""

from typing import ClassVar

import pytest
import torch
from zoo_parallel.layers import BesideConv, BesideLinear, fits

import zoo
import zoo.plugin
from zoo.testing import AdapterKit


class TestParallel(AdapterKit):
    """Each rule of the kit is a test, on every tiny backbone that is installed."""

    adapter = "parallel"


class TestInTheLastBlocks(AdapterKit):
    """And so with settings."""

    adapter = "parallel"
    settings: ClassVar = {"last_blocks": 2, "width": 4}


def test_it_is_listed(zoo_host) -> None:
    record = zoo_host.add("zoo_parallel.hooks", name="parallel")
    assert (record.status, record.provides) == ("ok", ["parallel"])


def test_at_first_nothing_changes() -> None:
    conv, linear = torch.nn.Conv2d(4, 3, 3, padding=1, stride=2), torch.nn.Linear(4, 3)
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(BesideConv(conv)(x), conv(x))
    assert torch.equal(BesideLinear(linear, 2)(x[..., 0, 0]), linear(x[..., 0, 0]))


@pytest.mark.parametrize(
    ("layer", "possible"),
    [
        (torch.nn.Conv2d(4, 4, 3, padding=1), True),
        (torch.nn.Conv2d(4, 4, 1), True),
        (torch.nn.Conv2d(4, 4, 3), False),  # the middle of its input is elsewhere
        (torch.nn.Conv2d(4, 4, 4, stride=4), False),
        (torch.nn.Conv2d(4, 4, 3, padding=1, groups=4), False),
        (torch.nn.Linear(4, 4), True),
        (torch.nn.LayerNorm(4), False),
    ],
)
def test_it_stands_only_beside_what_sees_the_same_places(layer, possible) -> None:
    assert fits(layer) is possible


def test_settings_are_bounded() -> None:
    with pytest.raises(zoo.plugin.BadSetting, match="at least 1"):
        zoo.adapter("parallel", {"width": 0})
