"""Every listed backbone that says it was checked, in its real configuration with random weights."""

import gc
import json

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.plugins.architecture import require_architecture
from tests.plugins.measuring import script_of
from tests.plugins.nlp.conftest import TEXTS, save_tokenizer  # mends torchvision first

pytestmark = pytest.mark.soak

IMAGES = [
    spec
    for spec in zoo.backbones(modality="image", everything=True)
    if spec.verified != "unverified"
]


def test_every_fact_is_what_the_installed_timm_measures():
    script = script_of("zoo-vision")
    entries = json.loads(script.CATALOGUE.read_text(encoding="utf-8"))
    assert [script.measure(*listed) for listed in script.LISTED] == entries


@pytest.mark.parametrize("spec", IMAGES, ids=lambda spec: spec.name)
def test_an_image_backbone_is_what_the_catalogue_says(spec):
    backbone = zoo.load_backbone(spec.name, pretrained=False)
    assert sum(p.numel() for p in backbone.module.parameters()) == spec.params
    channels = spec.input_size[0]
    pixels = np.random.default_rng(0).integers(0, 256, (96, 105, 3), np.uint8)
    photo = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
    require_architecture(backbone, [photo, photo.rotate(90)], spec.feature_size)
    del backbone
    gc.collect()


@pytest.mark.parametrize("listed", script_of("zoo-nlp").LISTED, ids=lambda listed: listed.name)
def test_a_text_backbone_is_what_the_catalogue_says(listed, tmp_path):
    script = script_of("zoo-nlp")
    config_class = getattr(script.transformers, listed.model).config_class
    config_class(**listed.config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, decoder="decoder" in listed.tags)
    name = f"nlp:{listed.name}"
    (spec,) = (spec for spec in zoo.backbones(modality="text") if spec.name == name)
    backbone = zoo.load_backbone(name, weights=tmp_path, pretrained=False)
    assert sum(p.numel() for p in backbone.module.parameters()) == spec.params
    require_architecture(backbone, TEXTS[:2], spec.feature_size)
    del backbone
    gc.collect()
