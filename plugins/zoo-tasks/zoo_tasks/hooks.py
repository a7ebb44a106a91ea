"""What zoo-tasks provides."""

from __future__ import annotations

from zoo.plugin import Setting, TaskSpec, hookimpl


@hookimpl
def zoo_tasks() -> list[TaskSpec]:
    """Classification."""
    return [
        TaskSpec(
            name="classification",
            loader="zoo_tasks.classification:Classification",
            modalities=("image", "text"),
            summary="one label per image or text",
            settings=(
                Setting(
                    "class_weights",
                    "none",
                    "weigh classes in the loss: balanced gives rare classes the weight of common ones",
                    choices=("none", "balanced"),
                ),
                Setting(
                    "label_smoothing",
                    0.0,
                    "share of the target spread over all labels",
                    minimum=0.0,
                    maximum=0.9,
                ),
            ),
        )
    ]
