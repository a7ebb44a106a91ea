"""What zoo-finetune provides."""

from __future__ import annotations

from zoo.plugin import AdapterSpec, Setting, hookimpl

_BATCH_NORM = Setting(
    "batch_norm",
    "frozen",
    "statistics of trained batch norms: as pretrained, or those of each batch, kept up to date",
    choices=("frozen", "updated"),
)
_HEAD_RATE = Setting(
    "head_rate", 1.0, "factor on the head's learning rate", minimum=0.0, maximum=1000.0
)
_SCHEDULE = (
    Setting(
        "layer_decay",
        0.8,
        "factor on the learning rate from each block to the one before it; 1: the same everywhere",
        minimum=0.01,
        maximum=1.0,
    ),
    _HEAD_RATE,
    Setting(
        "freeze_epochs",
        0,
        "so many epochs at first train the head alone",
        minimum=0,
        maximum=10_000,
    ),
    Setting(
        "gradual",
        False,
        "thaw block by block from the last, all by half of the epochs (ULMFiT)",
    ),
    Setting(
        "l2_sp",
        0.0,
        "strength of the pull towards the pretrained weights, for scarce data (L2-SP); try 0.01 to 0.1",
        minimum=0.0,
        maximum=1000.0,
    ),
    Setting(
        "co_tuning",
        0.0,
        "how much the head of the pretraining teaches along, for scarce data (Co-Tuning); try 1 to 3",
        minimum=0.0,
        maximum=1000.0,
    ),
    _BATCH_NORM,
)


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    """Four choices of what is trained of a backbone's own weights."""
    return [
        AdapterSpec(
            name="finetune",
            loader="zoo_finetune.blocks:Finetune",
            summary="the backbone's own weights, all or from a block on",
            settings=(
                Setting("from_block", "", "first block trained, by name or number; empty: all"),
                *_SCHEDULE,
            ),
            training={"lr": 5e-5, "batch_size": 32, "augment": "crop"},
            reference="Kumar et al. 2022, arXiv:2202.10054; Mosbach et al. 2021, arXiv:2006.04884",
        ),
        AdapterSpec(
            name="partial",
            loader="zoo_finetune.blocks:Partial",
            summary="the backbone's own weights in its last blocks",
            settings=(
                Setting(
                    "last_blocks",
                    0,
                    "so many blocks at the end; 0: a quarter of them",
                    minimum=0,
                    maximum=10_000,
                ),
                *_SCHEDULE,
            ),
            training={"lr": 2e-4, "batch_size": 32},
            reference="Lee et al. 2019, arXiv:1911.03090",
        ),
        AdapterSpec(
            name="bitfit",
            loader="zoo_finetune.kinds:BitFit",
            summary="the backbone's biases, those of its norms included",
            settings=(_HEAD_RATE,),
            training={"lr": 1e-3, "batch_size": 32, "weight_decay": 0.0},
            reference="Ben Zaken et al. 2022, arXiv:2106.10199",
        ),
        AdapterSpec(
            name="norm",
            loader="zoo_finetune.kinds:NormTuning",
            summary="scales and shifts of the backbone's norms",
            settings=(_HEAD_RATE, _BATCH_NORM),
            training={"lr": 1e-3, "batch_size": 32, "weight_decay": 0.0},
            reference="Frankle et al. 2021, arXiv:2003.00152; Zhao et al. 2024, arXiv:2312.11420",
        ),
    ]
