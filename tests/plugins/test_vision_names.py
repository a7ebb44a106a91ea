"""The names that zoo-vision answers to, and the catalogue it lists; nothing here needs torch."""

import json
import subprocess
import sys

import pytest
from zoo_vision.hooks import CATALOGUE, zoo_backbones, zoo_resolve_backbone
from zoo_vision.names import TimmName, parse

import zoo
from tests.plugins.measuring import script_of


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("resnet18.a1_in1k", TimmName("registry", "resnet18.a1_in1k")),
        ("hf-hub:timm/resnet18.a1_in1k", TimmName("hub", "timm/resnet18.a1_in1k")),
        ("hf_hub:me/net@v1", TimmName("hub", "me/net", "v1")),
        ("./nets/mine", TimmName("folder", "./nets/mine")),
        ("../mine", TimmName("folder", "../mine")),
        ("/nets/mine", TimmName("folder", "/nets/mine")),
        ("local-dir:nets/mine", TimmName("folder", "nets/mine")),
    ],
)
def test_what_follows_the_namespace(name, parsed):
    assert parse(name) == parsed


@pytest.mark.parametrize("name", ["timm:", "timm: ", "timm:::", "hf:org/repo", "vision:resnet18"])
def test_only_the_timm_namespace_is_open(name):
    assert zoo_resolve_backbone(name) is None


def test_a_name_resolves_as_typed():
    spec = zoo_resolve_backbone("timm:./a folder/net")
    assert spec is not None
    assert (spec.name, spec.modality) == ("timm:./a folder/net", "image")


def test_listing_and_resolving_import_nothing_heavy():
    code = (
        "import sys; from zoo_vision import hooks; hooks.zoo_backbones();"
        "hooks.zoo_resolve_backbone('timm:resnet18');"
        "print(sorted({'torch', 'timm', 'torchvision', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_catalogue_is_what_the_installed_timm_measures():
    script = script_of("zoo-vision")
    entries = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    assert [entry["timm"] for entry in entries] == [name for name, *_ in script.LISTED]
    small = {entry["timm"]: entry for entry in entries if entry["params"] < 12_000_000}
    assert len(small) > 8  # tests/soak measures them all
    assert [script.measure(*each) for each in script.LISTED if each[0] in small] == [
        *small.values()
    ]


def test_listed_backbones_say_how_they_were_checked():
    specs = zoo_backbones()
    assert {spec.verified for spec in specs} == {"architecture"}
    assert all(spec.license and spec.params and spec.feature_size for spec in specs)
    assert "vision:resnet18" in {spec.name for spec in zoo.backbones()}
