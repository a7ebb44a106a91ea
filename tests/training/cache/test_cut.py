"""Cuts on real architectures: the part behind gives what the whole gives, and is taught the same."""

import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.artifact import probe
from zoo.host import installed
from zoo.model import Weights, extract, load_spec, make_adapter
from zoo.registry import load
from zoo.training.cache.cut import ACTIVATION
from zoo.training.cache.find import find_cut, first_moving


def untrained(name):
    backbone = load_spec(load().backbone(installed(), name), Weights(pretrained=False))
    torch.manual_seed(0)
    for module in backbone.modules():  # statistics that are not 0 and 1, and features that vary
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return backbone


def tune_last(backbone, blocks):
    adapter = make_adapter("partial", {"last_blocks": blocks})
    adapter.attach(backbone)
    return backbone


def resumed(cut, samples):
    preprocess = cut.backbone.preprocess
    ready = [preprocess(sample) for sample in samples]
    with torch.no_grad():
        rows = cut.rows_of(cut.capture(preprocess.collate(ready)).clone(), ready)
    with cut.resumed(), cut.collating():
        kept = [{**sample, ACTIVATION: row} for sample, row in zip(ready, rows, strict=True)]
        return cut.backbone(preprocess.collate(kept)).pooled


def whole(backbone, samples):
    preprocess = backbone.preprocess
    return backbone(preprocess.collate([preprocess(sample) for sample in samples])).pooled


@pytest.mark.parametrize(
    ("name", "last", "before"),
    [
        ("vision:digits", 1, "stage3"),
        ("timm:vit_tiny_patch16_224", 2, "blocks.10"),
        ("timm:mobilenetv3_small_050", 2, "blocks.5"),
        ("minilm", 3, "encoder.layer.4"),
    ],
)
def test_the_part_behind_a_cut_gives_what_the_whole_gives(name, last, before):
    backbone = tune_last(zoo.load_backbone(name) if name == "minilm" else untrained(name), last)
    cut = find_cut(backbone, first_moving(backbone))
    assert cut is not None
    assert cut.name == before
    samples = probe.samples(backbone)
    expected = whole(backbone, samples)
    assert expected.std(0).max() > 0
    torch.testing.assert_close(resumed(cut, samples), expected, rtol=0, atol=1e-5)
    assert torch.equal(whole(backbone, samples), expected)  # and is whole again afterwards


def test_nothing_before_the_cut_is_computed_and_no_image_is_needed():
    backbone = tune_last(untrained("vision:digits"), 1)
    cut = find_cut(backbone, first_moving(backbone))
    calls = []
    backbone.module.stage1.conv.register_forward_hook(lambda *_: calls.append(1))
    samples = probe.samples(backbone)
    resumed(cut, samples)
    assert len(calls) == 1  # for the capture
    assert cut.blank


def test_texts_are_kept_without_padding_and_go_into_other_batches():
    backbone = tune_last(zoo.load_backbone("minilm"), 3)
    cut = find_cut(backbone, first_moving(backbone))
    texts = ["Yes.", "A wonderful film, warm and funny.", "No, never again " * 9]
    ready = [backbone.preprocess(text) for text in texts]
    with torch.no_grad():
        batch = backbone.preprocess.collate(ready)
        rows = cut.rows_of(cut.capture(batch), ready)
    assert [len(row) for row in rows] == [len(sample["input_ids"]) for sample in ready]
    with cut.resumed(), cut.collating(), torch.no_grad():
        short = [{**sample, ACTIVATION: row} for sample, row in zip(ready, rows, strict=True)][:2]
        found = backbone(backbone.preprocess.collate(short)).pooled
    with torch.no_grad():
        torch.testing.assert_close(found, whole(backbone, texts[:2]), rtol=0, atol=1e-5)


class _Jumping(nn.Module):
    """A connection around the last stage, so that no single tensor goes into it."""

    def __init__(self, net):
        super().__init__()
        self.stage1, self.stage2, self.stage3 = net.stage1, net.stage2, net.stage3
        self.project = nn.Conv2d(32, 64, 1, stride=2, bias=False)

    def forward(self, x):
        middle = self.stage2(self.stage1(x))
        return (self.stage3(middle) + self.project(middle)).flatten(1)


def test_where_a_connection_goes_around_the_cut_the_block_before_is_tried():
    backbone = untrained("vision:digits")
    backbone.module = _Jumping(backbone.module).eval().requires_grad_(False)
    tune_last(backbone, 1)
    cut = find_cut(backbone, first_moving(backbone))
    assert cut is not None
    assert cut.name == "stage2"


def test_what_is_trained_outside_of_blocks_or_moves_by_itself_forbids_a_cut():
    backbone = tune_last(untrained("vision:digits"), 1)
    assert first_moving(backbone) == 2
    backbone.module.stage2.norm.train()
    assert first_moving(backbone) == 1
    backbone.module.extra = nn.Parameter(torch.ones(1))
    assert first_moving(backbone) == 0


def test_a_trace_of_batch_norms_gives_the_same_features(monkeypatch):
    backbone = untrained("vision:digits")
    images = [Image.effect_noise((8, 8), 100 + i) for i in range(70)]
    plain = extract(backbone, images)
    monkeypatch.setattr("zoo.model.inference.PAYS_FROM", 1)
    quick = extract(backbone, images)
    assert not torch.equal(plain, quick)  # it was another computation
    torch.testing.assert_close(quick, plain, rtol=0, atol=1e-4)
