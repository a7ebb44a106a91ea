"""Large linear layers come to the same by oneDNN, forward and backward, and small ones stay with torch."""

import contextlib

import pytest
import torch
from torch.nn.functional import linear

from zoo.model import products
from zoo.model.products import quick_products

LARGE = (32, 197, 192)


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """Where this processor has oneDNN's kernels; what is asked of them."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(products, "_is_faster", lambda: True)
    asked, computed = [], products._computed
    monkeypatch.setattr(
        products, "_computed", lambda *each: (asked.append(each), computed(*each))[1]
    )
    return asked


def passes(shape, outputs, *, bias=True, quick, frozen=False):
    """Output and gradients of a layer; twice the gradient's norm has a gradient too."""
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(shape, generator=draw).requires_grad_()
    weight = torch.randn(outputs, shape[-1], generator=draw).requires_grad_(not frozen)
    added = torch.randn(outputs, generator=draw).requires_grad_() if bias else None
    with quick_products() if quick else contextlib.nullcontext():
        out = linear(rows, weight, added)
        (out.sin() * out).sum().backward()
    return [out, rows.grad, weight.grad, *([added.grad] if bias else [])]


@pytest.mark.parametrize("shape", [(6304, 192), LARGE, (4, 8, 197, 192)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_output_and_gradients_are_those_of_torch(shape, bias, counted):
    plain = passes(shape, 96, bias=bias, quick=False)
    assert not counted
    quick = passes(shape, 96, bias=bias, quick=True)
    assert len(counted) == 3
    for one, other in zip(plain, quick, strict=True):
        assert (one - other).abs().max() <= 1e-5 * one.abs().max()
        assert one.stride() == other.stride()


def test_a_frozen_layer_keeps_no_rows_and_has_no_gradient(counted):
    quick = passes(LARGE, 96, quick=True, frozen=True)
    assert quick[2] is None
    assert len(counted) == 2


def test_gradients_of_gradients_are_those_of_torch():
    def curvature(context):
        rows = torch.linspace(-1, 1, 256 * 192).reshape(256, 192).requires_grad_()
        weight = torch.linspace(-1, 1, 192 * 192).reshape(192, 192).requires_grad_()
        with context:
            (slope,) = torch.autograd.grad(
                linear(rows, weight).sin().sum(), rows, create_graph=True
            )
            slope.square().sum().backward()
        return weight.grad

    plain, quick = curvature(contextlib.nullcontext()), curvature(quick_products())
    assert (plain - quick).abs().max() <= 1e-4 * plain.abs().max()


@pytest.mark.parametrize("bias", [None, torch.ones(96)])
@pytest.mark.parametrize("frozen", [True, False])
def test_what_comes_out_may_be_written_into(bias, frozen, counted):
    """As methods of PEFT do that add to a layer's output in place."""
    rows, weight = torch.randn(LARGE), torch.randn(96, 192, requires_grad=True)
    scale = torch.ones(96, requires_grad=True)
    with quick_products():
        with torch.set_grad_enabled(not frozen):
            found = linear(rows, weight, bias)
        found += scale
        found.sum().backward()
    assert counted
    assert scale.grad is not None
    assert (weight.grad is None) == frozen


def test_a_layer_written_as_a_product_and_a_sum_counts_too(counted):
    rows, weight, bias = torch.randn(2048, 192), torch.randn(192, 96), torch.randn(96)
    with quick_products():
        found = torch.addmm(bias, rows, weight)
    assert len(counted) == 1
    torch.testing.assert_close(found, torch.addmm(bias, rows, weight), rtol=1e-4, atol=1e-4)


def test_columns_of_a_larger_tensor_are_taken_as_they_lie(counted):
    rows, weight = torch.randn(32, 192, 197).transpose(1, 2), torch.randn(96, 400)[:, 100:292]
    with quick_products():
        found = linear(rows, weight)
    assert len(counted) == 1
    torch.testing.assert_close(found, linear(rows, weight), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [torch.randn(192)[::2], torch.randn(1).expand(96)])
def test_a_bias_is_read_by_its_strides(bias, counted):
    rows, weight = torch.randn(LARGE), torch.randn(96, 192)
    with quick_products():
        found = linear(rows, weight, bias)
    assert len(counted) == 1
    torch.testing.assert_close(found, linear(rows, weight, bias), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("rows", "weight"),
    [
        (torch.ones(8, 192), torch.ones(96, 192)),
        (torch.ones(6304, 768), torch.ones(2, 768)),
        (torch.ones(LARGE).double(), torch.ones(96, 192).double()),
        (torch.ones(LARGE).bfloat16(), torch.ones(96, 192).bfloat16()),
        (torch.ones(LARGE, device="meta"), torch.ones(96, 192, device="meta")),
        (torch.ones(2**16), torch.ones(96, 2**16)),
    ],
    ids=["small", "few outputs", "float64", "bfloat16", "meta", "one row"],
)
def test_all_others_stay_with_torch(rows, weight, counted):
    with quick_products():
        found = linear(rows, weight)
    assert not counted
    assert found.shape == linear(rows, weight).shape


def test_autocast_is_heeded(counted):
    with quick_products(), torch.autocast("cpu", torch.bfloat16):
        assert linear(torch.ones(LARGE), torch.ones(96, 192)).dtype == torch.bfloat16
    assert not counted


def test_what_cannot_be_multiplied_fails_as_in_torch():
    with quick_products(), pytest.raises(RuntimeError, match="shape"):
        linear(torch.ones(LARGE), torch.ones(96, 191))
