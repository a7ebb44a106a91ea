"""Training a backbone's own weights: which, how fast, when, and what its batch norms do meanwhile."""

import pytest
import torch
from torch import nn
from zoo_finetune.blocks import names_in

import zoo
from tests.adapters.matrix import composed, place
from tests.digits import write_digits
from zoo.artifact.contents import contents
from zoo.errors import BadSetting, Incompatible
from zoo.model import Block, load_backbone
from zoo.progress import Silent
from zoo.training.config import FitConfig
from zoo.training.precision import accelerate
from zoo.training.prepared import prepare
from zoo.training.schedules import Schedule
from zoo.training.steps import Steps


def digits():
    return load_backbone("vision:digits")


def tensors_of(model):
    return {k: v.clone() for k, v in model.backbone.module.state_dict().items()}


def changed(model, before):
    now = model.backbone.module.state_dict()
    return {name for name, old in before.items() if not torch.equal(old, now[name])}


def epoch(model, number, epochs, *, rate=0.1):
    """One epoch of one step, as the fit loop makes it."""
    model.adapter.start_epoch(model.backbone, number, epochs)
    model.train()
    pixels = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.trainable().values(), lr=rate)
    logits = model({"pixels": pixels})["classification"]
    torch.nn.functional.cross_entropy(logits, torch.arange(8) % 3).backward()
    optimizer.step()
    optimizer.zero_grad()
    model.eval()


def stages(names):
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    ("adapter", "settings", "expected"),
    [
        ("finetune", {}, {"stage1", "stage2", "stage3"}),
        ("finetune", {"from_block": "stage2"}, {"stage2", "stage3"}),
        ("finetune", {"from_block": "1"}, {"stage2", "stage3"}),
        ("partial", {}, {"stage3"}),
        ("partial", {"last_blocks": 2}, {"stage2", "stage3"}),
    ],
)
def test_only_the_chosen_blocks_change(adapter, settings, expected):
    model = composed(adapter, digits(), **settings)
    before = tensors_of(model)
    epoch(model, 1, 1)
    moved = changed(model, before)
    assert stages(moved) == expected
    assert all(name.rpartition(".")[2] in ("weight", "bias") for name in moved)


def test_an_unknown_block_is_refused_with_those_there_are():
    with pytest.raises(Incompatible, match=r"(?s)no block 'stage9'.*0 stage1, 1 stage2.*stage"):
        composed("finetune", digits(), from_block="stage9")
    with pytest.raises(Incompatible, match="has 3 blocks, not 4"):
        composed("partial", digits(), last_blocks=4)


def test_what_was_chosen_is_in_the_settings():
    model = composed("partial", digits())
    assert model.adapter.settings["last_blocks"] == 1


def test_light_blocks_at_the_end_come_along():
    backbone = digits()
    backbone.module.end = nn.LayerNorm(4)
    backbone.blocks = (*backbone.blocks, Block("end", ("end",)))
    assert composed("partial", backbone).adapter.settings["last_blocks"] == 2


@pytest.mark.parametrize("adapter", ["finetune", "partial"])
def test_convolutions_are_given_a_rate_and_a_patience_of_their_own(adapter, tmp_path):
    model = composed(adapter, digits())
    assert model.adapter.training(model.backbone) == {"lr": 5e-4, "patience": 12}
    model = composed(adapter, place("gpt2", tmp_path, None).load())
    assert model.adapter.training(model.backbone) == {}


def test_a_backbone_that_would_rest_in_all_epochs_is_refused():
    model = composed("finetune", digits(), freeze_epochs=2)
    with pytest.raises(BadSetting, match=r"freeze_epochs=2: the fit has 2 epochs.*any"):
        model.adapter.start_epoch(model.backbone, 1, 2)


def test_blocks_that_have_no_part_in_the_answer_are_refused(tmp_path):
    """As the pooler of a sentence encoder whose words are averaged."""
    data = tmp_path / "rows.csv"
    rows = [
        f"the cat {word},{label}"
        for label in "ab"
        for word in ("sat", "ran", "not", "mat", "on", "bad", "so")
    ]
    data.write_text("\n".join(["text,label", *rows]))
    model = zoo.compose(
        "minilm",
        zoo.adapter("partial", {"last_blocks": 1}),
        zoo.task("classification", labels="ab"),
    )
    with pytest.raises(
        Incompatible,
        match=r"partial trains of nlp:minilm has no part.*mean pooling: backbone.*pooler",
    ):
        zoo.fit(model, data, tmp_path / "run", epochs=1, baselines=())


def test_bitfit_trains_biases_of_every_name():
    backbone = digits()
    backbone.module.q_bias = nn.Parameter(torch.zeros(4))
    backbone.module.relative_bias_table = nn.Parameter(torch.zeros(4))
    trained = composed("bitfit", backbone).adapter.trained(backbone)
    assert "q_bias" in trained
    assert "relative_bias_table" not in trained


@pytest.mark.parametrize("adapter", ["finetune", "partial", "norm"])
def test_batch_norms_follow_the_data_only_where_asked_and_only_where_trained(adapter):
    frozen = composed(adapter, digits())
    before = tensors_of(frozen)
    epoch(frozen, 1, 1)
    assert not {name for name in changed(frozen, before) if "running" in name}

    updated = composed(adapter, digits(), batch_norm="updated")
    epoch(updated, 1, 1)
    moved = {name for name in changed(updated, before) if "running" in name}
    expected = {"stage3"} if adapter == "partial" else {"stage1", "stage2", "stage3"}
    assert stages(moved) == expected
    saved = contents(updated).tensors["backbone.safetensors"]
    assert changed(updated, before) <= set(saved)


def test_statistics_that_moved_come_back(tmp_path):
    model = composed("finetune", digits(), batch_norm="updated")
    epoch(model, 1, 1)
    zoo.save(model, tmp_path / "artifact")
    again = zoo.load(tmp_path / "artifact")
    for name, tensor in model.backbone.module.state_dict().items():
        assert torch.equal(again.backbone.module.state_dict()[name], tensor), name


def test_the_head_alone_is_trained_while_the_backbone_is_frozen():
    model = composed("finetune", digits(), freeze_epochs=2, batch_norm="updated")
    everything = set(model.trainable())
    before = tensors_of(model)
    for number in (1, 2):
        epoch(model, number, 4)
        assert set(model.trainable()) == {n for n in everything if n.startswith("heads.")}
    assert not changed(model, before)
    epoch(model, 3, 4)
    assert set(model.trainable()) == everything
    assert stages(changed(model, before)) == {"stage1", "stage2", "stage3"}


def test_gradual_thawing_begins_with_the_last_block_and_is_done_by_half():
    model = composed("finetune", digits(), gradual=True)
    before = tensors_of(model)
    seen = []
    for number in range(1, 7):
        epoch(model, number, 6)
        seen.append(stages(changed(model, before)))
    assert seen[:3] == [{"stage3"}, {"stage2", "stage3"}, {"stage1", "stage2", "stage3"}]


def test_gradual_thawing_gives_no_epoch_to_a_pooler_alone():
    backbone = load_backbone("nlp:minilm")
    composed("finetune", backbone, gradual=True).adapter.start_epoch(backbone, 1, 20)
    active = [
        block.name
        for block in backbone.blocks
        if all(backbone.module.get_parameter(n).requires_grad for n in names_in(backbone, block))
    ]
    assert active == ["encoder.layer.5", "final"]


def test_a_resting_block_keeps_its_dropout_and_statistics_still():
    backbone = digits()
    backbone.module.stage1.drop = nn.Dropout(0.5)
    model = composed("finetune", backbone, gradual=True, batch_norm="updated")
    model.adapter.start_epoch(backbone, 1, 6)
    model.train()
    training = {name for name, module in backbone.module.named_modules() if module.training}
    assert stages(training) == {"stage3"}
    model.adapter.start_epoch(backbone, 6, 6)
    model.train()
    assert backbone.module.stage1.drop.training


def test_rates_fall_from_the_last_block_and_the_head_has_its_own():
    model = composed("finetune", digits(), layer_decay=0.5, head_rate=10)
    names = {id(p): name for name, p in model.named_parameters()}
    rates, decays = {}, {}
    for group in model.adapter.groups(model.backbone, dict(model.heads)):
        for parameter in group.parameters:
            rates[names[id(parameter)]] = group.rate
            decays[names[id(parameter)]] = group.decays
    assert rates.keys() == model.trainable().keys()
    assert rates["backbone.module.stage3.conv.weight"] == 1
    assert rates["backbone.module.stage2.norm.bias"] == 0.5
    assert rates["backbone.module.stage1.conv.weight"] == 0.25
    assert rates["heads.classification.weight"] == 10
    assert all(decays[name] == (p.ndim > 1) for name, p in model.trainable().items())


def test_bitfit_trains_biases_and_norm_tuning_norms():
    bitfit = composed("bitfit", digits())
    before = tensors_of(bitfit)
    epoch(bitfit, 1, 1)
    assert changed(bitfit, before) == {f"stage{i}.norm.bias" for i in (1, 2, 3)}
    norm = composed("norm", digits())
    epoch(norm, 1, 1)
    assert changed(norm, before) == {
        f"stage{i}.norm.{key}" for i in (1, 2, 3) for key in ("weight", "bias")
    }


def test_nothing_to_train_is_refused():
    backbone = digits()
    backbone.module = nn.Sequential(nn.Linear(4, 4, bias=False))
    for adapter in ("bitfit", "norm"):
        with pytest.raises(Incompatible, match=f"nothing that {adapter} could train"):
            composed(adapter, backbone)


def test_a_backbone_that_names_no_layers_takes_low_rank_updates_on_all_it_has():
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(128, 4)
    )
    from zoo.model import Backbone, Features

    class Plain(Backbone):
        def forward(self, batch):
            return Features(self.module(batch["pixels"]))

    known = digits()
    plain = Plain(
        known.spec,
        module,
        preprocess=known.preprocess,
        contract=known.contract,
        blocks=[Block(str(i), (str(i),)) for i in (0, 1, 3)],
        feature_size=4,
        origin=known.origin,
    )
    assert plain.lora_targets == {"linear": ("3",), "conv": ("0",)}
    model = composed("lora", plain, roles="linear,conv", last_blocks=3)
    trained = {name for name in model.trainable() if ".lora_" in name}
    assert {name.split(".")[2] for name in trained} == {"0", "3"}


def test_l2_sp_is_half_the_squared_distance_from_the_pretrained_weights():
    model = composed("partial", digits(), last_blocks=1, l2_sp=0.5)
    assert model.adapter.penalty(model.backbone) == 0
    trained = {n: p for n, p in model.trainable().items() if n.startswith("backbone.")}
    with torch.no_grad():
        for parameter in trained.values():
            parameter += 2
    penalty = model.adapter.penalty(model.backbone)
    assert float(penalty) == pytest.approx(
        0.25 * sum(4 * p.numel() for p in trained.values()), rel=1e-5
    )
    penalty.backward()
    for parameter in trained.values():
        assert torch.allclose(parameter.grad, torch.full_like(parameter, 1.0))
    assert composed("partial", digits()).adapter.penalty(model.backbone) is None


def steps_of(model, data):
    """Ten steps of the fit loop."""
    split = prepare(model, data, model.task)["train"]
    config, rate = FitConfig(lr=1e-3, weight_decay=0), Schedule(lambda step: 1.0)
    steps = Steps(model, model.task, split, config, rate, accelerate("no"), Silent())
    model.train()
    for _ in range(10):
        steps.take(range(16), "a test")


def test_l2_sp_keeps_a_fit_near_where_it_began(tmp_path):
    data = zoo.load_data(write_digits(tmp_path / "d", classes=(5, 6), per_class=20))

    def moved(strength):
        before = digits().module.state_dict()
        task = zoo.task("classification", labels=data.labels)
        adapter = zoo.adapter("finetune", {"l2_sp": strength})
        model = zoo.compose("vision:digits", adapter, task)
        steps_of(model, data)
        after = model.backbone.module.state_dict()
        return sum(float((after[n] - before[n]).norm()) for n in before if "weight" in n)

    assert moved(100.0) < 0.8 * moved(0.0)
