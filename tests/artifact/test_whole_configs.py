"""The config.json of a whole model in an artifact says what the rebuilt model says, and nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from tests.artifact import tampering
from tests.plugins.nlp.conftest import save_tiny
from zoo.errors import CorruptFile


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny BERT, and an artifact of it with all its weights trained."""
    folder = tmp_path_factory.mktemp("whole")
    save_tiny(folder / "bert", "bert")
    model = zoo.compose(
        f"hf:{folder / 'bert'}", "finetune", zoo.task("classification", labels=["a", "b", "c"])
    )
    with torch.no_grad():
        for parameter in [*model.trainable().values(), *model.heads.parameters()]:
            parameter.add_(torch.randn_like(parameter) * 0.02)
    zoo.save(model, folder / "artifact")
    return folder / "bert", folder / "artifact"


def test_a_good_one_opens(whole: tuple[Path, Path]) -> None:
    assert (whole[1] / "config.json").is_file()
    assert zoo.load(whole[1], weights=whole[0])


@pytest.mark.row(52, 53)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_map", {"AutoModelForSequenceClassification": "evil--modeling.Evil"}),
        ("trust_remote_code", True),
        ("_attn_implementation", "evil/kernel"),
        ("attn_implementation", "evil/kernel"),
        ("quantization_config", {"quant_method": "evil"}),
        ("custom_pipelines", {"x": {"impl": "evil.Pipe"}}),
        ("architectures", ["EvilModel"]),
        ("model_type", "evil"),
        ("_name_or_path", "/etc"),
        ("transformers_weights", "pytorch_model.bin"),
        ("hidden_size", 10**9),
        ("num_hidden_layers", 10**9),
        ("vocab_size", 10**9),
        ("id2label", {"0": "c", "1": "b", "2": "a"}),
        ("transformers_version", "\x1b[2J"),
        ("hidden_act", "os.system"),
        ("something", {"new": 1}),
    ],
)
def test_anything_else_is_refused(
    whole: tuple[Path, Path], tmp_path: Path, key: str, value: Any
) -> None:
    artifact = tmp_path / "artifact"
    shutil.copytree(whole[1], artifact)
    config = json.loads((artifact / "config.json").read_text())
    tampering.put(artifact, "config.json", json.dumps({**config, key: value}).encode())
    with pytest.raises(CorruptFile, match=rf"config\.json says '{key}' = ") as caught:
        zoo.load(artifact, weights=whole[0])
    assert "\x1b" not in str(caught.value)
