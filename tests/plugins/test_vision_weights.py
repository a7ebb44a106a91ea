"""Where timm weights come from, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from zoo.errors import Incompatible, UnknownName, WeightsInvalid, WeightsNotFound


def folder_of(
    parent: Path, architecture: str, tag: str = "mine", config: dict | None = None, **arguments
) -> Path:
    """A folder as timm saves one, with random weights."""
    zoo.load_backbone("timm:test_vit", pretrained=False)  # the host makes timm importable
    import timm

    model = timm.create_model(architecture, num_classes=3, **arguments)
    kept = ("input_size", "mean", "std", "interpolation", "crop_pct", "fixed_input_size")
    pretrained_cfg = {key: model.pretrained_cfg[key] for key in kept}
    pretrained_cfg |= {
        "tag": tag,
        "license": "mit",
        "classifier": model.pretrained_cfg["classifier"],
    }
    described = {
        "architecture": architecture,
        "num_classes": 3,
        "model_args": arguments,
        "pretrained_cfg": pretrained_cfg,
    }
    folder = parent / f"{architecture}.{tag}"
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(described | (config or {})))
    return folder


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_is_loaded_as_timm_would_and_its_path_stays_private(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, "test_vit")
    backbone = zoo.load_backbone(f"timm:{folder}")
    stored = load_file(folder / "model.safetensors")
    assert all(torch.equal(t, stored[n]) for n, t in backbone.module.state_dict().items())
    assert backbone.spec.name == "timm:./test_vit.mine"
    assert (backbone.origin.source, backbone.origin.commit) == ("", None)
    assert backbone.license == "mit"
    code = backbone.stock_code()
    assert str(tmp_path) not in "".join([*code.imports, code.whole, code.features, code.inputs])
    monkeypatch.chdir(tmp_path)
    assert zoo.load_backbone("timm:./test_vit.mine").digest == backbone.digest


def test_a_folder_elsewhere_keeps_the_name(tmp_path):
    folder = folder_of(tmp_path, "test_vit")
    moved = folder.rename(tmp_path / "moved")
    assert zoo.load_backbone("timm:./net", weights=moved).spec.name == "timm:./net"
    with pytest.raises(WeightsNotFound, match="net is not a folder") as refused:
        zoo.load_backbone("timm:./net")
    assert "--weights PATH" in refused.value.hint


def test_arguments_in_the_config_count(tmp_path):
    folder = folder_of(
        tmp_path,
        "test_resnet",
        in_chans=1,
        config={"pretrained_cfg": {"input_size": [1, 96, 96], "mean": [0.5], "std": [0.5]}},
    )
    backbone = zoo.load_backbone(f"timm:{folder}")
    assert backbone.contract.channels == 1
    assert backbone.module.conv1[0].in_channels == 1
    assert '.convert("L")' in backbone.stock_code().inputs


def test_other_channels_than_an_image_has_are_refused(tmp_path):
    config = {"pretrained_cfg": {"input_size": [4, 96, 96], "mean": [0.5] * 4, "std": [0.5] * 4}}
    folder = folder_of(tmp_path, "test_resnet", in_chans=4, config=config)
    with pytest.raises(Incompatible, match="takes images of 4 channels"):
        zoo.load_backbone(f"timm:{folder}")


class TestAPlainName:
    """``--weights`` with a model that timm knows by itself."""

    def test_takes_its_tensors_from_the_folder(self, tmp_path):
        folder = folder_of(tmp_path, "test_resnet")
        (folder / "config.json").unlink()
        rename_head(folder, classes=1000)
        backbone = zoo.load_backbone("timm:test_resnet", weights=folder)
        assert backbone.spec.name == "timm:test_resnet.r160_in1k"  # the default tag, made explicit
        assert backbone.origin.source == "timm/test_resnet.r160_in1k"
        stored = load_file(folder / "model.safetensors")
        assert torch.equal(backbone.module.conv1[0].weight, stored["conv1.0.weight"])

    def test_of_the_same_tag_keeps_its_source(self, tmp_path):
        folder = folder_of(tmp_path, "test_resnet", tag="r160_in1k")
        backbone = zoo.load_backbone("timm:test_resnet", weights=folder)
        assert backbone.spec.name == "timm:test_resnet.r160_in1k"
        assert backbone.origin.source == "timm/test_resnet.r160_in1k"

    def test_of_another_tag_is_known_by_its_folder(self, tmp_path):
        folder = folder_of(tmp_path, "test_resnet")
        backbone = zoo.load_backbone("timm:test_resnet", weights=folder)
        assert (backbone.spec.name, backbone.origin.source) == ("timm:./test_resnet.mine", "")

    def test_of_another_architecture_is_refused(self, tmp_path):
        folder = folder_of(tmp_path, "test_vit")
        with pytest.raises(Incompatible, match="holds test_vit, not test_resnet"):
            zoo.load_backbone("timm:test_resnet", weights=folder)

    def test_is_offline_and_absent(self):
        with pytest.raises(WeightsNotFound, match=r"timm/resnet18\.a1_in1k are not in the cache"):
            zoo.load_backbone("timm:resnet18.a1_in1k")

    def test_without_weights_on_the_hub(self):
        with pytest.raises(WeightsNotFound, match=r"no weights of gcvit_xxtiny\.in1k on the Hub"):
            zoo.load_backbone("timm:gcvit_xxtiny")

    def test_that_was_renamed_is_followed(self):
        old = zoo.load_backbone("timm:vit_tiny_patch16_224_in21k", pretrained=False)
        assert old.spec.name == "timm:vit_tiny_patch16_224.augreg_in21k"


def rename_head(folder: Path, classes: int) -> None:
    """Give the file a classifier of as many classes as the architecture's own weights have."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    size = tensors["fc.weight"].shape[1]
    tensors |= {"fc.weight": torch.zeros(classes, size), "fc.bias": torch.zeros(classes)}
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("timm:mobilnetv2_100", "Did you mean 'timm:mobilenetv2_100'"),
        ("timm:resnet18.a1_in22k", "Did you mean 'timm:resnet18.a1_in1k'"),
        ("timm:timm/resnet18.a1_in1k", "'timm:hf-hub:timm/resnet18.a1_in1k'"),
        ("timm:qqqqqq", "Valid: timm:"),
    ],
)
@pytest.mark.parametrize("pretrained", [True, False])
def test_an_unknown_model_is_met_with_the_nearest_name(name, suggestion, pretrained):
    with pytest.raises(UnknownName) as refused:
        zoo.load_backbone(name, pretrained=pretrained)
    assert f"Unknown backbone '{name}'. " in refused.value.message
    assert suggestion in refused.value.message


def without(folder: Path, name: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")


def replaced_by_a_pickle(folder: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, folder / "model.safetensors")


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


SPOILT = {
    "lacks a tensor, loaded strictly": (
        "test_vit",
        lambda folder: without(folder, "norm.weight"),
        r'does not hold the tensors of test_vit: Missing key\(s\) in state_dict: "norm.weight"',
    ),
    "lacks a tensor, loaded leniently by timm": (
        "dla46_c",
        lambda folder: without(folder, "level2.tree1.bn1.bias"),
        "lacks 1 tensors of dla46_c: level2.tree1.bn1.bias",
    ),
    "of another architecture": (
        "test_vit",
        lambda folder: rewrite(folder, architecture="test_vit2"),
        "does not hold the tensors of test_vit2: ",
    ),
    "a pickle in place of safetensors": (
        "test_vit",
        replaced_by_a_pickle,
        "cannot be read as safetensors",
    ),
    "a pickle beside no safetensors": ("test_vit", only_a_pickle, "lacks model.safetensors"),
    "no config": ("test_vit", lambda f: (f / "config.json").unlink(), "lacks config.json"),
    "a config that is not JSON": (
        "test_vit",
        lambda folder: (folder / "config.json").write_text("{"),
        "config.json is not valid JSON",
    ),
    "a config of transformers": (
        "test_vit",
        lambda folder: rewrite(folder, architecture=None, architectures=["BertModel"]),
        "names no architecture.\nFor a transformers model use `hf:`",
    ),
    "a config of an unknown model": (
        "test_vit",
        lambda folder: rewrite(folder, architecture="test_vitt"),
        "Unknown backbone 'timm:test_vitt'. Did you mean 'timm:test_vit'",
    ),
    "a config that names a file": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"checkpoint_path": "x.bin", "depth": 2}),
        "model_args may not set checkpoint_path",
    ),
    "a config that turns strictness off": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"pretrained_strict": False}),
        "model_args may not set pretrained_strict",
    ),
    "a config of a billion channels": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"embed_dim": 10**9}),
        "asks for 1e[+]09 of something; 100000 is the most",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_cannot_be_used_is_refused_in_a_line_or_two(case, tmp_path):
    architecture, spoil, message = SPOILT[case]
    folder = folder_of(tmp_path, architecture)
    spoil(folder)
    with pytest.raises((UnknownName, WeightsInvalid, WeightsNotFound), match=message) as refused:
        zoo.load_backbone(f"timm:{folder}")
    assert len(str(refused.value).splitlines()) <= 2
    assert len(refused.value.message) < 500


def test_random_weights_repeat_under_a_seed(tmp_path):
    folder = folder_of(tmp_path, "test_resnet")
    name = f"timm:{folder}"

    def digest(seed: int) -> str:
        torch.manual_seed(seed)
        return zoo.load_backbone(name, pretrained=False).digest

    assert digest(1) == digest(1)
    assert len({digest(1), digest(2), zoo.load_backbone(name).digest}) == 3
    (folder / "model.safetensors").unlink()
    assert digest(1) == digest(1)  # the architecture is all that is needed


def test_loading_leaves_the_random_state_alone(tmp_path):
    """What is drawn after loading depends on the seed and not on how a model was looked at."""
    folder = folder_of(tmp_path, "test_resnet")
    torch.manual_seed(3)
    zoo.load_backbone(f"timm:{folder}", pretrained=False)
    drawn = torch.rand(1)
    import timm

    torch.manual_seed(3)
    timm.create_model("test_resnet", num_classes=3)
    assert torch.equal(drawn, torch.rand(1))


OVER_THE_HUB = """
import sys
import torch
from PIL import Image
import zoo
from zoo.model import extract

name, photo = sys.argv[1:]
backbone = zoo.load_backbone(name)
example = Image.open(photo)
code = backbone.stock_code()
names = {"example": example}
with torch.no_grad():
    exec("\\n".join([*code.imports, code.features, code.inputs, code.pooled]), names)
    exec("\\n".join([code.whole.format(n=7), code.logits]), names)
    same = torch.equal(names["pooled"], extract(backbone, [example]))
head = names["model"].get_classifier()
whole = torch.equal(head(names["pooled"]), names["logits"]) and names["logits"].std() > 0
print(backbone.digest, backbone.origin.source, backbone.origin.commit, same, bool(whole))
print(code.whole)
"""


@pytest.mark.realdata
def test_a_repo_gives_what_its_folder_gives_and_what_stock_timm_gives(shared, tmp_path):
    from zoo.hub.server import EmbeddedHub

    repo = "zoo-mirror/mobilenetv2_100.tf2_in1k"
    photo = next((shared / "data" / "hymenoptera" / "val" / "bees").glob("*.jpg"))
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", OVER_THE_HUB, f"timm:hf-hub:{repo}", str(photo)]
    with EmbeddedHub(shared / "hub") as hub:
        done = subprocess.run(
            command,
            env=environment | {"HF_ENDPOINT": hub.url},
            capture_output=True,
            text=True,
            check=True,
        )
    measured, code = done.stdout.splitlines()
    digest, source, commit, same, whole = measured.split()
    folder = zoo.load_backbone(f"timm:{shared / 'hub' / repo}")
    assert digest == folder.digest
    assert source == repo
    assert f'"hf-hub:{repo}@{commit}"' in code
    assert (same, whole) == ("True", "True")


@pytest.mark.realdata
def test_real_weights_see_what_their_architecture_says(shared):
    """The config's padding counts: without it the same tensors see worse."""
    folder = shared / "hub" / "zoo-mirror" / "mobilenetv2_100.tf2_in1k"
    backbone = zoo.load_backbone("timm:mobilenetv2_100", weights=folder)
    assert backbone.spec.name == "timm:./mobilenetv2_100.tf2_in1k"
    assert type(backbone.module.conv_stem).__name__ == "Conv2dSame"
    assert backbone.preprocess.describe()["mean"] == [0.5, 0.5, 0.5]
    assert isinstance(zoo.load_backbone(f"timm:{folder}").license, str)
