"""What zoo-parallel provides. Imported to list it, so nothing heavy is imported here."""

from zoo.plugin import AdapterSpec, Setting, hookimpl

ZOO_API = "0.1"  # the version of the plugin API that this was written for


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    """Parallel adapters."""
    return [
        AdapterSpec(
            name="parallel",
            loader="zoo_parallel.adapter:Parallel",
            summary="a small layer beside each convolution, or beside each layer of the MLPs",
            settings=(
                Setting("width", 16, "of the bottleneck beside a linear layer", minimum=1),
                Setting("last_blocks", 0, "only in so many blocks at the end; 0: all", minimum=0),
            ),
            training={"lr": 1e-3},
            reference="Rebuffi et al. 2018, arXiv:1803.10082; He et al. 2022, arXiv:2110.04366",
        )
    ]
