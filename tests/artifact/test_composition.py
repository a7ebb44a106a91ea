"""A second model of the same artifact is made of what is known of the first, and is as good."""

import json
from pathlib import Path

import pytest
import torch

import zoo
from zoo import unchanged
from zoo.artifact.composition import Composition
from zoo.artifact.load import load
from zoo.artifact.manifest import MANIFEST
from zoo.artifact.save import save
from zoo.errors import CorruptFile
from zoo.model import ComposedModel, Skeleton

LONG_PROMPT = "peft:prompt_tuning"  # of so many tokens that texts are cut for it
TEXTS = ["a good film", "the worst, by a long way"]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each adapter on MiniLM, moved away from where it starts."""
    folder = tmp_path_factory.mktemp("artifacts")
    for adapter in ("lora", "partial", "linear-probe", "peft:vera", LONG_PROMPT):
        settings = {"num_virtual_tokens": 300} if adapter == LONG_PROMPT else {}
        task = zoo.task("classification", labels=["a", "b", "c"])
        model = zoo.compose("minilm", zoo.adapter(adapter, settings), task)
        with torch.no_grad():
            for parameter in model.trainable().values():
                parameter.add_(torch.randn_like(parameter) * 0.02)
        save(model, folder / adapter)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_SETTLED_NS", -unchanged._SETTLED_NS)
    unchanged._kept.clear()


def _gradients(model: ComposedModel) -> dict[str, torch.Tensor]:
    model.train()
    torch.manual_seed(0)
    batch = model.preprocess.collate([model.preprocess(text) for text in TEXTS])
    model(batch)["classification"].square().sum().backward()
    model.eval()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("adapter", ["lora", "partial", "linear-probe", "peft:vera"])
def test_the_second_answers_and_learns_as_the_first(
    artifacts: dict[str, Path], adapter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(artifacts[adapter])
    monkeypatch.setattr(ComposedModel, "__init__", None)  # nothing is composed again
    second, third = load(artifacts[adapter]), load(artifacts[adapter])

    assert torch.equal(
        first.logits(TEXTS)["classification"], second.logits(TEXTS)["classification"]
    )
    assert [(name, type(m), m.training) for name, m in first.named_modules()] == [
        (name, type(m), m.training) for name, m in second.named_modules()
    ]
    assert list(first.trainable()) == list(second.trainable())
    assert second.provenance == first.provenance
    gradients = _gradients(first)
    assert gradients
    for name, gradient in _gradients(second).items():
        assert torch.equal(gradient, gradients.pop(name))
    assert not gradients
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(1)
    assert torch.equal(first.logits(TEXTS)["classification"], third.logits(TEXTS)["classification"])


def test_of_changed_preprocessing_nothing_is_kept(artifacts: dict[str, Path]) -> None:
    first = load(artifacts[LONG_PROMPT])
    second = load(artifacts[LONG_PROMPT])

    assert not [kept for kept in unchanged._kept.values() if isinstance(kept, Composition)]
    assert second.backbone.contract == first.backbone.contract


def test_the_files_are_checked_each_time(artifacts: dict[str, Path]) -> None:
    load(artifacts["lora"])
    weights = artifacts["lora"] / "adapter_model.safetensors"
    sound = weights.read_bytes()
    weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(CorruptFile, match="changed or damaged"):
        load(artifacts["lora"])
    weights.write_bytes(sound)

    config = artifacts["lora"] / "adapter_config.json"
    said = config.read_bytes()
    config.write_text(json.dumps({**json.loads(said), "auto_mapping": {"parent_library": "os"}}))
    with pytest.raises(CorruptFile, match="adapter_config"):
        load(artifacts["lora"])
    config.write_bytes(said)
    load(artifacts["lora"])


def test_another_manifest_is_another_model(artifacts: dict[str, Path]) -> None:
    load(artifacts["linear-probe"])
    manifest = artifacts["linear-probe"] / MANIFEST
    said = manifest.read_text()
    manifest.write_text(said.replace('"c"', '"d"'))

    assert load(artifacts["linear-probe"]).task.labels[-1] == "d"
    manifest.write_text(said)


def test_where_python_cannot_take_a_model_apart_it_is_composed_again() -> None:
    module = torch.nn.Linear(2, 2)
    module.register_forward_hook(lambda *_: None)

    assert Skeleton.of(module, module.state_dict()) is None
