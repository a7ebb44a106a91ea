"""Entities of wnut17 on a small sentence encoder, beside what needs no model.

python -m benchmarks.entities [../shared]: fits LoRA with its defaults on some of the sentences, beside the
probe that every fit has, and writes benchmarks/entities.md. The gazetteer marks every phrase that was an
entity in any training sentence, the longest first, with the type it most often had.
"""

import dataclasses
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import torch
from zoo_tasks.spans import OUTSIDE, chunks, words_of

import zoo
from benchmarks.figures import table
from zoo.data.dataset import Dataset, Split
from zoo.model import Task

HERE = Path(__file__).parent
BACKBONE = "nlp:minilm"
ROWS = {"train": 1200, "val": 300, "test": 1287}
EPOCHS = 3
PRECISION = "bf16"


def main(shared: Path) -> None:
    """Fit, measure, write."""
    whole = zoo.load_data(shared / "data" / "wnut17", task="token-classification")
    data = dataclasses.replace(
        whole, splits={name: first(split, ROWS[name]) for name, split in whole.splits.items()}
    )
    task = zoo.task("token-classification", labels=whole.labels)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = zoo.compose(BACKBONE, "lora", task)
        run = zoo.fit(model, data, Path(folder, "run"), epochs=EPOCHS, precision=PRECISION)
    found = {r.model: r.metrics for r in run.record.results if r.split == "test"}
    rows = {f"lora, {EPOCHS} epochs": found.pop("this model"), **found}
    rows["gazetteer of all training entities"] = gazetteer(task, whole)
    print(f"{time.perf_counter() - start:.0f} s", json.dumps(rows), flush=True)
    write(rows, data.rows)


def first(split: Split, rows: int) -> Split:
    """The first rows of a split."""
    return Split(split.inputs[:rows], split.labels[:rows])


def gazetteer(task: Task, data: Dataset) -> dict[str, float]:
    """Metrics on the test split of the phrases of the training split."""
    train, test = data.splits["train"], data.splits["test"]
    kinds: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for text, label in zip(train.inputs, train.labels, strict=True):
        words = [text[a:b].lower() for a, b in words_of(text, task.settings)]
        for first, last, kind in chunks(json.loads(label)):
            kinds[tuple(words[first:last])][kind] += 1
    known = {phrase: counts.most_common(1)[0][0] for phrase, counts in kinds.items()}
    longest = max(map(len, known))
    tags = [
        marked([text[a:b].lower() for a, b in words_of(text, task.settings)], known, longest)
        for text in test.inputs
    ]
    targets = task.targets(test.labels)
    logits = torch.zeros(*targets.shape, len(task.labels))
    for row, line in enumerate(tags):
        for at, tag in enumerate(line):
            logits[row, at, task.labels.index(tag)] = 1.0
    return task.metrics(logits, targets)


def marked(words: list[str], known: dict[tuple[str, ...], str], longest: int) -> list[str]:
    """Tags of the words, the longest known phrases first from the left."""
    tags, at = [OUTSIDE] * len(words), 0
    while at < len(words):
        for size in range(min(longest, len(words) - at), 0, -1):
            kind = known.get(tuple(words[at : at + size]))
            if kind:
                tags[at : at + size] = [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
                at += size - 1
                break
        at += 1
    return tags


def write(rows: dict[str, dict[str, float]], counts: dict[str, int]) -> None:
    """The table, best first."""
    names = ("f1", "precision", "recall", "tag_accuracy")
    lines = [
        "# Entities of wnut17",
        "",
        f"`python -m benchmarks.entities ../shared`: token classification on `{BACKBONE}`, figures on the test",
        f"split ({', '.join(f'{name} {count}' for name, count in counts.items())} sentences), one seed; LoRA is",
        f"trained in {PRECISION}.",
        "The gazetteer marks every phrase that was an entity in any of the 3394 training sentences. The types",
        "and entities of the test split are meant to be new, so all figures are low.",
        "",
        *table(dict(sorted(rows.items(), key=lambda row: -row[1]["f1"])), names, corner="model"),
    ]
    (HERE / "entities.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
