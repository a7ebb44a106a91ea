"""One adapter on one backbone: trained for two steps, saved, opened again, opened without zoo."""

import json
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

import zoo
from tests.plugins.nlp.conftest import save_tiny
from tests.plugins.vision_folder import folder_of
from zoo.artifact.contents import CONFIG, WEIGHTS
from zoo.host import installed
from zoo.model import Weights, load_backbone, load_spec, products

LABELS = ("ants", "bees", "wasps")
TEXTS = ["a cat sat on the mat", "dog", "not so bad", "the mat ran"]
BACKBONES = ("mobilenet", "vit", "minilm", "gpt2")


@dataclass
class Place:
    """A backbone to load as often as wanted: its name, and the folder of its weights."""

    name: str
    weights: Path | None = None

    def load(self):
        return load_spec(installed().backbone(self.name), Weights(self.weights))


def place(kind: str, folder: Path, shared: Path | None) -> Place:
    """Real MobileNetV2 and MiniLM, random ViT-tiny (of 32 pixels) and a tiny GPT-2."""
    if kind == "mobilenet":
        weights = shared / "hub/zoo-mirror/mobilenetv2_100.tf2_in1k"
        return Place(f"timm:{weights}", weights)
    if kind == "minilm":
        return Place("nlp:minilm")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "vit":
            weights = folder_of(folder, "vit_tiny_patch16_224", img_size=32)
            return Place(f"timm:{weights}", weights)
        save_tiny(folder / "gpt2", "gpt2")
    return Place(f"hf:{folder / 'gpt2'}", folder / "gpt2")


def composed(adapter: str, backbone, **settings):
    task = zoo.task("classification", labels=LABELS)
    return zoo.compose(backbone, zoo.adapter(adapter, settings), task)


def samples(backbone):
    if backbone.contract.modality == "text":
        return TEXTS
    generator = np.random.default_rng(0)
    return [Image.fromarray(generator.integers(0, 256, (40, 40, 3), np.uint8)) for _ in range(4)]


def trained(model, steps: int = 2):
    """``model`` after some steps that are large enough to be seen.

    Its linear layers are computed as large ones are in a fit.
    """
    preprocess = model.backbone.preprocess
    batch = preprocess.collate([preprocess(sample) for sample in samples(model.backbone)])
    optimizer = torch.optim.SGD(model.trainable().values(), lr=0.05)
    model.train()
    with mock.patch.object(products, "_FROM", 0), products.quick_products():
        for _ in range(steps):
            optimizer.zero_grad()
            logits = model(batch)["classification"]
            torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
            optimizer.step()
    return model.eval()


def logits_of(model) -> torch.Tensor:
    return model.logits(samples(model.backbone))["classification"]


def same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Equal but for the order of additions, and not all alike."""
    scale = float(expected.abs().max())
    assert (expected.amax(0) - expected.amin(0)).max() > 1e-3 * scale
    return float((found - expected).abs().max()) <= 1e-5 * scale


def changed_tensors(model, before) -> set[str]:
    """Names of the backbone's own tensors that are no longer what they were."""
    now = model.backbone.module.state_dict()
    found = set()
    for name, old in before.items():
        module, _, leaf = name.rpartition(".")
        new = now.get(name, now.get(f"{module}.base_layer.{leaf}"))
        if new is None or not torch.equal(old, new):
            found.add(name)
    return found


def check(adapter: str, where: Place, out: Path, **settings) -> None:
    """All that holds for every adapter on every backbone that it accepts."""
    backbone = where.load()
    before = {k: v.clone() for k, v in backbone.module.state_dict().items()}
    model = composed(adapter, backbone, **settings)
    may = {n.removeprefix("backbone.module.") for n in model.trainable()}
    layout = model.adapter.layout(backbone, dict(model.heads), model.native_head)
    assert {n for n in may if n in before} <= set(layout.changed)

    trained(model)
    changed = changed_tensors(model, before)
    assert changed <= set(layout.changed)
    assert bool(changed) == bool(layout.changed)

    expected = logits_of(model)
    zoo.save(model, out)
    again = zoo.load(out, weights=where.weights)
    assert same(logits_of(again), expected)
    assert set(again.trainable()) == set(model.trainable())
    if (out / CONFIG).exists():
        assert same(natively(again, out), expected)


def natively(model, folder: Path) -> torch.Tensor:
    """What the base library alone answers, from an artifact in its own layout."""
    preprocess = model.backbone.preprocess
    batch = preprocess.collate([preprocess(sample) for sample in samples(model.backbone)])
    assert (folder / WEIGHTS).exists()
    with torch.inference_mode():
        if "pixel_values" in batch:
            import timm

            stock = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
            assert stock.pretrained_cfg["label_names"] == list(LABELS)
            return stock(batch["pixel_values"])
        import transformers

        if model.native_head is None:
            stock = transformers.AutoModel.from_pretrained(folder).eval()
            tokens = stock(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            return model.heads["classification"]((tokens * mask).sum(1) / mask.sum(1))
        stock = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        assert list(stock.config.id2label.values()) == list(LABELS)
        return stock(**batch).logits


def check_stock_peft(adapter: str, folder: Path) -> None:
    """PEFT opens what an adapter beside layers saves, on timm's model, with equal logits."""
    torch.manual_seed(0)
    backbone = load_backbone("timm:test_vit", pretrained=False)
    import timm
    from peft import PeftModel

    stock = timm.create_model("test_vit", num_classes=len(LABELS))
    stock.load_state_dict(backbone.module.state_dict(), strict=False)
    model = composed(adapter, backbone, roles="attention")
    with torch.no_grad():
        for parameter in model.trainable().values():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    layout = model.adapter.layout(backbone, model.heads, model.native_head)
    assert not layout.changed
    saved = {t.data_ptr() for t in layout.tensors["adapter_model.safetensors"].values()}
    assert {p.data_ptr() for p in model.trainable().values()} <= saved
    for file, tensors in layout.tensors.items():
        save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, folder / file)
    for file, config in layout.configs.items():
        (folder / file).write_text(json.dumps(config))
    opened = PeftModel.from_pretrained(stock, str(folder)).eval()
    batch = torch.randn(2, 3, 160, 160)
    with torch.inference_mode():
        assert same(opened(batch), model({"pixel_values": batch})["classification"])
