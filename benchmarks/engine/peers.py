"""The peers: transformers' Trainer as people use it, and loops by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset
from transformers import Trainer, TrainingArguments


class Classifier(nn.Module):
    """A backbone and a linear head, as Trainer takes them: ``labels`` in, loss and logits out."""

    def __init__(
        self, features: Callable[..., Tensor], module: nn.Module, size: int, labels: int
    ) -> None:
        super().__init__()
        self.backbone = module
        self.head = nn.Linear(size, labels)
        self._features = features

    def forward(self, labels: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """Loss and logits."""
        inputs.pop("num_items_in_batch", None)  # Trainer offers it to whoever takes anything
        logits = self.head(self._features(self.backbone, **inputs))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def mean_of_tokens(encoder: Any, input_ids: Tensor, attention_mask: Tensor, **rest: Any) -> Tensor:
    """The mean over real tokens."""
    found = encoder(input_ids=input_ids, attention_mask=attention_mask, **rest)
    tokens: Tensor = found.last_hidden_state
    mask = attention_mask.unsqueeze(-1)
    return (tokens * mask).sum(1) / mask.sum(1)


def pooled_image(model: Any, pixel_values: Tensor) -> Tensor:
    """Timm's features before the classifier."""
    found: Tensor = model.forward_head(model.forward_features(pixel_values), pre_logits=True)
    return found


class Rows(TorchDataset[dict[str, Any]]):
    """Preprocessed once each, kept in memory: the best case for the peer."""

    def __init__(self, samples: Sequence[Any], labels: Sequence[int], prepare: Any) -> None:
        self._samples, self._labels, self._prepare = samples, labels, prepare
        self._kept: dict[int, Mapping[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index not in self._kept:
            self._kept[index] = self._prepare(self._samples[index])
        return {**self._kept[index], "labels": self._labels[index]}


def train(
    model: nn.Module,
    rows: Rows,
    val: Rows,
    collate: Any,
    *,
    epochs: int,
    lr: float,
    bf16: bool = False,
    steps: int = -1,
) -> float:
    """Trainer over ``rows``; accuracy on ``val`` afterwards."""
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=epochs,
        max_steps=steps,
        per_device_train_batch_size=32,
        per_device_eval_batch_size=32,
        learning_rate=lr,
        lr_scheduler_type="cosine",
        warmup_steps=10,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=bf16,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=["labels"],
    )
    trainer = Trainer(
        model=model, args=arguments, train_dataset=rows, eval_dataset=val, data_collator=collate
    )
    trainer.train()
    logits = torch.as_tensor(trainer.predict(val).predictions)
    labels = torch.tensor([val[i]["labels"] for i in range(len(val))])
    return float((logits.argmax(1) == labels).float().mean())
