"""Fits killed at random moments, again and again, until one comes through: the same bits every time.

``SOAK_KILLS`` says how many at least (a tenth of it here), ``SOAK_SEED`` which.
"""

import multiprocessing
import os
import random
import shutil
import signal
from pathlib import Path

import pytest

import zoo
from tests.digits import write_digits
from zoo.progress import Silent
from zoo.report.record import read_history
from zoo.training.folder import is_begun

OPTIONS = {"epochs": 4, "lr": 0.003, "batch_size": 16, "patience": 50, "checkpoint_steps": 3}


def fit(data, out: Path, *, adapter: str, resume: bool) -> None:
    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose("vision:digits", adapter, task)
    zoo.fit(model, data, out, progress=Silent(), resume=resume, average="ema", **OPTIONS)


def tensors(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (out / "artifact").glob("*.safetensors")}


@pytest.mark.soak
@pytest.mark.parametrize("adapter", ["lora", "finetune"])
def test_however_often_it_is_killed_a_fit_ends_at_the_same_bits(adapter, tmp_path):
    kills = int(os.environ.get("SOAK_KILLS", "1000")) // 20
    draw = random.Random(int(os.environ.get("SOAK_SEED", "0")))
    data = zoo.load_data(write_digits(tmp_path / "data", classes=(5, 6, 7), per_class=30))
    whole = tmp_path / "whole" / "run"
    fit(data, whole, adapter=adapter, resume=False)
    killed = 0
    while killed < kills:
        out = tmp_path / "cut" / "run"
        shutil.rmtree(out.parent, ignore_errors=True)
        while not (out / "run.json").exists():
            process = multiprocessing.get_context("fork").Process(
                target=fit, args=(data, out), kwargs={"adapter": adapter, "resume": is_begun(out)}
            )
            process.start()
            process.join(draw.uniform(0.05, 1.5))
            if process.is_alive():
                process.kill()
                process.join()
                killed += 1
            assert process.exitcode in (0, -signal.SIGKILL)
        assert tensors(out) == tensors(whole)
        assert [line["val"] for line in read_history(out)] == [
            line["val"] for line in read_history(whole)
        ]
        assert [path.name for path in out.parent.iterdir()] == ["run"]
