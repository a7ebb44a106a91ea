"""Any task under any adapter on a tiny backbone: trained, pushed, and asked in another process."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

import zoo
from tests.plugins.language import conftest as language_models
from tests.plugins.nlp.conftest import save_tiny
from zoo.host import installed
from zoo.hub.server import EmbeddedHub
from zoo.model import ComposedModel, make_task
from zoo.specs import misfit
from zoo.testing import computing
from zoo.testing.subjects import TaskSubject

TEXTS = ["the cat sat on the mat", "a dog ran", "not so bad", "all the mat so on the mat"]
TASKS = sorted(provided.spec.name for provided in installed().tasks)
ADAPTERS = sorted(provided.spec.name for provided in installed().adapters)
# Where PEFT's defaults do not divide sixteen features, or are too much for them.
SMALL: dict[str, dict[str, int]] = {
    "peft:c3a": {"block_size": 16},
    "peft:delora": {"r": 1, "delora_lambda": 1},
    "peft:fourierft": {"n_frequency": 64},
    "peft:hra": {"r": 2},
    "peft:oft": {"oft_block_size": 8},
    "peft:road": {"group_size": 16},
    "peft:vblora": {"vector_length": 16},
    "peft:waveft": {"n_frequency": 64},
}
PULL = """
import json, sys
from pathlib import Path
from tests.plugins.tasks.matrix import said
from zoo.hub.pull import pull
asked = json.loads(sys.argv[1])
print(json.dumps({repo: said(pull(repo, weights=Path(at))) for repo, at in asked.items()}))
"""


def backbone_of(task: str, folder: Path) -> Path:
    """A tiny text model that the task can sit on."""
    language = installed().task(task).spec.language
    if not language:
        return save_tiny(folder / "tiny-bert", "bert")
    kinds = getattr(language_models, language.upper())
    kind = kinds.get("opt") or next(iter(kinds.values()))  # with biases, which some adapters train
    marks = "<s> $A" if language == "causal" else "<s> $A </s>"
    return language_models.save(folder / f"tiny-{language}", *kind, marks=marks)


def why_not(task: str, adapter: str) -> str:
    """What the specs say against the two; empty where they go together."""
    return misfit(installed().task(task).spec, installed().adapter(adapter).spec)


def fitted(task: str, adapter: str, weights: Path) -> ComposedModel:
    """The task after a few steps under the adapter."""
    subject = TaskSubject(installed().task(task))
    made = make_task(task, labels=subject.labels, name="it")
    torch.manual_seed(0)
    model = zoo.compose(f"hf:{weights}", zoo.adapter(adapter, SMALL.get(adapter, {})), made)
    learn(model, subject.rows)
    return model


def learn(model: ComposedModel, labels: Sequence[str]) -> None:
    """A few steps at the adapter's own rate, or a fit of the head."""
    if not model.adapter.trains_backbone:
        computing.solve(model, TEXTS, labels)
        return
    given = [model.sample(text) for text in TEXTS]
    targets = computing.targets_of(model, given, labels)
    model.task.prepare(targets)
    batch = model.preprocess.collate([model.preprocess(sample) for sample in given])
    rate = model.adapter.spec.training["lr"]
    optimizer = torch.optim.AdamW(list(model.trainable().values()), lr=rate)
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        model.task.loss(model(batch)["it"], targets).backward()
        optimizer.step()
    model.eval()


def said(model: ComposedModel) -> list[dict[str, Any]]:
    """Its predictions, as JSON has them, and the logits of the texts and of what they are taught."""
    samples = [model.sample(text) for text in TEXTS]
    inputs = [getattr(sample, "given", sample) for sample in samples]
    logits = model.logits(samples)["it"].tolist()
    pairs = zip(model.predict(inputs), logits, strict=True)
    return json.loads(json.dumps([{**found.as_dict(), "logits": own} for found, own in pairs]))


def there_and_back(
    pairs: Iterable[tuple[str, str]], folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What models say before they are pushed, and pulled in a fresh process, by repo."""
    before: dict[str, Any] = {}
    where: dict[str, str] = {}
    made = functools.cache(lambda task: backbone_of(task, folder))
    with EmbeddedHub(folder / "hub") as hub:
        for task, adapter in pairs:
            repo = f"me/{task}--{adapter.replace(':', '-')}".replace("--", "-with-")
            model = fitted(task, adapter, made(task))
            before[repo], where[repo] = said(model), str(made(task))
            zoo.save(model, folder / "artifact")
            zoo.push(folder / "artifact", repo, weights=made(task), endpoint=hub.url)
        env = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(folder / "cache")}
        ended = subprocess.run(
            [sys.executable, "-c", PULL, json.dumps(where)],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return before, json.loads(ended.stdout)
