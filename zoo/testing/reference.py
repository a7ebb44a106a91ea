"""Small parts that the rules put around what is under test: two backbones, an adapter and a task.

They belong to no plugin, so that one can be tested where no other is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import (
    Adapter,
    AdapterSpec,
    Backbone,
    BackboneSpec,
    Batch,
    Block,
    Features,
    InputContract,
    LabelProblem,
    Layout,
    NativeHead,
    Origin,
    Prediction,
    Preprocess,
    Task,
    TaskSpec,
    Weights,
)

_HERE = "zoo.testing.reference"
SIDE = 16  # pixels
WIDTH = 16  # of a token
LONGEST = 48  # tokens


class _Pixels(Preprocess):
    def __call__(self, sample: Any) -> dict[str, Tensor]:
        small = sample.resize((SIDE, SIDE))
        pixels = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8)
        return {"pixels": pixels.reshape(SIDE, SIDE, 3).permute(2, 0, 1) / 255}

    def describe(self) -> dict[str, Any]:
        return {"size": SIDE, "scale": 1 / 255}


class ConvBackbone(Backbone):
    """Two stages of convolution, batch norm and ReLU over RGB images."""

    def forward(self, batch: Batch) -> Features:
        """Means over the picture; no tokens."""
        return Features(self.module(batch["pixels"]).mean((2, 3)))


def load_conv(spec: BackboneSpec, weights: Weights) -> ConvBackbone:
    """With random weights, always."""
    module = nn.Sequential(_stage(3, 8), _stage(8, WIDTH))
    return ConvBackbone(
        spec,
        module,
        preprocess=_Pixels(),
        contract=InputContract(modality="image", channels=3, value_range=(0.0, 255.0)),
        blocks=[Block("stage1", ("0",)), Block("stage2", ("1",))],
        feature_size=WIDTH,
        origin=Origin(""),
        lora_targets={"conv": ["0.0", "1.0"]},
    )


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class _Bytes(Preprocess):
    def __call__(self, sample: Any) -> dict[str, Tensor]:
        # One more than the byte, since 0 is padding; a beginning, so that none is empty.
        return {"ids": torch.tensor([1, *(byte + 1 for byte in sample.encode()[: LONGEST - 1])])}

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        ids = nn.utils.rnn.pad_sequence([sample["ids"] for sample in samples], batch_first=True)
        return {"ids": ids, "mask": (ids > 0).long()}

    def places(self, sample: Any) -> Tensor:
        found = [(0, 0)]
        for at, character in enumerate(sample):
            found += [(at, at + 1)] * len(character.encode())
        return torch.tensor(found[:LONGEST])

    def describe(self) -> dict[str, Any]:
        return {"tokens": "bytes", "longest": LONGEST}


class _Layer(nn.Module):
    """Attention of one head and a feed-forward, each added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        inner = self.norm1(x)
        allowed = mask.bool()[:, None, :]
        seen = functional.scaled_dot_product_attention(
            self.query(inner), self.key(inner), self.value(inner), attn_mask=allowed
        )
        x = x + self.out(seen)
        return x + self.down(functional.gelu(self.up(self.norm2(x))))  # type: ignore[no-any-return]


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(257, WIDTH, padding_idx=0)
        self.position = nn.Parameter(torch.randn(LONGEST, WIDTH) * 0.1)
        self.layers = nn.ModuleList([_Layer(), _Layer()])
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.embed(ids) + self.position[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)  # type: ignore[no-any-return]  # a module's answer is Any


class TextBackbone(Backbone):
    """A transformer of two layers over the bytes of a text."""

    def forward(self, batch: Batch) -> Features:
        """Means over the real tokens."""
        mask = batch["mask"]
        tokens = self.module(batch["ids"], mask)
        weight = mask[..., None].float()
        return Features((tokens * weight).sum(1) / weight.sum(1), tokens, mask)


def load_text(spec: BackboneSpec, weights: Weights) -> TextBackbone:
    """With random weights, always."""
    layers = ("layers.0", "layers.1")
    return TextBackbone(
        spec,
        _Encoder(),
        preprocess=_Bytes(),
        contract=InputContract(modality="text", max_length=LONGEST),
        blocks=[
            Block("embeddings", ("embed", "position")),
            *(Block(layer, (layer,)) for layer in layers),
            Block("norm", ("norm",)),
        ],
        feature_size=WIDTH,
        origin=Origin(""),
        lora_targets={
            "attention": [f"{at}.{n}" for at in layers for n in ("query", "key", "value", "out")],
            "mlp": [f"{at}.{n}" for at in layers for n in ("up", "down")],
        },
    )


CONV = BackboneSpec(
    name="reference:conv", loader=f"{_HERE}:load_conv", modality="image", tags=("tiny",)
)
TEXT = BackboneSpec(
    name="reference:text", loader=f"{_HERE}:load_text", modality="text", tags=("tiny",)
)
BACKBONES = {CONV.name: (CONV, load_conv), TEXT.name: (TEXT, load_text)}


class HeadOnly(Adapter):
    """Trains nothing but the head."""

    trains_backbone = False

    def __init__(self) -> None:
        super().__init__(AdapterSpec(name="head-only", loader=f"{_HERE}:HeadOnly"), {})

    def attach(self, backbone: Backbone) -> None:
        """Nothing."""

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """Nothing: the head is all there is."""
        return Layout()


class OneOfThree(Task):
    """Classification with a linear head, for adapters and backbones to be tried with."""

    headline = "accuracy"
    monitor = "log_loss"

    def __init__(self) -> None:
        spec = TaskSpec(name="one-of-three", loader=f"{_HERE}:OneOfThree")
        super().__init__(spec, ("a", "b", "c"), {}, "one-of-three")

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Linear:
        """A linear layer."""
        return nn.Linear(feature_size, len(self.labels), bias=bias)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Positions of labels."""
        if unknown := set(labels) - set(self.labels):
            raise LabelProblem(f"{min(unknown)!r} is none of {', '.join(self.labels)}.")
        return torch.tensor([self.labels.index(label) for label in labels])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(logits, targets)

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The most probable label."""
        return [
            Prediction(
                self.labels[int(row.argmax())],
                float(row.max()),
                dict(zip(self.labels, row.tolist(), strict=True)),
            )
            for row in logits.softmax(1)
        ]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Accuracy and log loss."""
        right = (logits.argmax(1) == targets).float().mean()
        return {"accuracy": float(right), "log_loss": float(self.loss(logits, targets))}

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Log frequencies."""
        counts = torch.bincount(targets, minlength=len(self.labels)).float() + 1e-6
        return (counts / counts.sum()).log().expand(rows, -1)
