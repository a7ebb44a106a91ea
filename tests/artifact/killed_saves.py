"""Save over and over, be killed or interrupted at random, and look at what is left. A script.

One process imports torch and forks a child for each round, which saves two models in turn to one
folder until it is stopped. Prints JSON with what was found.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import torch

import zoo
from zoo.artifact.load import open_artifact


def model(seed: int) -> zoo.ComposedModel:
    made = zoo.compose("toy:text", "lora", zoo.task("classification", labels=["a", "b"]))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in made.trainable().values():
            parameter.add_(torch.randn_like(parameter))
    return made


def save_forever(models: list[zoo.ComposedModel], folder: Path, ready: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.write(ready, b".")
    try:
        while True:
            for each in models:
                zoo.save(each, folder)
    except KeyboardInterrupt:
        os._exit(130)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        os._exit(1)


def end(child: int, stop: signal.Signals) -> int:
    """Stop a child; again where Python dropped the interrupt, as it does within a destructor."""
    while True:
        os.kill(child, stop)
        for _ in range(200):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)


def main(folder: Path, rounds: int) -> None:
    torch.set_num_threads(1)
    models = [model(1), model(2)]
    allowed = [zoo.save(each, folder).to_json() for each in models]
    chance = random.Random(0)
    found = {"rounds": 0, "old": 0, "new": 0, "leftovers": 0, "bad": []}
    for number in range(rounds):
        ready, writer = os.pipe()
        child = os.fork()
        if child == 0:
            save_forever(models, folder, writer)
        os.close(writer)
        os.read(ready, 1)
        os.close(ready)
        time.sleep(chance.random() * 0.15)
        stop = (signal.SIGKILL, signal.SIGINT)[number % 2]
        status = end(child, stop)
        found["rounds"] += 1
        if status != {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[stop]:
            found["bad"].append(f"exit {status}")
        left = [path for path in folder.parent.iterdir() if path != folder]
        if stop is signal.SIGINT:
            found["leftovers"] += len(left)
        for path in left:
            shutil.rmtree(path)
        try:
            state = allowed.index(open_artifact(folder).manifest.to_json())
        except Exception as err:
            found["bad"].append(f"{type(err).__name__}: {err}")
        else:
            found["old" if state == 0 else "new"] += 1
    (folder.parent / f".{folder.name}.00000000.zoo-new").mkdir()
    zoo.save(models[0], folder)
    found["after"] = sorted(path.name for path in folder.parent.iterdir())
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
