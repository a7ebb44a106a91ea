"""What zoo-digits provides."""

from __future__ import annotations

from zoo.plugin import BackboneSpec, hookimpl


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    """One tiny network."""
    return [
        BackboneSpec(
            name="vision:digits",
            loader="zoo_digits.backbone:load",
            modality="image",
            source="pip:zoo-digits",
            summary="Tiny network for 8x8 digits, light strokes on dark; trained on 0 to 4 only",
            license="apache-2.0",
            params=23_408,
            feature_size=256,
            input_size=(1, 8, 8),
            tags=("cnn", "tiny", "offline"),
            verified="weights",
        )
    ]
