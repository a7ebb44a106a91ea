"""What ``benchmarks/ranking.py`` ranks: whole networks and the same cut after earlier blocks, and data."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

TRAIN = {"image": 150, "text": 300}  # rows at most
HELD_OUT = {"val": 60, "test": 200}
SIDE = 64  # pixels of an image; what 224 would add in accuracy costs twelve times the time
MOBILENETS = ("tf2_in1k", "inat_insect", "inat_bird")
CUTS = (2, 4)  # of a MobileNet's seven groups of blocks
LAYERS = 6  # of MiniLM
TOKENS = 64  # of a text; reviews are longer
SMALL_EPOCHS = 15  # of the network that is trained here


@dataclass(frozen=True)
class Case:
    """One data set."""

    name: str
    modality: str
    folder: str
    splits: dict[str, str] | None = None
    label_column: str | None = None


CASES = (
    Case("hymenoptera", "image", "hymenoptera", splits={"train": "train", "test": "val"}),
    Case("flowers5", "image", "flowers5"),
    Case("chest_xray", "image", "chest_xray"),
    Case("webcam", "image", "office_caltech10/webcam"),
    Case("amazon", "image", "office_caltech10/amazon"),
    Case("trec", "text", "trec", label_column="coarse"),
    Case("sst2", "text", "sst2"),
    Case("books", "text", "amazon_reviews/books"),
    Case("electronics", "text", "amazon_reviews/electronics"),
    Case("kitchen", "text", "amazon_reviews/kitchen"),
)


def candidates(modality: str, shared: Path) -> dict[str, Callable[[], Any]]:
    """What makes each candidate anew, by its name."""
    import zoo

    if modality == "text":
        return {
            **{f"minilm-{layers}": _made(minilm, layers) for layers in range(LAYERS + 1)},
            "minilm-untrained": _made(minilm, LAYERS, pretrained=False),
        }
    found: dict[str, Callable[[], Any]] = {}
    for name in MOBILENETS:
        for groups in (*CUTS, 7):
            found[f"{name}-{groups}"] = _made(mobilenet, shared, name, groups)
    first = shared / "hub" / "zoo-mirror" / f"mobilenetv2_100.{MOBILENETS[0]}"
    return {
        **found,
        "mobilenet-untrained": lambda: _smaller(
            zoo.load_backbone(f"timm:{first}", pretrained=False)
        ),
        "cifar-resnet20": _made(resnet20, shared),
        "cifar-resnet20-untrained": _made(resnet20, shared, pretrained=False),
        "caltech-resnet20": _made(small, shared),
    }


def _made(make: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[], Any]:
    return lambda: make(*arguments, **options)


def mobilenet(shared: Path, weights: str, groups: int) -> Any:
    """A MobileNetV2 cut after so many of its groups of blocks; 7 is the whole."""
    import zoo

    folder = shared / "hub" / "zoo-mirror" / f"mobilenetv2_100.{weights}"
    backbone = _smaller(zoo.load_backbone(f"timm:{folder}"))
    if groups == 7:
        return backbone
    from torch import nn

    network: Any = backbone.module
    network.blocks = network.blocks[:groups]
    network.conv_head = network.bn2 = nn.Identity()
    backbone._native = None
    backbone._source_head = ()
    backbone.feature_size = network.blocks[-1][-1].conv_pwl.out_channels
    return _cut(backbone)


def _smaller(backbone: Any) -> Any:
    """The same on smaller images."""
    backbone.module.pretrained_cfg["input_size"] = (3, SIDE, SIDE)
    backbone.preprocess = type(backbone.preprocess)(backbone.module)
    return backbone


def minilm(layers: int, *, pretrained: bool = True) -> Any:
    """MiniLM cut after so many layers; none leaves the mean of word vectors."""
    import zoo

    backbone = zoo.load_backbone("minilm", pretrained=pretrained)
    backbone.shorten(TOKENS)
    backbone.module.encoder.layer = backbone.module.encoder.layer[:layers]
    return _cut(backbone)


def resnet20(shared: Path, *, pretrained: bool = True) -> Any:
    """The CIFAR ResNet-20 of ``examples/zoo-cifar``."""
    from zoo.model import Weights

    sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "zoo-cifar"))
    try:
        (spec,) = importlib.import_module("zoo_cifar.hooks").zoo_backbones()
        load = importlib.import_module("zoo_cifar.backbone").load
    finally:
        sys.path.pop(0)
    folder = shared / "hub" / "zoo-mirror" / "cifar10_resnet20"
    return load(spec, Weights(folder if pretrained else None, pretrained=pretrained))


def small(shared: Path) -> Any:
    """That network again, trained on the photos of Caltech and on nothing else."""
    backbone = resnet20(shared, pretrained=False)
    backbone.module.load_state_dict(_trained_on_caltech(shared))
    return _cut(backbone)


@functools.cache
def _trained_on_caltech(shared: Path) -> dict[str, Any]:
    import zoo
    from zoo.progress import Silent
    from zoo.specs import AdapterSpec
    from zoo.training.baselines import FromScratch
    from zoo.training.config import FitConfig
    from zoo.training.job import Job

    backbone = resnet20(shared, pretrained=False)
    dataset = zoo.load_data(shared / "data/office_caltech10/caltech10", contract=backbone.contract)
    task = zoo.task("classification", labels=dataset.labels)
    adapter = FromScratch(AdapterSpec(name="from-scratch", loader="benchmarks:none"), {})
    model = zoo.compose(backbone, adapter, task, seed=0)
    config = FitConfig(epochs=SMALL_EPOCHS, patience=SMALL_EPOCHS, lr=3e-3, baselines=())
    Job(model, dataset, config, Silent()).run(lambda line: None)
    return dict(backbone.module.state_dict())


def _cut(backbone: Any) -> Any:
    """The same without what is gone: its blocks, its adapters' places, its identity."""
    from zoo.model.backbone import digest

    left = dict(backbone.module.named_modules()) | dict(backbone.module.named_parameters())
    blocks = (
        replace(block, modules=tuple(name for name in block.modules if _lives(left, name)))
        for block in backbone.blocks
    )
    backbone.blocks = tuple(block for block in blocks if block.modules)
    backbone.lora_targets = {}
    backbone.digest = digest(backbone.module.state_dict())
    backbone.reload = None
    return backbone


def _lives(left: dict[str, Any], name: str) -> bool:
    thing = left.get(name)
    parameters = getattr(thing, "parameters", lambda: [thing])
    return thing is not None and any(p is not None for p in parameters())


def data(case: Case, contract: Any, shared: Path, seed: int) -> Any:
    """A case's rows, of each split a few, of every class its share."""
    import zoo
    from zoo.data.dataset import Split
    from zoo.ranking.sample import chosen

    found = zoo.load_data(
        shared / "data" / case.folder,
        splits=case.splits,
        label_column=case.label_column,
        test_fraction=0.3,  # of those without a test split of their own
        contract=contract,
        seed=seed,
    )

    most = {**HELD_OUT, "train": TRAIN[case.modality]}

    def few(name: str, split: Any) -> Any:
        at: Sequence[int] = chosen(split.labels, most[name], seed)
        return Split([split.inputs[i] for i in at], [split.labels[i] for i in at])

    return replace(found, splits={name: few(name, split) for name, split in found.splits.items()})
