"""What zoo-peft provides: methods of PEFT, each under its own name there."""

from __future__ import annotations

from zoo.plugin import AdapterSpec, hookimpl
from zoo_peft.methods import BESIDE, METHODS, PLACES


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    """Methods that stand beside layers."""
    return [
        AdapterSpec(
            name=f"peft:{method.name}",
            loader=method.loader,
            summary=method.summary,
            settings=(*method.settings, *PLACES) if method.loader == BESIDE else method.settings,
            training={"lr": method.lr, "batch_size": 32},
            reference=method.reference,
            language=method.loader == BESIDE,  # learned tokens would stand in what is generated
        )
        for method in METHODS
    ]
