"""GradNorm: its gradient is that of the paper's loss, whatever the pieces a batch comes in."""

import copy
import json

import pytest
import torch
from torch.nn import functional

import zoo
from zoo.data.dataset import Dataset, Split
from zoo.model import ComposedModel
from zoo.model.joint import logits_of
from zoo.progress import Silent
from zoo.testing.subjects import reference_backbones
from zoo.training.config import FitConfig
from zoo.training.gradnorm import GradNorm
from zoo.training.job import Job

WORDS = ("sun", "moon", "sea", "hill", "rain", "stone", "wind")
LABELS = {"kind": ("classification", ["a", "b"]), "size": ("regression", ["size"])}


def dataset(rows=140):
    texts = [" ".join([WORDS[at % 7]] * (1 + at % 5)) for at in range(rows)]
    labels = [
        json.dumps(
            {"kind": "" if at % 4 == 0 else "ab"[(at % 7 + at % 5) % 2], "size": str(at % 5 * 100)}
        )
        for at in range(rows)
    ]
    halves = {"train": slice(0, rows // 2), "val": slice(rows // 2, rows)}
    splits = {name: Split(texts[part], labels[part]) for name, part in halves.items()}
    labelled = {name: tuple(labels) for name, (_, labels) in LABELS.items()}
    return Dataset("table", "text", "made up", splits, tuple(LABELS), "0" * 64, tasks=labelled)


def job(**options):
    model = ComposedModel(
        reference_backbones()["reference:text"](),
        zoo.adapter("finetune"),
        [zoo.task(kind, labels=labels, name=name) for name, (kind, labels) in LABELS.items()],
    )
    return Job(model, dataset(), FitConfig(weighting="gradnorm", **options), Silent())


def watched(made, pieces):
    """What is seen of the training rows, and what was computed: features, logits, targets."""
    norms = GradNorm(made.model, made.task, made.splits["train"].targets, alpha=1.5)
    norms.start()
    for rows in pieces:
        split = made.splits["train"]
        batch = made.model.preprocess.collate([split.ready[at] for at in rows])
        with norms.watching():
            logits = logits_of(made.task, made.model(batch))
        norms.observe(logits, split.targets[rows])
    return norms


def test_the_gradient_is_that_of_the_papers_loss():
    made = job()
    split = made.splits["train"]
    batch = made.model.preprocess.collate([split.ready[at] for at in range(len(split))])
    features = made.model.backbone(batch).pooled
    weights = torch.tensor([0.7, 1.3], requires_grad=True)
    losses = []
    for name, (mask, own) in made.task.split(split.targets).items():
        losses.append(made.task.parts[name].loss(made.model.heads[name](features)[mask], own))
    norms = torch.stack(
        [
            torch.autograd.grad(w * loss, features, create_graph=True)[0].norm()
            for w, loss in zip(weights, losses, strict=True)
        ]
    )
    # Of ignoring the input: the entropy of the classes, and half of one squared unit or one of them.
    kinds = made.task.split(split.targets)["kind"][1]
    shares = torch.bincount(kinds).float() / len(kinds)
    _, sizes = made.task.split(split.targets)["size"]
    size = made.task.parts["size"]
    began = torch.stack(
        [
            -(shares * shares.log()).sum(),
            size.loss(torch.zeros_like(sizes, dtype=torch.float), sizes),
        ]
    )
    left = torch.stack(losses).detach() / began
    wanted = norms.mean().detach() * (left / left.mean()) ** 1.5
    functional.l1_loss(norms, wanted, reduction="sum").backward()
    made.task.balance.data = weights.detach()
    seen = watched(made, [list(range(len(split)))])
    seen.settle(seen.seen)
    assert made.task.balance.grad.tolist() == pytest.approx(weights.grad.tolist(), rel=1e-4)


def test_a_batch_in_pieces_is_seen_as_one():
    made = job()
    rows = list(range(len(made.splits["train"])))
    whole = watched(made, [rows]).seen
    pieces = watched(made, [rows[:5], rows[5:6], rows[6:]]).seen
    assert pieces == pytest.approx(whole, rel=1e-4)


def test_weights_stay_positive_and_their_mean_is_one_and_a_missing_task_keeps_its_own():
    made = job()
    norms = watched(made, [[0, 4, 8]])  # rows that have no kind
    norms.settle(norms.seen)
    assert made.task.balance.grad[0] == 0
    with torch.no_grad():
        made.task.balance.copy_(torch.tensor([-0.5, 3.0]))
    norms.renew()
    assert made.task.balance.min() > 0
    assert made.task.balance.mean().item() == pytest.approx(1)


class Keeping:
    """Checkpoints in memory, of some steps."""

    def __init__(self, *steps):
        self.steps, self.trees = steps, {}

    def due(self, step):
        return step in self.steps

    def due_at_end(self):
        return False

    def save(self, tree):
        self.trees[tree["step"]] = copy.deepcopy(tree)


def test_a_fit_learns_weights_and_goes_on_with_them_where_it_was_cut_short():
    options = {"epochs": 2, "batch_size": 8, "patience": 9, "baselines": ()}
    last = 2 * 9
    kept, again = Keeping(5, last), Keeping(last)
    made = job(**options)
    made.run(lambda line: None, kept)
    weights = kept.trees[last]["model"]["learned_weights"]
    assert (weights - 1).abs().max() > 0.01
    assert weights.mean().item() == pytest.approx(1)
    assert made.model.learned_weights is None
    resumed = job(**options)
    resumed.run(lambda line: None, again, kept.trees[5])
    assert torch.equal(again.trees[last]["model"]["learned_weights"], weights)
