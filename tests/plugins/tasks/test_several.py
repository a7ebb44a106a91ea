"""Several tasks in one fit: gaps, gradients, one pass of the backbone, one artifact."""

import json

import pytest
import torch

import zoo
from tests.cli.commands import zoo as command
from zoo.errors import BadSetting, Incompatible, LabelProblem
from zoo.model import ComposedModel
from zoo.model.joint import Joint
from zoo.testing.reference import HeadOnly
from zoo.testing.subjects import reference_backbones
from zoo.training.prepared import rows_of_one

KINDS = {"parity": "classification", "size": "regression", "marks": "multilabel"}
COLUMNS = {"parity": "parity", "size": "size", "marks": "big,round"}
ASKED = {name: (kind, COLUMNS[name]) for name, kind in KINDS.items()}
WORDS = [word for n, (k, c) in ASKED.items() for word in ("--task", f"{n}={k}:{c}")]


def row(digit, at):
    """Three targets of a digit, each of which some rows lack."""
    return {
        "parity": "" if at % 5 == 0 else ("odd", "even")[digit % 2 == 0],
        "size": "" if at % 3 == 0 else digit * 10,
        "big": "" if at % 4 == 0 else int(digit > 4),
        "round": "" if at % 4 == 0 else int(digit in (0, 6, 8, 9)),
    }


def made(**settings):
    labels = {"parity": ["even", "odd"], "size": ["size"], "marks": ["big", "round"]}
    parts = [zoo.task(kind, labels=labels[n], name=n) for n, kind in KINDS.items()]
    return Joint(parts, **settings)


LABELS = [
    json.dumps({"parity": "odd", "size": "3", "marks": '{"big": "1", "round": ""}'}),
    json.dumps({"parity": "", "size": "7", "marks": ""}),
    json.dumps({"parity": "even", "size": "", "marks": '{"big": "0", "round": "1"}'}),
]


@pytest.fixture
def joint():
    task = made()
    targets = task.targets(LABELS)
    task.prepare(targets)
    task.gather(
        {"parity": torch.zeros(1, 2), "size": torch.zeros(1, 1), "marks": torch.zeros(1, 2)}
    )
    return task, targets


def test_targets_of_each_come_back_as_the_task_has_them(joint):
    task, targets = joint
    split = task.split(targets)
    assert split["parity"][0].tolist() == [True, False, True]
    assert split["parity"][1].tolist() == [1, 0]
    assert split["parity"][1].dtype == torch.long
    assert split["size"][1].tolist() == [[3.0], [7.0]]
    assert split["marks"][1].nan_to_num(9).tolist() == [[1.0, 9.0], [0.0, 1.0]]


@pytest.mark.parametrize("weighting", ["fixed", "uncertainty", "gradnorm"])
def test_what_is_missing_has_a_gradient_of_exactly_zero(weighting, joint):
    task, targets = joint
    if weighting == "uncertainty":
        task.log_variances = torch.nn.Parameter(torch.zeros(3))
    if weighting == "gradnorm":
        task.balance = torch.nn.Parameter(torch.tensor([0.5, 1.0, 1.5]))
    logits = torch.randn(3, 5, requires_grad=True)
    task.loss(logits, targets).backward()
    known = torch.tensor([[1, 1, 1, 1, 0], [0, 0, 1, 0, 0], [1, 1, 0, 1, 1]]).bool()
    assert torch.equal(logits.grad != 0, known)
    nothing = torch.randn(3, 5, requires_grad=True)
    task.loss(nothing, task.targets([""] * 3)).backward()
    assert torch.equal(nothing.grad, torch.zeros(3, 5))


def test_the_loss_is_the_weighted_sum_and_uncertainty_learns_the_weights(joint):
    task, targets = joint
    logits = torch.randn(3, 5)
    alone = {name: part.loss(rows, own) for (name, rows, _, own), part in zip(
        task.each(logits, targets), task.parts.values(), strict=True)}  # fmt: skip
    assert task.loss(logits, targets).item() == pytest.approx(sum(alone.values()).item())
    task.weights = {"parity": 2.0, "size": 0.0, "marks": 0.5}
    expected = 2 * alone["parity"] + 0.5 * alone["marks"]
    assert task.loss(logits, targets).item() == pytest.approx(expected.item())
    task.weights = dict.fromkeys(KINDS, 1.0)
    task.log_variances = torch.nn.Parameter(torch.tensor([0.5, 0.0, -0.5]))
    loss = task.loss(logits, targets)
    by_hand = sum(
        value * (-s).exp() + s
        for value, s in zip(alone.values(), torch.tensor([0.5, 0.0, -0.5]), strict=True)
    )
    assert loss.item() == pytest.approx(by_hand.item())
    loss.backward()
    assert task.log_variances.grad.abs().min() > 0


def test_a_row_counts_alike_however_few_of_its_task_are_in_its_batch(joint):
    task, targets = joint
    logits = torch.randn(3, 5, requires_grad=True)
    (whole,) = torch.autograd.grad(task.loss(logits, targets), logits)
    pieces = [task.loss(logits[at], targets[at]) * len(at) / 3 for at in ([0], [1, 2])]
    (in_pieces,) = torch.autograd.grad(sum(pieces), logits)
    assert torch.allclose(in_pieces[:, :3], whole[:, :3], atol=1e-6)  # marks have gaps of their own
    task.drawn(targets, torch.tensor([1.0, 2.0, 1.0]))  # of size, 3 of 4 rows in place of 2 of 3
    (drawn,) = torch.autograd.grad(task.loss(logits, targets), logits)
    assert torch.allclose(drawn[:, 2], whole[:, 2] * (2 / 3) / (3 / 4), atol=1e-6)


def test_tasks_are_drawn_as_told(joint):
    task, _ = joint
    # 8 rows of parity alone, 2 of size alone.
    labels = [json.dumps({"parity": "odd"})] * 8 + [json.dumps({"size": "3"})] * 2
    targets = task.targets(labels)
    as_they_are = task.shares(targets, 1.0)
    assert as_they_are.tolist() == [1.0] * 10
    alike = task.shares(targets, float("inf"))
    assert alike[:8].sum() == pytest.approx(alike[8:].sum())
    between = task.shares(targets, 2.0)
    assert (between[:8].sum() / between[8:].sum()).item() == pytest.approx((8 / 2) ** 0.5)


def test_tasks_of_several_data_sets_get_the_epochs_of_the_largest(joint):
    task, _ = joint
    apart = [json.dumps({"parity": "odd"})] * 8 + [json.dumps({"size": "3"})] * 2
    assert rows_of_one(task, task.targets(apart)) == 8
    both = [json.dumps({"parity": "odd", "size": "3"})] * 8
    assert rows_of_one(task, task.targets(both)) == 8
    alone = task.parts["parity"]
    assert rows_of_one(alone, alone.targets(["odd"] * 5)) == 5


def test_one_pass_of_the_backbone_serves_all_heads():
    backbone = reference_backbones()["reference:conv"]()
    model = ComposedModel(backbone, HeadOnly(), list(made().parts.values()))
    passes = []
    backbone.module.register_forward_hook(lambda *_: passes.append(1))
    from PIL import Image

    found = model.logits([Image.new("RGB", (20, 20), (at, 9, 9)) for at in range(5)])
    assert {name: list(rows.shape) for name, rows in found.items()} == {
        "parity": [5, 2], "size": [5, 1], "marks": [5, 2],
    }  # fmt: skip
    assert len(passes) == 1


def test_weights_that_leave_nothing_to_learn_are_refused():
    parts = [zoo.task("regression", labels=[name], name=name) for name in "ab"]
    Joint(parts, weights={"a": 0.0})
    with pytest.raises(BadSetting, match="Every task has a weight of 0"):
        Joint(parts, weights={"a": 0.0, "b": 0.0})


def test_a_task_on_words_or_pairs_is_refused_beside_others():
    tokens = zoo.task("token-classification", labels=["O", "B-x", "I-x"])
    with pytest.raises(Incompatible, match="cannot be learned together with other tasks"):
        Joint([tokens, zoo.task("regression", labels=["y"])])
    pair = zoo.task("similarity", labels=["similarity"])
    backbone = reference_backbones()["reference:text"]()
    with pytest.raises(Incompatible, match="one model cannot have both"):
        ComposedModel(backbone, HeadOnly(), [pair, zoo.task("regression", labels=["y"])])


@pytest.mark.parametrize("adapter", ["linear-probe", "lora"])
def test_one_artifact_has_all_heads_and_answers_the_same_when_loaded(
    adapter, write, tmp_path, any_better_epoch
):
    data = write(row)
    more = ("--epochs", 2, "--mixing", "equal", "--weighting", "gradnorm", "--baseline", "twins")
    ended = command(
        "fit", data, "--backbone", "digits", *WORDS, "--adapter", adapter,
        "--task-set", "size.loss=huber", "--out", tmp_path / "run", "--json",
        *(more if adapter == "lora" else ("--task-weight", "size=0.5")),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    told = "task_weights: without effect, for linear-probe fits the head of each task by itself."
    assert (told in ended.data["notes"]) == (adapter == "linear-probe")
    by_model = {r["model"]: r["metrics"] for r in ended.data["results"] if r["split"] == "test"}
    ours, guessed = by_model["this model"], by_model["majority or mean"]
    for metric in ("mean", "parity.accuracy", "size.r2", "marks.average_precision"):
        assert ours[metric] > guessed[metric] + 0.2
    model = zoo.load(tmp_path / "run")
    assert list(model.tasks) == list(KINDS)
    assert model.tasks["size"].settings["loss"] == "huber"
    inputs = [str(path) for path in zoo.load_data(data, task=ASKED).splits["test"].inputs]
    (asked,) = command("predict", tmp_path / "run", inputs[0], "--json").data
    assert set(asked["tasks"]) == set(KINDS)
    for name in KINDS:
        (alone,) = command("predict", tmp_path / "run", inputs[0], "--task", name, "--json").data
        assert {"input": inputs[0], **asked["tasks"][name]} == alone
        assert model.predict(inputs[:1], task=name)[0].as_dict() == asked["tasks"][name]
    one = command(
        "evaluate", tmp_path / "run", data, "--task", "parity", "--label-column", "parity",
        "--skip-bad", "--json",
    ).data  # fmt: skip
    assert one["headline"] == "accuracy"
    if adapter == "lora":
        twins = by_model["single-task twins"]
        assert set(twins) == set(ours)
        told = [verdict["text"] for verdict in ended.data["evidence"]["verdicts"]]
        assert all(any(f"{name} alone" in text for text in told) for name in KINDS)
        assert any("Together the tasks took" in note for note in ended.data["notes"])
        assert any("Weights of the losses, as learned" in note for note in ended.data["notes"])
        again = command("fit", "--config", tmp_path / "run" / "fit.toml", "--out", tmp_path / "b",
                        "--json")  # fmt: skip
        assert again.code == 0, again.err
        assert [r["metrics"] for r in again.data["results"][:2]] == [
            r["metrics"] for r in ended.data["results"][:2]
        ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "a=regression:size", "--task", "regression"], "is not of the form"),
        (["--task", "a=regression:size", "--task", "a=regression:size"], "gives 'a' twice"),
        (["--task", "a=regression:size"], "there are no others"),
        (["--task", "a=regression:size@", "--task", "b=regression:big"], "is not of the form"),
        (
            ["--task", "a=regression:size@x", "--task", "b=regression:big@x"],
            "none is left for DATA",
        ),
        (
            ["--task", "a=regression:size@x.csv", "--task", "b=regression:big"],
            "file or folder x.csv",
        ),
        (
            ["--task", "a=regression:sise", "--task", "b=regression:big"],
            "Did you mean `--task NAME=KIND:size`?",
        ),
        (
            ["--task", "regression", "--label-column", "big", "--mixing", "equal"],
            "mixing=equal is about several tasks",
        ),
        (
            ["--task", "regression", "--label-column", "big", "--baseline", "twins"],
            "baseline=twins is about several tasks",
        ),
        (["--task", "a=regression:size", "--task", "b=classification:x,y"], "takes one"),
        (["--task", "a=regresion:size", "--task", "b=regression:big"], "'regresion'"),
        ([*WORDS, "--task-set", "loss=huber"], "says no task"),
        ([*WORDS, "--task-weight", "sise=2"], "There is no task 'sise'"),
        ([*WORDS, "--task-set", "size.los=huber"], "no setting 'los'"),
    ],
)
def test_what_cannot_be_asked_is_explained(words, message, write, tmp_path):
    ended = command("fit", write(row), "--backbone", "digits", *words, "--out", tmp_path / "run")
    assert ended.code == 2
    assert message in ended.err


def test_bad_labels_are_named_with_task_file_and_row(write):
    data = write(lambda digit, at: {**row(digit, at), "size": "dear" if at == 3 else digit})
    with pytest.raises(LabelProblem, match=r"size: .*'dear'.* at data\.csv row 5"):
        zoo.load_data(data, task=ASKED)
    found = zoo.load_data(data, task=ASKED, skip_bad=True)
    assert sum(found.rows.values()) == 200  # the row stays for the other tasks
    empty = write(lambda digit, at: {**row(digit, at), "size": ""})
    with pytest.raises(LabelProblem, match="has a label for the task 'size'"):
        zoo.load_data(empty, task=ASKED)
    with pytest.raises(BadSetting, match="Of several tasks 1 is given"):
        zoo.load_data(data, task={"size": ("regression", "size")})


def test_tasks_of_several_data_sets_are_fitted_together(write, pictures, tmp_path, monkeypatch):
    first = write(lambda digit, at: {"parity": ("odd", "even")[digit % 2 == 0]}, rows=pictures[::2])
    other = write(lambda digit, at: {"size": digit * 10}, "sizes.csv", rows=pictures[1::2])
    monkeypatch.chdir(tmp_path)
    words = [
        "--task",
        f"size=regression:size@{other.name}",
        "--task",
        "parity=classification:parity",
    ]
    ended = command(
        "fit", first.name, "--backbone", "digits", "--adapter", "linear-probe", *words,
        "--splits", "train=all", "--out", "run", "--json",
    )  # fmt: skip
    assert ended.code == 2  # the splits that are named are those of DATA
    ended = command(
        "fit", first.name, "--backbone", "digits", "--adapter", "linear-probe", *words,
        "--out", "run", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "sizes.csv" in ended.err
    assert list(zoo.load("run").tasks) == ["size", "parity"]
    asked = {"size": ("regression", "size", str(other)), "parity": ("classification", "parity")}
    data = zoo.load_data(first, task=asked)
    assert data.tasks == {"size": ("size",), "parity": ("even", "odd")}
    assert sum(data.rows.values()) == len(pictures)
    inputs, labels = data.splits["train"].inputs, data.splits["train"].labels
    digits = {str(path): digit for path, digit in pictures}
    for given, label in zip(inputs, labels, strict=True):
        (name, own), digit = *json.loads(label).items(), digits[str(given)]
        size = json.dumps({"size": str(digit * 10)})
        assert own == {"size": size, "parity": ("odd", "even")[digit % 2 == 0]}[name]
    alone = zoo.load_data(other, task={"size": asked["size"][:2], "again": asked["size"][:2]})
    assert data.rows["test"] == alone.rows["test"] * 2
    monkeypatch.chdir("/")  # what the run leaves holds wherever one stands
    again = command("fit", "--config", tmp_path / "run/fit.toml", "--out", tmp_path / "b", "--json")
    assert again.code == 0, again.err
    assert again.data["results"][0]["metrics"] == ended.data["results"][0]["metrics"]
    bad = tmp_path / "bad.csv"
    bad.write_text(other.read_text().replace(",30", ",dear", 1))
    with pytest.raises(LabelProblem, match=r"size: .*'dear'.* at bad\.csv row"):
        zoo.load_data(first, task=asked | {"size": ("regression", "size", str(bad))})
