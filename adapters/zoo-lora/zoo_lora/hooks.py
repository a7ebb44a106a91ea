"""What zoo-lora provides."""

from __future__ import annotations

from zoo.plugin import AdapterSpec, Setting, hookimpl


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    """LoRA."""
    return [
        AdapterSpec(
            name="lora",
            loader="zoo_lora.lora:Lora",
            summary="low-rank updates of frozen linear and convolution layers, through PEFT",
            settings=(
                Setting("rank", 8, "rank of each update", minimum=1, maximum=1024),
                Setting("alpha", 16.0, "update scale: alpha / rank", minimum=1e-3, maximum=1e4),
                Setting("dropout", 0.1, "dropout before each update", minimum=0.0, maximum=0.9),
                Setting(
                    "roles",
                    (),
                    "which layers, by role; empty: attention, else the role with most of the parameters",
                    choices=("attention", "mlp", "conv", "linear"),
                ),
                Setting(
                    "last_blocks",
                    0,
                    "only in so many blocks at the end; 0: in all, or the later half for conv alone",
                    minimum=0,
                    maximum=10_000,
                ),
                Setting("dora", False, "weight-decomposed updates (DoRA, arXiv:2402.09353)"),
                Setting("rslora", False, "scale by alpha / sqrt(rank) (arXiv:2312.03732)"),
            ),
            training={"lr": 1e-3, "batch_size": 32},
            reference="Hu et al. 2021, arXiv:2106.09685",
        )
    ]
