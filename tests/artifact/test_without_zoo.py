"""The card's own code, as it stands, where zoo is not installed: the same logits within 1e-5."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants, hf_api, hf_hub_download
from PIL import Image
from safetensors.torch import load_file

import zoo
from tests.plugins.nlp.conftest import save_tiny
from zoo.hub import preflight
from zoo.hub.server import EmbeddedHub

pytestmark = pytest.mark.realdata

MOBILENET = "timm:hf-hub:zoo-mirror/mobilenetv2_100.tf2_in1k"
CASES = {
    "timm-lora": (MOBILENET, "lora"),
    "timm-probe": (MOBILENET, "linear-probe"),
    "timm-finetune": (MOBILENET, "finetune"),
    "bert-finetune": ("hf:org/bert", "finetune"),
    "bert-prefix": ("hf:org/bert", "peft:prefix_tuning"),
    "llama-partial": ("hf:org/llama", "partial"),
    "minilm-bitfit": ("nlp:minilm", "bitfit"),
    "minilm-prefix": ("nlp:minilm", "peft:prefix_tuning"),
    "bert-lora": ("hf:org/bert", "lora"),
    "bert-probe": ("hf:org/bert", "linear-probe"),
    "llama-lora": ("hf:org/llama", "lora"),
    "minilm-lora": ("nlp:minilm", "lora"),
    "minilm-probe": ("nlp:minilm", "linear-probe"),
}


def model(backbone: str, adapter: str) -> zoo.ComposedModel:
    labels = ["ants", "bees", "wasps", 'it\'s "quoted" | <b>']
    made = zoo.compose(backbone, adapter, zoo.task("classification", labels=labels))
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for parameter in [*made.trainable().values(), *made.heads.parameters()]:
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return made


@pytest.fixture(scope="module")
def hub(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedHub]:
    """The shared hub, two tiny text models, and room for what is pushed; all of them over HTTP."""
    folder = tmp_path_factory.mktemp("hub")
    for kind in ("bert", "llama"):
        save_tiny(folder / "mirror/org" / kind, kind)
    mirrors = [shared / "hub", folder / "mirror"]
    patch = pytest.MonkeyPatch()
    with EmbeddedHub(folder / "own", mirrors=mirrors) as running:
        _, _, path = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("{")
        patch.setattr(constants, "ENDPOINT", running.url)
        patch.setattr(hf_api.api, "endpoint", running.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{running.url}/{{{path}")
        patch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
        patch.setattr(preflight, "is_clean", lambda: True)
        yield running
        patch.undo()


@pytest.fixture(scope="module")
def cards(hub: EmbeddedHub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The cards of all cases, pushed, as they are in their repos."""
    folder = tmp_path_factory.mktemp("artifacts")
    texts = {}
    for name, (backbone, adapter) in CASES.items():
        zoo.save(model(backbone, adapter), folder / name)
        zoo.push(folder / name, f"me/{name}")
        texts[name] = Path(hf_hub_download(f"me/{name}", "README.md")).read_text(encoding="utf-8")
    return texts


@pytest.fixture(scope="module")
def ran(
    cards: dict[str, str], hub: EmbeddedHub, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the code of every card printed and gave, in one process with an empty cache."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path_factory.mktemp("home")),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-I", str(Path(__file__).with_name("without_zoo.py"))],
        input=json.dumps({name: code_of(card) for name, card in cards.items()}),
        env=environment,
        cwd=tmp_path_factory.mktemp("elsewhere"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_code_on_the_card_opens_the_adapter_of_each_task(
    hub: EmbeddedHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [
        zoo.task("classification", labels=["ants", "bees", "wasps"], name="kind"),
        zoo.task("regression", labels=["size"], name="how"),
    ]
    made = zoo.compose("nlp:minilm", "lora", tasks, adapter_per_task=True)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for parameter in [*made.trainable().values(), *made.heads.parameters()]:
            parameter.add_(torch.randn_like(parameter) * 0.02)
    zoo.save(made, tmp_path / "each")
    zoo.push(tmp_path / "each", "me/each")
    exec(code_of(Path(hf_hub_download("me/each", "README.md")).read_text(encoding="utf-8")), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[::2]] == ["kind", "how"]
    for compared in lines[1::2]:
        assert float(compared.removeprefix("largest difference from the recorded logits: ")) <= 1e-5
    assert lines[0] != lines[2]


def test_a_whole_model_from_a_folder_of_ones_own_brings_its_tokenizer(
    hub: EmbeddedHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "own"
    save_tiny(folder, "bert")
    task = zoo.task("classification", labels=["ants", "bees", "wasps"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = zoo.compose(f"hf:{folder}", "finetune", task)
        zoo.save(made, tmp_path / "made")
    zoo.push(tmp_path / "made", "me/own", weights=folder)
    listed = json.loads((tmp_path / "made" / "zoo.json").read_text())["files"]
    assert {"tokenizer.json", "tokenizer_config.json", "model.safetensors"} <= listed.keys()
    shutil.rmtree(folder)
    monkeypatch.chdir(tmp_path)
    exec(code_of(Path(hf_hub_download("me/own", "README.md")).read_text(encoding="utf-8")), {})
    *_, compared = capsys.readouterr().out.splitlines()
    assert float(compared.removeprefix("largest difference from the recorded logits: ")) <= 1e-5


def code_of(card: str) -> str:
    section = card.partition("## Without zoo")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found, card
    return found[1]


@pytest.mark.parametrize("name", CASES)
def test_the_code_on_the_card_gives_the_same_logits(ran: dict[str, Any], name: str) -> None:
    assert "error" not in ran[name], ran[name].get("error")
    probe = load_file(hf_hub_download(f"me/{name}", "probe.safetensors"))
    recorded = probe["logits.classification"]

    assert len(ran[name]["logits"]) == 3
    for number, logits in ran[name]["logits"].items():
        assert torch.tensor(logits).shape == (1, 4)
        assert (torch.tensor(logits)[0] - recorded[int(number)]).abs().max() <= 1e-5
    assert (recorded.amax(0) - recorded.amin(0)).max() > 1e-3


@pytest.mark.parametrize("name", CASES)
def test_the_code_shows_labels_and_compares_with_the_record(ran: dict[str, Any], name: str) -> None:
    labelled, compared = ran[name]["printed"].splitlines()

    assert labelled.startswith("{'ants': ")
    assert float(compared.removeprefix("largest difference from the recorded logits: ")) <= 1e-5


@pytest.mark.parametrize("name", CASES)
def test_the_code_pins_what_it_opens(cards: dict[str, str], name: str) -> None:
    code = code_of(cards[name])

    assert "OWNER/NAME" not in cards[name]
    if (
        "model.safetensors"
        in json.loads(Path(hf_hub_download(f"me/{name}", "zoo.json")).read_text())["files"]
    ):
        assert f'"hf-hub:me/{name}"' in code or f'from_pretrained("me/{name}"' in code
    elif CASES[name][0] == MOBILENET:
        assert re.search(r'"hf-hub:zoo-mirror/mobilenetv2_100\.tf2_in1k@[0-9a-f]{40}"', code)
    elif CASES[name][0].startswith("hf:"):
        assert re.search(r'revision="[0-9a-f]{40}"', code)


@pytest.mark.parametrize("name", CASES)
def test_what_is_pulled_answers_as_what_was_pushed(
    cards: dict[str, str], hub: EmbeddedHub, name: str
) -> None:
    pulled = zoo.pull(f"me/{name}")
    image = Image.effect_noise((90, 70), 90).convert("RGB")
    samples = ["a sentence"] if pulled.backbone.contract.modality == "text" else [image]

    expected = model(*CASES[name]).logits(samples)["classification"]
    assert torch.equal(pulled.logits(samples)["classification"], expected)


def test_the_budget_of_bytes(cards: dict[str, str], hub: EmbeddedHub) -> None:
    """What pulling reads is at most the trained tensors and 256 kB."""
    for name in CASES:
        manifest = json.loads(Path(hf_hub_download(f"me/{name}", "zoo.json")).read_text())
        sizes = {file: entry["size"] for file, entry in manifest["files"].items()}
        trained = sum(
            sizes.get(f, 0)
            for f in ("adapter_model.safetensors", "heads.safetensors", "model.safetensors")
        )
        assert sum(sizes.values()) - trained + len(json.dumps(manifest)) < 256 * 1024
