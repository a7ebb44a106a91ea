"""Medical encoders: what transformers gives is what zoo gives, from folders as the repos are laid out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from zoo_medical.hooks import CATALOGUE, zoo_backbones

import zoo
from tests.plugins.architecture import require_architecture
from tests.plugins.measuring import script_of
from tests.plugins.nlp.conftest import TEXTS, save_tokenizer
from zoo.errors import WeightsInvalid, WeightsNotFound
from zoo.model import extract

import transformers as tf  # isort: skip  # after conftest, which mends torchvision

SPECS = {spec.name: spec for spec in zoo_backbones()}
TINY = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 28,
    "patch_size": 14,
}
DINO = {
    "size": {"shortest_edge": 28},
    "crop_size": {"height": 28, "width": 28},
    "do_center_crop": True,
    "do_resize": True,
    "resample": 3,
    "image_mean": [0.5307, 0.5307, 0.5307],
    "image_std": [0.2583, 0.2583, 0.2583],
    "image_processor_type": "BitImageProcessor",
}
VIT = {"size": {"height": 28, "width": 28}, "image_mean": [0.485, 0.456, 0.406], "resample": 2}
SIGLIP = {"size": {"height": 28, "width": 28}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
IMAGES = {
    "medical:rad-dino": (lambda: tf.Dinov2Model(tf.Dinov2Config(**TINY)), DINO),
    "medical:phikon": (lambda: tf.ViTModel(tf.ViTConfig(**TINY), add_pooling_layer=False), VIT),
    "medical:phikon-v2": (lambda: tf.Dinov2Model(tf.Dinov2Config(**TINY)), DINO),
    "medical:medsiglip": (lambda: tf.SiglipModel(_siglip()), SIGLIP),
}


def _siglip():
    text = {k: v for k, v in TINY.items() if k not in ("image_size", "patch_size")}
    return tf.SiglipConfig(text_config=text | {"vocab_size": 50}, vision_config=dict(TINY))


def folder_of(parent: Path, name: str, **changes: object) -> Path:
    """A small model and its processor's configuration, as transformers writes them."""
    torch.manual_seed(0)
    make, processor = IMAGES[name]
    folder = parent / name.partition(":")[2]
    make().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor | changes))
    return folder


def photo(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(4).integers(0, 256, (41, 57, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def test_the_catalogue_is_what_the_installed_transformers_measures():
    assert script_of("zoo-medical").measure() == json.loads(CATALOGUE.read_text(encoding="utf-8"))


def test_what_could_not_be_checked_says_so_and_states_no_licence():
    assert {spec.verified for spec in SPECS.values()} == {"unverified"}
    assert {spec.license for spec in SPECS.values()} == {None}
    tags = {tag for spec in SPECS.values() for tag in spec.tags}
    assert {"radiology", "histology", "dermatology", "ophthalmology", "clinical"} <= tags


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from zoo_medical import hooks; hooks.zoo_backbones();"
        "print(sorted({'torch', 'transformers', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", IMAGES)
def test_features_of_an_image_encoder_are_transformers_own(tmp_path, name):
    spec = SPECS[name]
    folder = folder_of(tmp_path, name)
    backbone = zoo.load_backbone(name, weights=folder)
    grey = backbone.contract.channels == 1
    assert grey == (name == "medical:rad-dino")
    sample = photo("L" if grey else "RGB")
    found = extract(backbone, [sample, sample.rotate(180)])

    kind = tf.SiglipVisionModel if name == "medical:medsiglip" else type(backbone.module)
    model = kind.from_pretrained(folder).eval()
    processor = getattr(tf, spec.options["processor"]).from_pretrained(folder)
    with torch.no_grad():
        output = model(**processor(sample.convert("RGB"), return_tensors="pt"))
    expected = {"cls": output.last_hidden_state[:, 0], "pooler": output.pooler_output}
    assert (found[:1] - expected[spec.options["pooling"]]).abs().max() < 1e-5
    assert (found[0] - found[1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", IMAGES)
def test_a_tiny_configuration_of_an_image_encoder(tmp_path, name):
    backbone = zoo.load_backbone(name, weights=folder_of(tmp_path, name))
    mode = "L" if backbone.contract.channels == 1 else "RGB"
    require_architecture(backbone, [photo(mode), photo(mode).rotate(90)], TINY["hidden_size"])
    assert set(backbone.lora_targets) == {"attention", "mlp"}


@pytest.mark.parametrize("name", IMAGES)
def test_the_lines_without_zoo_give_the_same_features(tmp_path, name):
    folder = folder_of(tmp_path, name)
    backbone = zoo.load_backbone(name, weights=folder)
    stock = backbone.stock_code()
    assert stock is not None
    lines = "\n".join((*stock.imports, stock.features, stock.inputs, stock.pooled))
    space = {"example": photo("L" if backbone.contract.channels == 1 else "RGB")}
    exec(lines.replace(SPECS[name].source, str(folder)), space)
    found = extract(backbone, [space["example"]])
    assert (found - space["pooled"]).abs().max() < 1e-5


@pytest.mark.parametrize("name", IMAGES)
def test_a_fine_tuned_image_encoder_is_opened_by_zoo_and_by_transformers(tmp_path, name):
    folder = folder_of(tmp_path, name)
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(6):
            turned = photo().rotate(17 * i + (90 if label == "a" else 0))
            turned.save(tmp_path / "data" / label / f"{i}.png")
    task = zoo.task("classification", labels=["a", "b"])
    model = zoo.compose(zoo.load_backbone(name, weights=folder), "finetune", task)
    run = zoo.fit(model, data=tmp_path / "data", out=tmp_path / "run", epochs=1)
    opened = zoo.load(run.folder / "artifact", weights=folder)
    sample = photo("L" if model.backbone.contract.channels == 1 else "RGB")
    assert opened.predict([sample])[0].scores == run.model.predict([sample])[0].scores
    trained = run.model.backbone.module
    stock = type(trained).from_pretrained(run.folder / "artifact").eval()
    pixels = trained.config.image_size
    batch = torch.rand(1, 3, pixels, pixels)
    with torch.no_grad():
        expected = trained(batch).last_hidden_state
        assert (stock(batch).last_hidden_state - expected).abs().max() < 1e-5


def test_the_preprocessing_is_described_as_plain_data(tmp_path):
    backbone = zoo.load_backbone(
        "medical:rad-dino", weights=folder_of(tmp_path, "medical:rad-dino")
    )
    described = backbone.preprocess.describe()
    assert described["processor"] == "BitImageProcessorPil"
    assert described["image_std"] == [0.2583] * 3
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": {"shortest_edge": 10**9}}, "size"),
        ({"crop_size": {"height": "a", "width": 2}}, "crop_size"),
        ({"image_mean": [0.5, "0.5", 0.5]}, "image_mean"),
        ({"do_resize": "yes"}, "do_resize"),
        ({"rescale_factor": None}, "rescale_factor"),
    ],
)
def test_a_processor_configuration_that_is_none_is_refused(tmp_path, change, named):
    folder = folder_of(tmp_path, "medical:rad-dino", **change)
    with pytest.raises(WeightsInvalid, match=f"preprocessor_config.json sets {named}"):
        zoo.load_backbone("medical:rad-dino", weights=folder)


def test_a_folder_without_a_processor_configuration_is_refused(tmp_path):
    folder = folder_of(tmp_path, "medical:phikon")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(WeightsNotFound, match=r"lacks preprocessor_config\.json"):
        zoo.load_backbone("medical:phikon", weights=folder)


@pytest.mark.parametrize("name", ["medical:biomedbert", "medical:sapbert"])
def test_features_of_a_text_encoder_are_transformers_own(tmp_path, name):
    sizes = {"hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    model = tf.BertModel(tf.BertConfig(vocab_size=17, num_hidden_layers=2, **sizes)).eval()
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path, decoder=False)
    backbone = zoo.load_backbone(name, weights=tmp_path)
    found = extract(backbone, TEXTS[:1])
    inputs = tf.AutoTokenizer.from_pretrained(tmp_path)(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        vectors = model(**inputs).last_hidden_state[0]
    expected = vectors[0] if name == "medical:sapbert" else vectors.mean(0)
    assert (found[0] - expected).abs().max() < 1e-5
