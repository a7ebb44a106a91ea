"""What a step costs: with a model of negligible cost, and of LoRA on MiniLM."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

import zoo
from benchmarks.engine.peers import Classifier, mean_of_tokens
from benchmarks.engine.race import Row, Setup
from zoo.model import Preprocessed
from zoo.progress import Silent
from zoo.training.config import FitConfig
from zoo.training.loop import Trainer
from zoo.training.prepared import PreparedSplit

_STEPS = 400


def overhead(setup: Setup) -> Iterator[Row]:
    """Milliseconds a step beyond the bare loop, on the tiny digit network with batches of 8."""
    samples = [{"pixels": torch.rand(1, 8, 8)} for _ in range(8)]
    targets = torch.arange(8) % 2

    def ours() -> None:
        trainer, rows = _trainer("vision:digits", samples, targets, {"batch_size": 8})
        for _ in range(_STEPS):
            trainer._steps.take(rows, "")

    def bare() -> None:
        model = _model("vision:digits", "finetune")
        _bare(model, samples, targets, _STEPS)

    row = setup.race("", "bare loop", "<= 1", ours=ours, theirs=bare)
    extra = [1000 * (o - t) / _STEPS for o, t in zip(row.ours, row.theirs, strict=True)]
    yield replace(
        row,
        what="overhead of a step, ms more than the bare loop",
        wanted="<= 0.2",
        ratio=statistics.median(extra),
        ours=[1000 * each / _STEPS for each in row.ours],
        theirs=[1000 * each / _STEPS for each in row.theirs],
        unit="ms",
    )


def lora(setup: Setup) -> Iterator[Row]:
    """A LoRA step on 32 texts of 64 tokens against a bare loop over the same layers."""
    ids = torch.randint(1000, 20000, (32, 64), generator=torch.Generator().manual_seed(0))
    samples = [{"input_ids": row, "token_type_ids": torch.zeros_like(row)} for row in ids]
    targets = torch.arange(32) % 2
    for what, wanted, options in (
        ("LoRA step, MiniLM, 32 x 64 tokens", "<= 1.01", {}),
        ("LoRA step, MiniLM, 32 x 64 tokens, bf16", "<= 0.70", {"precision": "bf16"}),
    ):
        trainer, rows = _trainer("minilm", samples, targets, options, adapter="lora")
        model = _by_peft(trainer._model)

        def ours(trainer: Trainer = trainer, rows: list[int] = rows) -> None:
            trainer._model.train()
            for _ in range(5):
                trainer._steps.take(rows, "")

        yield setup.race(
            what,
            "bare loop with PEFT, fp32",
            wanted,
            ours=ours,
            theirs=lambda model=model: _bare(model, samples, targets, 5),  # type: ignore[misc]
        )


def _by_peft(ours: Any) -> Any:
    """PEFT's LoRA and a linear head on the same layers of transformers' own model, no zoo in it.

    As with zoo the frozen encoder is in evaluation mode, so that both do the same work.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel

    settings = ours.adapter.settings
    config = LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=[n for n, m in ours.backbone.module.named_modules() if hasattr(m, "lora_A")],
    )
    encoder: Any = AutoModel.from_pretrained(ours.backbone.origin.folder)
    encoder = get_peft_model(encoder, config).eval()
    for name, module in encoder.named_modules():
        module.training = "lora_dropout" in name
    model = Classifier(mean_of_tokens, encoder, ours.backbone.feature_size, 2)
    model.preprocess = ours.preprocess
    return model


def _model(name: str, adapter: str) -> Any:
    task = zoo.task("classification", labels=["a", "b"])
    return zoo.compose(name, adapter, task).train()


def _trainer(
    name: str,
    samples: list[dict[str, Tensor]],
    targets: Tensor,
    options: dict[str, Any],
    adapter: str = "finetune",
) -> tuple[Trainer, list[int]]:
    model = _model(name, adapter)
    ready = Preprocessed(samples, model.preprocess)
    ready.instead = samples
    split = PreparedSplit("train", ready, targets)
    trainer = Trainer(
        model,
        model.task,
        {"train": split, "val": split},
        FitConfig(epochs=10_000, **options),
        progress=Silent(),
        on_epoch=lambda line: None,
        on_step=None,
        checkpoints=None,
        reuse=None,
        aligning=None,
        judge=None,
        from_probe=False,
    )
    return trainer, list(range(len(samples)))


def _bare(model: Any, samples: list[dict[str, Tensor]], targets: Tensor, steps: int) -> None:
    """What anybody would write."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    for _ in range(steps):
        batch = model.preprocess.collate(samples)
        if isinstance(model, Classifier):
            loss = model(targets, **batch)["loss"]
        else:
            loss = nn.functional.cross_entropy(next(iter(model(batch).values())), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()


ROWS = {"overhead": overhead, "lora": lora}
