"""The quick dropout: as many zeros as asked for, the same mean, and none where torch has none."""

import pytest
import torch
from torch import nn
from zoo_peft.dropout import Dropout, quicken

from tests.adapters.matrix import composed
from zoo.model import load_backbone


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_drops_the_share_asked_for_and_keeps_the_mean(rate, dtype):
    torch.manual_seed(0)
    found = Dropout(rate)(torch.ones(301, 333, dtype=dtype))
    assert found.dtype == dtype
    assert abs(float((found == 0).float().mean()) - rate) < 0.01
    kept = found[found != 0].float()
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=1e-2)


def test_draws_differ_and_a_seed_repeats_them():
    layer, ones = Dropout(0.5), torch.ones(7, 9)
    torch.manual_seed(1)
    first, second = layer(ones), layer(ones)
    torch.manual_seed(1)
    assert torch.equal(layer(ones), first)
    assert not torch.equal(first, second)


def test_gradients_pass_where_values_do():
    x = torch.ones(50, 5, requires_grad=True)
    found = Dropout(0.3)(x)
    found.sum().backward()
    assert torch.equal(x.grad, found.detach())


def test_a_byte_a_value_is_remembered_for_the_backward_pass():
    x, remembered = torch.ones(50, 5, requires_grad=True), []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: remembered.append(t.nbytes), int):
        Dropout(0.3)(x)
    assert remembered == [50 * 5]


def test_without_training_or_rate_nothing_is_dropped():
    x = torch.randn(4, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()


def test_only_the_methods_own_dropouts_are_exchanged():
    base = nn.Sequential(nn.Dropout(0.2))
    layer = nn.Module()
    layer.base_layer, layer.lora_dropout = base, nn.ModuleDict({"default": nn.Dropout(0.1)})
    quicken(layer)
    assert type(base[0]) is nn.Dropout
    assert isinstance(layer.lora_dropout["default"], Dropout)
    assert layer.lora_dropout["default"].p == 0.1
    model = composed("lora", load_backbone("vision:digits"), dropout=0.2)
    assert any(isinstance(module, Dropout) for module in model.modules())
