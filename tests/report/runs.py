"""Run folders as `zoo fit` leaves them, from plain records."""

import json
from pathlib import Path

from zoo.report.adaptation import Adaptation, Candidate, Pick, State
from zoo.report.record import HISTORY, Confusion, Result, RunRecord


def metrics(accuracy):
    """Metrics that go with an accuracy."""
    return {
        "accuracy": accuracy,
        "balanced_accuracy": accuracy - 0.01,
        "macro_f1": accuracy - 0.02,
        "log_loss": 1 - accuracy,
    }


def record(*, own=0.9, probe=0.8, splits=("val", "test"), labels=("ants", "bees"), **changes):
    """The record of a run with a majority class and a probe beside it."""
    models = {"this model": own, "majority class": 0.5, "linear-probe": probe}
    facts = {
        "status": "finished",
        "backbone": "vision:digits",
        "adapter": "lora",
        "task": "classification",
        "headline": "accuracy",
        "data": {
            "description": "image folder, no splits",
            "fingerprint": "ab" * 32,
            "rows": {"train": 70, "val": 15, "test": 15},
        },
        "config": {"pooling": "default", "adapter_settings": {"rank": 8, "dora": False}},
        "results": [
            Result(model=model, split=split, rows=15, metrics=metrics(accuracy))
            for split in splits
            for model, accuracy in models.items()
        ],
        "confusions": [
            Confusion(split=split, labels=list(labels), counts=_counts(len(labels)))
            for split in splits
        ],
        "trainable_parameters": 1000,
        "total_parameters": 22713216,
    }
    return RunRecord(**{**facts, **changes})


def adapted(made, on_target, alignment, fingerprint="ef" * 32):
    """The same record of a fit for a target, with this accuracy there."""
    state = State(epoch=1, risk=0.3, score=0.5, metrics=metrics(on_target))
    result = Result(model="this model", split="target", rows=40, metrics=metrics(on_target))
    adaptation = Adaptation(
        alignment=alignment,
        settings={"weight": 1.0},
        validator="infomax",
        kept="aligned",
        target={"description": "webcam", "fingerprint": fingerprint},
        candidates=[Candidate(method=alignment, lr=0.1, states=[state])],
        picks={"label-free-selected": Pick(candidate=0, state=state)},
    )
    return made.model_copy(update={"adaptation": adaptation, "results": [result, *made.results]})


def _counts(classes):
    counts = [[1] * classes for _ in range(classes)]
    counts[0][1] = 7
    return counts


def write_run(folder: Path, made, *, epochs=3):
    """Write the record and as many lines of history."""
    folder.mkdir(parents=True, exist_ok=True)
    made.write(folder)
    lines = [
        {"epoch": n, "train_loss": None if n == 0 else 1 / n, "val": metrics(0.5 + 0.1 * n)}
        for n in range(epochs)
    ]
    if lines:
        (folder / HISTORY).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder
