"""What zoo-tensorboard provides."""

from __future__ import annotations

from zoo.plugin import CallbackSpec, hookimpl


@hookimpl
def zoo_callbacks() -> list[CallbackSpec]:
    """One logger."""
    return [
        CallbackSpec(
            name="tensorboard",
            loader="zoo_tensorboard.logger:TensorBoard",
            summary="curves of a fit as it goes, for TensorBoard",
        )
    ]
