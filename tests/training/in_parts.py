"""Trainings by one of two processes that hold parameters in parts, and what is to be seen of them there.

``test_sharding.py`` starts ``python -m tests.training.in_parts DATA FOLDER`` twice, and makes the same
trainings in one process alone.
"""

import itertools
import json
import math
import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

import zoo
from zoo.errors import ProcessFailed
from zoo.progress import Silent
from zoo.training.config import FitConfig
from zoo.training.fit import fit
from zoo.training.job import Job
from zoo.training.loop import train
from zoo.training.processes import processes
from zoo.training.steps import Steps

COMMON = {"epochs": 3, "lr": 0.003, "patience": 50, "baselines": ()}
# Batches of 13 leave a last one of one row, and shares of seven rows come as three, three and one.
UNEVEN = {"batch_size": 13, "micro_batch": 3, "average": "ema", "ema_decay": 0.5}
TRAININGS = {
    "uneven shares, averaged over steps": ("finetune", {}, UNEVEN),
    "computed again, averaged over epochs": (
        "lora",
        {"dropout": 0.0},
        {"average": "swa", "gradient_checkpointing": True},
    ),
    "a frozen block in front": ("partial", {"last_blocks": 1}, {}),
    "blocks that rest at first": ("finetune", {"gradual": True}, {}),
}
FIRST = next(iter(TRAININGS))
INTERRUPTED, FAILED, KILLED = "interrupted", "failed", "killed"


def model(labels, adapter, settings):
    task = zoo.task("classification", labels=labels)
    made = zoo.compose("vision:digits", zoo.adapter(adapter, settings), task)
    made.backbone.module.to(memory_format=torch.channels_last)  # as backbones of timm are
    return made


def trained(data, name, **more):
    """Train one of :data:`TRAININGS`; what came of it, and the model."""
    adapter, settings, options = TRAININGS[name]
    fresh = model(data.labels, adapter, settings)
    config = FitConfig.resolve(fresh.adapter.spec.training, {**COMMON, **options, **more})
    job = Job(fresh, data, config, Silent())
    outcome = train(fresh, job.task, job.splits, config, progress=Silent(), reuse=job.reuse)
    return outcome, fresh


def fitted(data, out, **more):
    """The first of them as a whole fit."""
    adapter, settings, options = TRAININGS[FIRST]
    fresh = model(data.labels, adapter, settings)
    return fit(fresh, data, out, progress=Silent(), **{**COMMON, **options, **more})


class Watch:
    """Counts what this process holds in each step, and has an effect before one."""

    def __init__(self, effect=lambda steps: None, at=0):
        self.held, self.states, self._effect, self._at = [], [], effect, at

    def __enter__(self):
        self._take = take = Steps.take
        count = itertools.count(1)

        def watched(steps, rows, place):
            if next(count) == self._at:
                self._effect(steps)
            loss = take(steps, rows, place)
            self.held.append(sum(here(p).numel() for p in steps._model.parameters()))
            state = [t for kept in steps.optimizer.state.values() for t in kept.values()]
            self.states.append(sum(t.numel() for t in state if t.ndim))
            return loss

        Steps.take = watched
        return self

    def __exit__(self, *error):
        Steps.take = self._take


def here(tensor):
    """What of a tensor is on this process."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def on_second(effect):
    """What only the second process meets."""
    return lambda steps: effect(steps) if processes().rank else None


def interrupt(steps):
    os.kill(os.getpid(), signal.SIGINT)


def spoil(steps):
    steps._task.loss = lambda logits, targets: logits.sum() * math.nan


def exhaust(steps):
    def loss(logits, targets):
        raise torch.OutOfMemoryError("CUDA out of memory")

    steps._task.loss = loss


def main(data, folder):
    seen = {}
    for name in TRAININGS:
        with Watch() as watch:
            outcome, made = trained(data, name, sharded=True)
        seen[name] = {
            "history": outcome.history,
            "notes": outcome.notes,
            "held": watch.held,
            "states": watch.states,
        }
        if processes().first:
            state = {key: tensor.contiguous() for key, tensor in made.state_dict().items()}
            save_file(state, folder / f"{name}.safetensors")
    with Watch(on_second(spoil), at=12):
        seen[FAILED] = str(trained(data, FIRST, sharded=True)[0].failure)
    with Watch(on_second(interrupt), at=12):
        try:
            fitted(data, folder / INTERRUPTED, sharded=True)
        except KeyboardInterrupt:
            seen[INTERRUPTED] = "stopped"
    fitted(data, folder / INTERRUPTED, sharded=True, resume=True)
    write(folder, seen)
    try:
        with Watch(on_second(exhaust), at=12):
            fitted(data, folder / KILLED, sharded=True, checkpoint_steps=5)
    except ProcessFailed as err:
        write(folder, {**seen, KILLED: str(err)})


def write(folder, seen):
    (folder / f"{processes().rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(zoo.load_data(sys.argv[1], seed=0), Path(sys.argv[2]))
