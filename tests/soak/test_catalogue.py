"""Every listed backbone that says it was checked, in its real configuration with random weights."""

import gc
import json

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from tests.plugins.architecture import require_architecture, require_blocks
from tests.plugins.language import conftest as language
from tests.plugins.measuring import script_of
from tests.plugins.nlp.conftest import TEXTS, save_tokenizer  # mends torchvision first

pytestmark = pytest.mark.soak

IMAGES = [
    spec
    for spec in zoo.backbones(modality="image", everything=True)
    if spec.verified != "unverified"
]

TEXT_MODELS = script_of("zoo-nlp").LISTED
# transformers has no class for the encoder of these alone: they are of use with their language head.
WITH_HEAD = [
    listed
    for listed in TEXT_MODELS
    if listed.model in ("BartModel", "MBartModel", "M2M100Model", "MarianModel")
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


@pytest.mark.parametrize(
    "listed",
    [listed for listed in TEXT_MODELS if listed not in WITH_HEAD],
    ids=lambda listed: listed.name,
)
def test_a_text_backbone_is_what_the_catalogue_says(listed, tmp_path):
    script = script_of("zoo-nlp")
    config_class = getattr(script.transformers, listed.model).config_class
    config_class(**listed.config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, decoder="decoder" in listed.tags)
    spec = spec_of(listed)
    backbone = zoo.load_backbone(spec.name, weights=tmp_path, pretrained=False)
    assert sum(p.numel() for p in backbone.module.parameters()) == spec.params
    require_architecture(backbone, TEXTS[:2], spec.feature_size)
    del backbone
    gc.collect()


@pytest.mark.parametrize("listed", WITH_HEAD, ids=lambda listed: listed.name)
def test_an_encoder_decoder_is_what_the_catalogue_says(listed, tmp_path):
    config_class = getattr(script_of("zoo-nlp").transformers, listed.model).config_class
    config_class(**listed.config).save_pretrained(tmp_path)
    language.save_tokenizer(tmp_path, marks="$A </s>")
    spec = spec_of(listed)
    backbone = zoo.load_backbone(
        spec.name, weights=tmp_path, pretrained=False, language=listed.head
    )
    config = backbone.module.config
    assert config.hidden_size == spec.feature_size
    if listed.counted:
        assert sum(p.numel() for p in backbone.module.parameters()) == spec.params
    require_blocks(backbone)
    model = zoo.compose(backbone, "lora", zoo.task("sequence-to-sequence", labels=()))
    samples = model.task.taught(["the cat sat", "a dog ran"], ["le chat", "un chien"])
    batch = model.preprocess.collate([model.preprocess(sample) for sample in samples])
    before = {name: p.detach().clone() for name, p in model.trainable().items()}
    logits = model(batch)["sequence-to-sequence"]
    assert torch.isfinite(backbone(batch).logits).all()
    assert backbone(batch).logits.shape[-1] == config.vocab_size
    model.task.loss(logits, torch.empty(2, 0)).backward()
    torch.optim.SGD(model.trainable().values(), lr=0.5).step()
    moved = {n for n, p in model.trainable().items() if not torch.equal(p, before[n])}
    assert {n for n in before if ".lora_B." in n} <= moved
    del backbone, model
    gc.collect()


def spec_of(listed):
    """The entry of a text model."""
    (spec,) = (s for s in zoo.backbones(modality="text") if s.name == f"nlp:{listed.name}")
    return spec
