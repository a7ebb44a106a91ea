"""Attention in float32 where bfloat16 would be slow: the same values, and only where it trains."""

import torch
from torch.nn import functional

from zoo.training.wide import wide_attention


def attend(mode, *, grad=True):
    torch.manual_seed(0)
    inputs = [torch.randn(2, 3, 5, 8, requires_grad=grad) for _ in range(3)]
    seen = []
    with mode, torch.autocast("cpu", torch.bfloat16):
        narrow = [each.bfloat16() for each in inputs]
        found = functional.scaled_dot_product_attention(*narrow, attn_mask=torch.ones(5, 5).bool())
        seen.append(found.grad_fn.name() if grad else "")
        if grad:
            found.float().sum().backward()
    return found, [each.grad for each in inputs], seen[0]


def test_values_and_gradients_are_those_of_bfloat16_up_to_its_rounding():
    plain, gradients, _ = attend(wide_attention("cpu", "no"))
    wide, wide_gradients, name = attend(wide_attention("cpu", "bf16"))
    assert wide.dtype == plain.dtype == torch.bfloat16
    assert "ToCopy" in name  # the result of float32, made narrow
    torch.testing.assert_close(wide, plain, rtol=0.02, atol=0.02)
    for one, other in zip(wide_gradients, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05)


def test_what_is_not_trained_through_and_other_devices_stay_as_they_are():
    exact = [
        attend(wide_attention(*how), grad=False)[0] for how in (("cpu", "bf16"), ("cpu", "no"))
    ]
    assert torch.equal(*exact)
    assert "ToCopy" not in attend(wide_attention("cuda", "bf16"))[2]
