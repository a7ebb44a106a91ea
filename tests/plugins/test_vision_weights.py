"""Where timm weights come from, and what is known of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from tests.plugins.vision_folder import folder_of
from zoo.errors import Incompatible, WeightsNotFound


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


def test_the_head_the_weights_were_trained_with_is_at_hand_and_no_part_of_the_backbone(tmp_path):
    folder = folder_of(tmp_path, "test_vit")
    backbone = zoo.load_backbone(f"timm:{folder}")
    stored = load_file(folder / "model.safetensors")
    head = backbone.source_head()
    assert torch.equal(head.weight, stored["head.weight"])
    assert torch.equal(head.bias, stored["head.bias"])
    assert not {id(p) for p in head.parameters()} & {id(p) for p in backbone.parameters()}
    assert backbone.reload(False).source_head() is None


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
    same = torch.allclose(names["pooled"], extract(backbone, [example]), atol=1e-5)
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
