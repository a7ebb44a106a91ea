"""What zoo-linear-probe provides."""

from __future__ import annotations

from zoo.plugin import AdapterSpec, Setting, hookimpl


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    """The linear probe."""
    return [
        AdapterSpec(
            name="linear-probe",
            loader="zoo_linear_probe.probe:LinearProbe",
            summary="a convex fit on frozen features, its regularisation chosen on validation data",
            settings=(
                Setting(
                    "l2",
                    0.0,
                    "strength of the L2 penalty; 0 chooses it on validation data",
                    minimum=0.0,
                    maximum=1e6,
                ),
                Setting(
                    "refit",
                    True,
                    "fit once more on training and validation rows with the penalty chosen",
                ),
            ),
            reference="Alain and Bengio 2016, arXiv:1610.01644",
            language=False,
        )
    ]
