"""What zoo-bottleneck provides."""

from __future__ import annotations

from zoo.plugin import AdapterSpec, Setting, hookimpl


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    """The bottleneck."""
    return [
        AdapterSpec(
            name="bottleneck",
            loader="zoo_bottleneck.bottleneck:Bottleneck",
            summary="a small network on frozen features, added to them",
            settings=(
                Setting("size", 256, "of the layer between", minimum=1, maximum=65_536),
                Setting("norm", "none", "of that layer", choices=("none", "batch")),
                Setting("dropout", 0.5, "of that layer", minimum=0.0, maximum=0.9),
            ),
            training={"lr": 1e-3, "batch_size": 64},
            language=False,  # it stands behind pooled features, which a language head does not read
            reference="Gao et al. 2021, arXiv:2110.04544",
        )
    ]
