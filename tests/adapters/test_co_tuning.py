"""Co-Tuning: the head of the pretraining teaches along, and leaves no trace."""

import copy
import functools

import pytest
import torch
from torch import nn
from zoo_finetune.co_tuning import CoTuning, relation

import zoo
from tests.adapters.matrix import composed
from tests.digits import write_digits
from tests.training.killed import At, killed_fit
from zoo.artifact.contents import contents
from zoo.data.load import load
from zoo.errors import Incompatible
from zoo.model import HeadProblem, load_backbone
from zoo.report.record import read_history

SOURCE = 7  # classes


def pretrained():
    backbone = load_backbone("vision:digits")
    torch.manual_seed(3)
    head = nn.Linear(backbone.feature_size, SOURCE)
    backbone.source_head = lambda: head
    return backbone


def model_of(data, backbone=None, *, co_tuning=1.0):
    task = zoo.task("classification", labels=data.labels)
    adapter = zoo.adapter("finetune", {"co_tuning": co_tuning})
    return zoo.compose(backbone or pretrained(), adapter, task)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return load(write_digits(tmp_path_factory.mktemp("digits"), classes=(5, 6, 7), per_class=16))


def test_a_class_is_the_mean_of_what_the_source_head_says_of_its_rows():
    source = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    found = relation(source, torch.tensor([0, 0, 2]), 3)
    assert torch.allclose(found[0], torch.tensor([0.8, 0.2]))
    assert torch.allclose(found[2], source[2])
    assert torch.allclose(found[1], source.mean(0))  # it has no rows


def test_the_term_is_a_cross_entropy_with_that_distribution():
    head = nn.Linear(4, 2)
    wanted = torch.tensor([[0.8, 0.2], [0.5, 0.5]])
    pooled, targets = torch.randn(3, 4), torch.tensor([1, 0, 1])
    term = CoTuning(copy.deepcopy(head), wanted, 2.0)(pooled, targets)
    assert torch.allclose(term, 2 * nn.functional.cross_entropy(head(pooled), wanted[targets]))


OPTIONS = {"epochs": 3, "lr": 1e-3, "patience": 9, "batch_size": 16, "augment": "none"}


def test_it_changes_what_is_learnt_and_leaves_no_trace(data, tmp_path):
    runs, backbone = {}, pretrained()
    before = copy.deepcopy(backbone.source_head().state_dict())
    for name, strength in (("with", 2.0), ("without", 0.0)):
        base = backbone if name == "with" else None
        model = model_of(data, base, co_tuning=strength)
        runs[name] = zoo.fit(model, data, tmp_path / name, baselines=(), **OPTIONS)
    told = [read_history(run.folder)[1]["train_loss"] for run in runs.values()]
    assert told[0] > told[1] + 1  # cross-entropy over seven classes, twice
    assert runs["with"].model.companion is None
    names = {name for file in contents(runs["with"].model).tensors.values() for name in file}
    assert not any("companion" in name or "relation" in name for name in names)
    for name, tensor in backbone.source_head().state_dict().items():
        assert torch.equal(tensor, before[name])
    assert zoo.load(tmp_path / "with").predict([data.splits["val"].inputs[0]])


def test_a_killed_fit_goes_on_to_the_same_bits(data, tmp_path):
    options = {**OPTIONS, "checkpoint_steps": 1, "baselines": ()}
    whole = zoo.fit(model_of(data), data, tmp_path / "whole", **options)
    killed_fit(
        functools.partial(model_of, data), data, tmp_path / "cut", At("epoch 2/3", 2), **options
    )
    gone_on = zoo.fit(model_of(data), data, tmp_path / "cut", resume=True, **options)
    for one, other in zip(whole.model.parameters(), gone_on.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_a_source_head_it_says_so(data, tmp_path):
    model = model_of(data, load_backbone("vision:digits"))
    with pytest.raises(Incompatible, match="classifier that vision:digits was pretrained with"):
        zoo.fit(model, data, tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_targets_that_are_no_classes_and_other_features_are_refused(data):
    model = composed("finetune", pretrained(), co_tuning=1.0)
    size = model.backbone.feature_size

    def problem(features, targets):
        return HeadProblem(
            model.task, next(iter(model.heads.values())), features, targets, features, targets
        )

    classes = torch.tensor([0, 1])
    with pytest.raises(Incompatible, match="relates classes to classes"):
        model.adapter.companion(model.backbone, problem(torch.rand(2, size), torch.rand(2, 3)))
    with pytest.raises(Incompatible, match="does not take its features"):
        model.adapter.companion(model.backbone, problem(torch.rand(2, size + 1), classes))
