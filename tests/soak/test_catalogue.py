"""Every listed backbone that says it was checked, in its real configuration with random weights."""

import gc

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.plugins.architecture import require_architecture

pytestmark = pytest.mark.soak

IMAGES = [
    spec
    for spec in zoo.backbones(modality="image", everything=True)
    if spec.verified != "unverified"
]


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
