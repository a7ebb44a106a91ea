"""One adapter a task on one frozen backbone: one set of weights in memory, tasks that do not touch."""

import json

import pytest
import torch

import zoo
from tests.cli.commands import zoo as command
from zoo.data.dataset import Dataset, Split
from zoo.errors import BadSetting, Incompatible
from zoo.model import ComposedModel
from zoo.model.per_task import PerTask
from zoo.progress import Silent
from zoo.testing.subjects import reference_backbones
from zoo.training.config import FitConfig
from zoo.training.job import Job
from zoo.training.precision import accelerate
from zoo.training.schedules import schedule_of
from zoo.training.steps import Steps

LABELS = {"kind": ("classification", ["a", "b"]), "size": ("regression", ["size"])}
TEXTS = [f"a text about {at * 7919 % 101}" for at in range(24)]


def tasks():
    return [zoo.task(kind, labels=labels, name=name) for name, (kind, labels) in LABELS.items()]


def composed(adapter="lora", backbone="minilm", **settings):
    return zoo.compose(backbone, zoo.adapter(adapter, settings), tasks(), adapter_per_task=True)


def dataset(labels):
    halves = {"train": slice(0, 12), "val": slice(12, 24)}
    splits = {name: Split(TEXTS[part], labels[part]) for name, part in halves.items()}
    labelled = {name: tuple(labels) for name, (_, labels) in LABELS.items()}
    return Dataset("table", "text", "made up", splits, tuple(LABELS), "0" * 64, tasks=labelled)


def stirred(model, seed=0):
    """With adapters that do something, as after training."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.trainable().values():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


@pytest.fixture(scope="module")
def model():
    return stirred(composed())


def storages(model):
    return {
        p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() for p in model.parameters()
    }


def test_the_backbone_is_in_memory_once(model):
    plain = sum(p.numel() * 4 for p in model.backbone.parameters())
    own = sum(p.numel() * 4 for p in model.trainable().values())
    assert sum(storages(model).values()) == plain + own
    assert own < plain / 20


def test_each_task_answers_as_a_model_of_it_alone_with_the_same_adapter(model):
    together = model.logits(TEXTS)
    for name in LABELS:
        (task,) = [task for task in tasks() if task.name == name]
        alone = zoo.compose("minilm", "lora", task, pooling=model.backbone.pooling)
        prefix = f"branches.{name}."
        found = {
            f"backbone.{key.removeprefix(prefix)}" if key.startswith(prefix) else key: value
            for key, value in model.trainable().items()
            if key.startswith((prefix, f"heads.{name}."))
        }
        assert found.keys() == alone.trainable().keys()
        with torch.no_grad():
            for key, parameter in alone.trainable().items():
                parameter.copy_(found[key])
        assert torch.equal(alone.logits(TEXTS)[name], together[name])


def test_a_task_asked_alone_passes_its_own_branch_alone(model):
    passed = []
    hooks = [
        branch.register_forward_hook(lambda *_, name=name: passed.append(name))
        for name, branch in model.branches.items()
    ]
    alone = model.logits(TEXTS[:4], tasks=["size"])
    for hook in hooks:
        hook.remove()
    assert passed == ["size"]
    assert list(alone) == ["size"]
    assert torch.equal(alone["size"], model.logits(TEXTS[:4])["size"])


def test_a_row_without_a_target_is_not_computed_and_no_task_moves_anothers_adapter():
    rows = [json.dumps({"kind": "ab"[at % 2]} if at % 3 else {"size": str(at)}) for at in range(24)]
    made = composed()
    seen = dict.fromkeys(LABELS, 0)
    for name, branch in made.branches.items():
        branch.register_forward_hook(
            lambda module, args, out, name=name: seen.update(
                {name: seen[name] + len(out.pooled) * torch.is_grad_enabled()}
            )
        )
    before = {key: value.detach().clone() for key, value in made.trainable().items()}
    config = FitConfig(
        task_weights={"size": 0.0}, batch_size=4, weight_decay=0.0, lr=1e-2, warmup=0
    )
    job = Job(made, dataset(rows), config, Silent())
    steps = Steps(
        made,
        job.task,
        job.splits["train"],
        config,
        schedule_of(config, 4),
        accelerate("no"),
        Silent(),
    )
    made.train()
    for at in range(0, 12, 4):
        steps.take(range(at, at + 4), "the first epoch")
    assert seen == {"kind": 8, "size": 4}
    assert made.branches["kind"] is not made.branches["size"]
    same = {key for key, value in made.trainable().items() if torch.equal(value, before[key])}
    assert {key for key in before if ".size." in key} == same


def test_an_artifact_has_all_adapters_and_answers_the_same(model, tmp_path):
    zoo.save(model, tmp_path / "artifact")
    names = {path.name for path in (tmp_path / "artifact").iterdir()}
    assert {f"{name}.adapter_model.safetensors" for name in LABELS} <= names
    assert {f"{name}.adapter_config.json" for name in LABELS} <= names
    manifest = json.loads((tmp_path / "artifact/zoo.json").read_text())
    assert manifest["adapter"]["per_task"] is True
    again = zoo.load(tmp_path / "artifact")
    assert isinstance(again.adapter, PerTask)
    for name, logits in model.logits(TEXTS).items():
        assert torch.equal(again.logits(TEXTS)[name], logits)


@pytest.mark.soak
def test_learned_tokens_take_their_room_of_every_branch(tmp_path):
    made = stirred(composed("peft:prompt_tuning", num_virtual_tokens=5))
    long = [" ".join(["word"] * 600)]
    zoo.save(made, tmp_path / "artifact")
    for name, logits in made.logits(long).items():
        assert torch.equal(zoo.load(tmp_path / "artifact").logits(long)[name], logits)


@pytest.mark.parametrize(
    ("adapter", "message"),
    [("finetune", "own weights"), ("bitfit", "own weights"), ("linear-probe", "heads alone")],
)
def test_what_shares_no_frozen_backbone_is_refused(adapter, message):
    backbone = reference_backbones()["reference:text"]()
    with pytest.raises(Incompatible, match=message):
        ComposedModel(backbone, PerTask(zoo.adapter(adapter), list(LABELS)), tasks())


def test_what_the_tasks_share_takes_in_no_adapter_of_one(model):
    with pytest.raises(Incompatible, match="cannot be merged into the one backbone they share"):
        model.adapter.merge(model.backbone)


def test_names_that_are_no_files_and_what_is_not_several_are_refused():
    for names in (["a", "A"], ["größe", "b"], ["a"]):
        with pytest.raises(Incompatible, match=r"differ in name|cannot be called|several tasks"):
            PerTask(zoo.adapter("lora"), names)


def test_gradients_cannot_be_compared_where_nothing_is_shared(tmp_path):
    rows = [json.dumps({"kind": "ab"[at % 2], "size": str(at)}) for at in range(24)]
    with pytest.raises(BadSetting, match="share nothing that is trained"):
        zoo.fit(composed(), dataset(rows), tmp_path / "run", weighting="gradnorm")


def test_the_command_fits_measures_and_predicts(tmp_path):
    table = tmp_path / "texts.csv"
    lines = [f"{text},{'ab'[at % 2]},{at}" for at, text in enumerate(TEXTS)]
    table.write_text("\n".join(["text,kind,size", *lines]))
    run = tmp_path / "run"
    ended = command(
        "fit", table, "--backbone", "minilm", "--adapter", "lora", "--adapter-per-task",
        "--task", "kind=classification:kind", "--task", "size=regression:size",
        "--epochs", 1, "--out", run, "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "adapter_per_task = true" in (run / "fit.toml").read_text()
    (said,) = command("predict", run, TEXTS[0], "--task", "size", "--json").data
    assert said["values"].keys() == {"size"}
