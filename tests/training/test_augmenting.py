"""Augmentation in training: images change from epoch to epoch, everything else stays as it is."""

import torch

import zoo
from tests.digits import write_digits
from zoo.data.load import load
from zoo.training.augmenting import Augmentation, changing
from zoo.training.config import FitConfig
from zoo.training.prepared import prepare


def composed(data, adapter, **settings):
    task = zoo.task("classification", labels=data.labels)
    return zoo.compose("vision:digits", zoo.adapter(adapter, settings), task)


def digits(folder):
    return load(write_digits(folder, classes=(5, 6), per_class=20))


def test_training_sees_other_pixels_in_each_epoch_and_validation_the_same(tmp_path):
    data = digits(tmp_path / "d")
    model = composed(data, "lora", rank=2)
    splits = prepare(model, data, model.task)
    train = splits["train"]
    plain = {key: value.clone() for key, value in train.ready[0].items()}

    def seen(kind, epoch):
        how = None if kind == "none" else Augmentation(kind, seed=0)
        with changing(train, how, epoch=epoch):
            (pixels,) = train.ready[0].values()
            return pixels.clone()

    (before,) = plain.values()
    assert torch.equal(seen("none", 1), before)
    shown = {seen("crop", epoch).numpy().tobytes() for epoch in range(1, 20)}
    assert len(shown) > 3  # an image of 8 x 8 pixels has few parts
    assert torch.equal(seen("crop", 1), seen("crop", 1))
    (after,) = train.ready[0].values()
    assert torch.equal(after, before)


def test_only_images_that_train_a_backbone_are_changed(tmp_path):
    data = digits(tmp_path / "d")
    config = FitConfig(augment="mild")
    assert Augmentation.of(config, composed(data, "lora")).kind == "mild"
    assert Augmentation.of(config, composed(data, "linear-probe")) is None
    task = zoo.task("classification", labels=["a", "b"])
    assert Augmentation.of(config, zoo.compose("nlp:minilm", "lora", task)) is None


def test_a_fit_with_augmentation_is_repeated_to_the_bit_and_is_another_one(tmp_path):
    data = digits(tmp_path / "d")
    found = {}
    for name, kind in (("once", "mild"), ("again", "mild"), ("plain", "none")):
        model = composed(data, "lora", rank=2)
        options = {"epochs": 2, "patience": 9, "augment": kind, "baselines": ["majority"]}
        run = zoo.fit(model, data, tmp_path / name, **options)
        lines = (run.folder / "metrics.jsonl").read_text().splitlines()
        found[name] = [line.partition('"train_loss"')[2].split(",")[0] for line in lines]
        assert run.record.config["training"]["augment"] == kind
    assert found["once"] == found["again"] != found["plain"]
