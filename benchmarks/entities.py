"""Entities of wnut17 on a small sentence encoder, beside what needs no model.

python benchmarks/entities.py [../shared] [ADAPTER…]: fits each adapter with its defaults and writes
benchmarks/entities.md. The gazetteer marks every phrase that was an entity in training, the longest
first, with the type it most often had.
"""

import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import torch
from zoo_tasks.spans import OUTSIDE, chunks, words_of

import zoo
from zoo.data.dataset import Dataset
from zoo.model import Task

HERE = Path(__file__).parent
BACKBONE = "nlp:minilm"


def main(shared: Path, adapters: list[str]) -> None:
    """Fit, measure, write."""
    data = zoo.load_data(shared / "data" / "wnut17", task="token-classification")
    rows = {}
    for adapter in adapters:
        task = zoo.task("token-classification", labels=data.labels)
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run = zoo.fit(zoo.compose(BACKBONE, adapter, task), data, Path(folder, "run"))
        found = {r.model: r.metrics for r in run.record.results if r.split == "test"}
        rows[f"{adapter} ({time.perf_counter() - start:.0f} s)"] = found["this model"]
        rows.setdefault("majority tag", found["majority tag"])
        print(adapter, json.dumps(found["this model"]), flush=True)
    rows["gazetteer of training entities"] = gazetteer(task, data)
    write(rows, data.rows)


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
        f"`python benchmarks/entities.py`: token classification on `{BACKBONE}`, figures on the test",
        f"split ({', '.join(f'{name} {count}' for name, count in counts.items())}), one seed, defaults.",
        "The gazetteer marks every phrase that was an entity in training. The types and entities of",
        "the test split are meant to be new, so all figures are low.",
        "",
        "| model | " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for model, found in sorted(rows.items(), key=lambda row: -row[1]["f1"]):
        lines.append(f"| {model} | " + " | ".join(f"{found[n]:.3f}" for n in names) + " |")
    (HERE / "entities.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0] if given else "../shared"), given[1:] or ["linear-probe", "lora"])
