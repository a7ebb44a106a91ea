"""Devices and the precision of arithmetic, by accelerate."""

from __future__ import annotations

from accelerate import Accelerator
from accelerate.state import AcceleratorState

from zoo.errors import BadSetting
from zoo.training.processes import without_device


def accelerate(precision: str) -> Accelerator:
    """What places tensors and casts for ``precision``.

    Raises:
        BadSetting: this machine has no such precision.
    """
    state = AcceleratorState._shared_state
    if state and state.get("_mixed_precision") != precision:
        # One precision is kept for all of a process, and another fit may ask for another.
        AcceleratorState._reset_state()
    accelerator = Accelerator(mixed_precision=precision, cpu=without_device())
    if precision != "no" and not accelerator.native_amp:
        raise BadSetting(
            f"precision={precision} needs a GPU; this machine computes on its "
            f"{accelerator.device.type}.",
            hint="Leave it out, or choose bf16.",
        )
    return accelerator
