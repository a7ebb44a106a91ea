"""A ResNet-18 and a ViT-tiny at 224 pixels, random weights: probe, extraction, partial.

No trained network of these sizes could be had here, so figures of accuracy mean nothing; real
photographs are decoded all the same.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import zoo
from benchmarks.engine import peers
from benchmarks.engine.race import Row, Setup
from benchmarks.engine.texts import fresh_cache, warm_up
from zoo.data.dataset import Dataset, Split
from zoo.host import installed
from zoo.model import Backbone, Weights, load_spec
from zoo.model.batches import extract
from zoo.progress import Silent
from zoo.registry import load

RESNET, VIT = "timm:resnet18", "timm:vit_tiny_patch16_224"


def untrained(name: str) -> Backbone:
    """The architecture with random weights, always the same."""
    torch.manual_seed(0)
    return load_spec(load().backbone(installed(), name), Weights(pretrained=False))


def photographs(shared: Path, rows: int) -> Dataset:
    """Photographs of Office-Caltech10, and a sixth as many as validation, as zoo holds out itself."""
    files = sorted((shared / "data/office_caltech10/amazon").glob("*/*.jpg"))
    files = files[:: max(1, len(files) // (rows + rows // 6))]
    labels = tuple(sorted({file.parent.name for file in files}))

    def split(chosen: list[Path]) -> Split:
        return Split(chosen, [file.parent.name for file in chosen])

    train = [file for at, file in enumerate(files) if at % 7]
    splits = {"train": split(train[:rows]), "val": split(files[::7])}
    return Dataset("image folder", "image", "Office-Caltech10", splits, labels, f"photos-{rows}")


def fit(name: str, data: Dataset, adapter: str, settings: dict[str, Any], **options: Any) -> float:
    """``zoo.fit`` on an untrained backbone; accuracy on validation rows."""
    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose(untrained(name), zoo.adapter(adapter, settings), task)
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.fit(model, data, Path(folder, "run"), progress=Silent(), **options)
        return run.metrics["accuracy"]


def by_trainer(name: str, data: Dataset, *, epochs: int, lr: float, blocks: int) -> float:
    """Trainer with all frozen but the head and the last ``blocks``."""
    backbone = untrained(name)
    module: Any = backbone.module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for block in backbone.blocks[-blocks:] if blocks else []:
        for root in block.modules:
            module.get_submodule(root).requires_grad_(True)
    model = peers.Classifier(peers.pooled_image, module, backbone.feature_size, len(data.labels))
    preprocess = backbone.preprocess

    def prepare(file: Path) -> dict[str, torch.Tensor]:
        with Image.open(file) as image:
            return preprocess(image.convert("RGB"))

    def collate(samples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        pixels = torch.stack([sample["pixel_values"] for sample in samples])
        return {"pixel_values": pixels, "labels": torch.tensor([s["labels"] for s in samples])}

    train, val = (
        peers.Rows(split.inputs, [data.labels.index(label) for label in split.labels], prepare)
        for split in (data.splits["train"], data.splits["val"])
    )
    return peers.train(model, train, val, collate, epochs=epochs, lr=lr)


def probe(setup: Setup) -> Iterator[Row]:
    """A linear probe against Trainer with a frozen backbone."""
    data = photographs(setup.shared, setup.rows)
    warm_up(setup.shared)

    def cold(**options: Any) -> float:
        fresh_cache()
        return fit(RESNET, data, "linear-probe", {}, **options)

    for what, wanted, options in (
        ("linear probe, ResNet-18 at 224 px", ">= 9", {}),
        ("linear probe, ResNet-18 at 224 px, bf16", ">= 14", {"precision": "bf16"}),
    ):
        yield setup.race(
            what,
            "Trainer, frozen backbone, 10 epochs",
            wanted,
            ours=lambda options=options: cold(**options),  # type: ignore[misc]
            theirs=lambda: by_trainer(RESNET, data, epochs=10, lr=1e-2, blocks=0),
            warm_up=False,
        )


def extraction(setup: Setup) -> Iterator[Row]:
    """Features of preprocessed images against plain eager batches of 32."""
    backbone, plain = untrained(RESNET), untrained(RESNET)
    module: Any = plain.module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    noise = torch.Generator().manual_seed(0)
    images = [torch.randn(3, 224, 224, generator=noise) for _ in range(setup.rows)]
    ready = _Ready(images, backbone)

    @torch.inference_mode()
    def eager() -> None:
        for at in range(0, len(images), 32):
            peers.pooled_image(module, torch.stack(images[at : at + 32]))

    for what, wanted, bf16 in (
        ("extraction, ResNet-18", ">= 1.4", False),
        ("extraction, ResNet-18, bf16", ">= 2.8", True),
    ):
        yield setup.race(
            what,
            "eager fp32, batches of 32",
            wanted,
            ours=lambda bf16=bf16: _extract(backbone, ready, bf16),  # type: ignore[misc]
            theirs=eager,
        )


def _extract(backbone: Backbone, ready: Any, bf16: bool) -> None:
    extract(backbone, ready, bf16=bf16)


def _Ready(images: list[torch.Tensor], backbone: Backbone) -> Any:  # noqa: N802
    """Images that need no decoding, as zoo takes samples."""
    from zoo.model import Preprocessed

    ready = Preprocessed(images, backbone.preprocess)
    ready.instead = [{"pixel_values": image} for image in images]
    return ready


def partial(setup: Setup, epochs: int, wanted: str) -> Iterator[Row]:
    """The last two of twelve blocks."""
    data = photographs(setup.shared, setup.rows)
    options = {"epochs": epochs, "lr": 2e-4, "patience": 99, "augment": "none", "baselines": ()}

    def ours() -> float:
        fresh_cache()
        return fit(VIT, data, "partial", {"last_blocks": 2}, **options)

    yield setup.race(
        f"partial, last 2 of 12 blocks of a ViT-tiny, {epochs} epochs",
        "Trainer, the other blocks frozen",
        wanted,
        ours=ours,
        theirs=lambda: by_trainer(VIT, data, epochs=epochs, lr=2e-4, blocks=2),
        warm_up=False,
    )


ROWS = {
    "probe-image": probe,
    "extraction-image": extraction,
    "partial-image-5": functools.partial(partial, epochs=5, wanted=">= 2.5"),
    "partial-image-20": functools.partial(partial, epochs=20, wanted=">= 3.3"),
}
