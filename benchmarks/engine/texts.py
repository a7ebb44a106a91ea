"""MiniLM on SST-2: probe, warm cache, extraction, partial, bucketing, LoRA."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

import zoo
from benchmarks.engine import peers
from benchmarks.engine.race import Row, Setup
from zoo.data.dataset import Dataset, Split
from zoo.model import Preprocessed
from zoo.model.batches import extract
from zoo.progress import Silent
from zoo.training.features import features_of

LABELS = ("0", "1")


def sst2(shared: Path, rows: int) -> Dataset:
    """Some rows of SST-2, and its development set as validation."""

    def split(name: str, count: int) -> Split:
        with (shared / "data/sst2" / f"{name}.tsv").open(encoding="utf-8") as file:
            found = list(csv.DictReader(file, delimiter="\t"))[:count]
        return Split([row["text"] for row in found], [row["label"] for row in found])

    splits = {"train": split("train", rows), "val": split("dev", max(64, rows // 6))}
    return Dataset("table", "text", "SST-2", splits, LABELS, f"sst2-{rows}")


def fit(data: Dataset, adapter: str, settings: dict[str, Any], **options: Any) -> float:
    """``zoo.fit`` on a fresh MiniLM; accuracy on validation rows."""
    task = zoo.task("classification", labels=data.labels)
    pooling = None if adapter == "linear-probe" else "mean"
    model = zoo.compose("minilm", zoo.adapter(adapter, settings), task, pooling=pooling)
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.fit(model, data, Path(folder, "run"), progress=Silent(), **options)
        return run.metrics["accuracy"]


def by_trainer(
    data: Dataset,
    *,
    epochs: int,
    lr: float,
    blocks: int | None,
    lora: bool = False,
    **rest: Any,
) -> float:
    """Trainer with all frozen but the head and the last ``blocks`` layers; ``None`` trains all."""
    backbone = zoo.load_backbone("minilm")
    encoder: Any = backbone.module
    encoder.requires_grad_(blocks is None)
    for layer in encoder.encoder.layer[-blocks:] if blocks else []:
        layer.requires_grad_(True)
    if lora:
        encoder = get_peft_model(
            encoder, LoraConfig(target_modules=["query", "value"], lora_dropout=0.1)
        )
    torch.manual_seed(0)
    model = peers.Classifier(peers.mean_of_tokens, encoder, backbone.feature_size, 2)
    tokens = backbone.preprocess

    def collate(samples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        rows = [{k: v for k, v in sample.items() if k != "labels"} for sample in samples]
        return {**tokens.collate(rows), "labels": torch.tensor([s["labels"] for s in samples])}

    train, val = (
        peers.Rows(split.inputs, [int(label) for label in split.labels], tokens)
        for split in (data.splits["train"], data.splits["val"])
    )
    return peers.train(model, train, val, collate, epochs=epochs, lr=lr, **rest)


def fresh_cache() -> None:
    """An empty activation cache from here on."""
    if os.environ.get("ZOO_CACHE"):
        shutil.rmtree(os.environ["ZOO_CACHE"], ignore_errors=True)
    os.environ["ZOO_CACHE"] = tempfile.mkdtemp(prefix="zoo-cache-")


def warm_up(shared: Path) -> None:
    """Both sides on a few rows: what a process does once is measured for neither."""
    few = sst2(shared, 32)
    fit(few, "linear-probe", {})
    fit(few, "finetune", {}, epochs=1, lr=1e-5, baselines=())
    by_trainer(few, epochs=1, lr=1e-5, blocks=None)


def probe(setup: Setup) -> Iterator[Row]:
    """A linear probe against Trainer with a frozen encoder, and once more with a warm cache."""
    data = sst2(setup.shared, setup.rows)
    warm_up(setup.shared)

    def cold(**options: Any) -> float:
        fresh_cache()
        return fit(data, "linear-probe", {}, **options)

    def trainer() -> float:
        return by_trainer(data, epochs=10, lr=1e-2, blocks=0)

    trainer_name = "Trainer, frozen encoder, 10 epochs"
    yield setup.race(
        "linear probe, MiniLM", trainer_name, ">= 17", ours=cold, theirs=trainer, warm_up=False
    )
    yield setup.race(
        "linear probe, MiniLM, bf16",
        trainer_name,
        ">= 25",
        ours=lambda: cold(precision="bf16"),
        theirs=trainer,
        warm_up=False,
    )


def warm(setup: Setup) -> Iterator[Row]:
    """Features and head again: from the cache, against extracting again by hand."""
    data = sst2(setup.shared, setup.rows)
    fresh_cache()
    backbone = zoo.load_backbone("minilm")
    ready = {
        name: Preprocessed(split.inputs, backbone.preprocess) for name, split in data.splits.items()
    }
    features_of(backbone, ready, progress=Silent())
    targets = torch.tensor([int(label) for label in data.splits["train"].labels])

    def head(features: torch.Tensor) -> None:
        task = zoo.task("classification", labels=LABELS)
        adapter = zoo.adapter("linear-probe", {"l2": 0.01, "refit": False})
        from zoo.model import HeadProblem

        layer = nn.Linear(features.shape[1], 2)
        adapter.solve(
            HeadProblem(task, layer, features, targets, features[:0], targets[:0], refit=False)
        )

    def ours() -> None:
        again = {
            name: Preprocessed(split.inputs, backbone.preprocess)
            for name, split in data.splits.items()
        }
        head(features_of(backbone, again, progress=Silent())["train"])

    def by_hand() -> None:
        found = {name: extract(backbone, s.inputs) for name, s in data.splits.items()}
        head(found["train"])

    yield setup.race(
        "the same again, cache warm, fixed penalty",
        "extracting again, length-sorted, by hand",
        ">= 20",
        ours=ours,
        theirs=by_hand,
    )


def extraction(setup: Setup) -> Iterator[Row]:
    """Features of texts, against batches of 32 padded to 64 tokens."""
    texts = sst2(setup.shared, setup.rows).splits["train"].inputs
    backbone = zoo.load_backbone("minilm")
    filler = {key: torch.zeros(64, dtype=torch.long) for key in ("input_ids", "token_type_ids")}

    @torch.inference_mode()
    def padded() -> None:
        for at in range(0, len(texts), 32):
            rows = [backbone.preprocess(text) for text in texts[at : at + 32]]
            batch = backbone.preprocess.collate([*rows, filler])
            backbone({key: value[:-1] for key, value in batch.items()})

    name = "eager fp32, batches of 32 padded to 64 tokens"
    yield setup.race(
        "extraction, MiniLM", name, ">= 2.0", ours=lambda: _extract(backbone, texts), theirs=padded
    )
    yield setup.race(
        "extraction, MiniLM, bf16",
        name,
        ">= 3.3",
        ours=lambda: _extract(backbone, texts, bf16=True),
        theirs=padded,
    )


def _extract(backbone: Any, samples: Any, *, bf16: bool = False) -> None:
    extract(backbone, samples, bf16=bf16)


def partial(setup: Setup) -> Iterator[Row]:
    """The last two of six layers, 5 and 20 epochs."""
    data = sst2(setup.shared, setup.rows)
    warm_up(setup.shared)
    for epochs, wanted in ((5, ">= 1.5"), (20, ">= 1.6")):
        options = {"epochs": epochs, "lr": 2e-4, "patience": 99, "baselines": ()}

        def ours(options: dict[str, Any] = options) -> float:
            fresh_cache()
            return fit(data, "partial", {"last_blocks": 3}, **options)  # the last is the pooler

        yield setup.race(
            f"partial, last 2 of 6 of MiniLM, {epochs} epochs",
            "Trainer, the other layers frozen",
            wanted,
            ours=ours,
            theirs=lambda epochs=epochs: by_trainer(  # type: ignore[misc]
                data, epochs=epochs, lr=2e-4, blocks=2
            ),
            warm_up=False,
        )


def bucketing(setup: Setup) -> Iterator[Row]:
    """A full fine-tune with lengths as they come, one epoch."""
    data = sst2(setup.shared, setup.rows)
    warm_up(setup.shared)
    yield setup.race(
        "full fine-tune of MiniLM, lengths as they come, one epoch",
        "Trainer, padding to the longest of the batch",
        ">= 1.5",
        ours=lambda: fit(data, "finetune", {}, epochs=1, lr=5e-5, baselines=()),
        theirs=lambda: by_trainer(data, epochs=1, lr=5e-5, blocks=None),
        warm_up=False,
    )


ROWS = {
    "probe-text": probe,
    "warm": warm,
    "extraction-text": extraction,
    "partial-text": partial,
    "bucketing": bucketing,
}
