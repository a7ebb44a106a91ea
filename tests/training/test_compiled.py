"""Training with compiled blocks: the same result, and nothing left behind."""

import pytest
import torch

import zoo
from zoo.errors import BadSetting
from zoo.training.compiled import compiled

OPTIONS = {"epochs": 2, "lr": 0.003, "batch_size": 16, "patience": 50, "baselines": ()}


@pytest.mark.soak  # compiling takes its time
def test_a_compiled_fit_ends_where_a_plain_one_does(make_model, data, tmp_path):
    plain = zoo.fit(make_model("partial", last_blocks=1), data, tmp_path / "plain", **OPTIONS)
    torch._dynamo.reset()
    fast = zoo.fit(
        make_model("partial", last_blocks=1), data, tmp_path / "fast", compile=True, **OPTIONS
    )
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    for one, other in zip(plain.model.parameters(), fast.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_only_trained_blocks_are_compiled_and_afterwards_none(make_model):
    backbone = make_model("partial", last_blocks=1).backbone
    roots = [dict(backbone.module.named_modules())[block.modules[0]] for block in backbone.blocks]
    with compiled(backbone, wanted=True):
        assert ["forward" in vars(root) for root in roots] == [False, False, True]
    assert not any("forward" in vars(root) for root in roots)
    with compiled(backbone, wanted=False):
        assert not any("forward" in vars(root) for root in roots)


def test_without_a_compiler_it_is_refused_at_once(make_model, data, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadSetting, match=r"C\+\+ compiler"):
        zoo.fit(make_model(), data, tmp_path / "run", compile=True, **OPTIONS)
