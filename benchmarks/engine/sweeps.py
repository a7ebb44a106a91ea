"""A sweep of eight settings of MiniLM against eight runs of Trainer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import zoo
from benchmarks.engine.race import Row, Setup
from benchmarks.engine.texts import by_trainer, fresh_cache, sst2, warm_up

_RUNS = 8


def sweeps(setup: Setup) -> Iterator[Row]:
    """Probes by penalty; partial fine-tunes by rates and batch sizes. One run of Trainer counts for eight."""
    data = sst2(setup.shared, setup.rows)
    warm_up(setup.shared)
    penalties = {"l2": [10 ** (-half / 2) for half in range(_RUNS)]}
    rates: dict[str, Sequence[Any]] = {
        "lr": [5e-5, 1e-4, 2e-4, 4e-4],
        "weight_decay": [0.0, 0.01],
        "epochs": [5],
        "patience": [99],
    }

    def ours(adapter: str, settings: Mapping[str, Any], training: Mapping[str, Any]) -> float:
        fresh_cache()
        with tempfile.TemporaryDirectory() as folder:
            found = zoo.sweep(
                data,
                Path(folder),
                backbones=["minilm"],
                adapters=[adapter],
                settings=settings,
                training=training,
            )
            return found.ranked[0].results["val"]["accuracy"][0]

    yield _eightfold(
        setup.race(
            "a sweep of 8 probe settings",
            "8 runs of Trainer, frozen encoder, 10 epochs (one run, times 8)",
            ">= 60",
            ours=lambda: ours("linear-probe", penalties, {}),
            theirs=lambda: by_trainer(data, epochs=10, lr=1e-2, blocks=0),
            warm_up=False,
        )
    )
    yield _eightfold(
        setup.race(
            "a sweep of 8 partial settings, last 2 of 6 of MiniLM, 5 epochs",
            "8 runs of Trainer, the other layers frozen (one run, times 8)",
            ">= 2.5",
            ours=lambda: ours("partial", {"last_blocks": [3]}, rates),  # the last is the pooler
            theirs=lambda: by_trainer(data, epochs=5, lr=2e-4, blocks=2),
            warm_up=False,
        )
    )


def _eightfold(row: Row) -> Row:
    theirs = [_RUNS * seconds for seconds in row.theirs]
    return replace(row, theirs=theirs, ratio=_RUNS * row.ratio)


ROWS = {"sweep": sweeps}
