"""zoo-alignments: each term equals its definition in the plainest way, each validator a case made for it."""

import math

import pytest
import torch
from torch.nn import functional
from zoo_alignments.adversarial import (
    Multilinear,
    certainty,
    discriminator,
    domain_loss,
    reverse,
    schedule,
)
from zoo_alignments.coral import coral
from zoo_alignments.dan import mmd
from zoo_alignments.mcc import confusion
from zoo_alignments.pseudo import ramp

from zoo.plugin import AlignStep, JudgeProblem
from zoo.training.adaptation.parts import make_alignment, make_validator

CLASSES = 3


@pytest.fixture
def domains():
    """Features and logits of two domains, float64."""
    draw = torch.Generator().manual_seed(0)

    def rows(count, size, scale):
        return scale * torch.randn(count, size, generator=draw, dtype=torch.float64)

    return (rows(9, 4, 1.0), rows(9, CLASSES, 2.0)), (rows(7, 4, 1.5) + 0.5, rows(7, CLASSES, 1.0))


def step_of(domains, progress=0.5, targets=None):
    (features, logits), (other, answers) = domains
    if targets is None:
        targets = torch.arange(len(logits)) % CLASSES
    return AlignStep(features, other, logits, answers, targets, progress)


def test_coral_is_the_squared_distance_of_covariances_by_four_times_the_squared_size(domains):
    (source, _), (target, _) = domains
    size = source.shape[1]
    total = 0.0
    for i in range(size):
        for j in range(size):
            of = []
            for rows in (source, target):
                x, y = rows[:, i] - rows[:, i].mean(), rows[:, j] - rows[:, j].mean()
                of.append(sum(a * b for a, b in zip(x, y, strict=True)) / (len(rows) - 1))
            total += (of[0] - of[1]) ** 2
    assert coral(source, target) == pytest.approx(float(total) / (4 * size**2), rel=1e-9)
    assert coral(source, source) == 0
    on_logits = make_alignment("coral", {"weight": 2.0}).loss(step_of(domains))
    assert on_logits == pytest.approx(2 * float(coral(domains[0][1], domains[1][1])))


def test_mmd_is_the_unbiased_mean_over_pairs_and_kernels(domains):
    (source, _), (target, _) = domains
    both = torch.cat([source, target])
    squared = [float((a - b).square().sum()) for i, a in enumerate(both) for b in both[i + 1 :]]
    median = sorted(squared)[(len(squared) - 1) // 2]

    def kernel(a, b):
        d = float((a - b).square().sum())
        return sum(math.exp(-d / (median * 2.0**p)) for p in range(-8, 9)) / 17

    def mean(xs, ys, same):
        pairs = [
            kernel(x, y)
            for i, x in enumerate(xs)
            for j, y in enumerate(ys)
            if not (same and i == j)
        ]
        return sum(pairs) / len(pairs)

    plain = (
        mean(source, source, True) + mean(target, target, True) - 2 * mean(source, target, False)
    )
    assert float(mmd(source, target)) == pytest.approx(plain, rel=1e-8)


def test_a_gradient_is_reversed_and_scaled():
    rows = torch.ones(3, 2, requires_grad=True)
    (5 * reverse(rows, 0.25)).sum().backward()
    assert torch.equal(rows.grad, torch.full((3, 2), -1.25))


def test_the_adversary_comes_in_as_the_paper_says():
    assert schedule(0.0) == 0
    assert schedule(0.5) == pytest.approx(2 / (1 + math.exp(-5)) - 1)
    assert schedule(1.0) == pytest.approx(0.9999092)


def test_each_domain_is_worth_half_of_the_discriminators_loss():
    logits = torch.tensor([2.0, -1.0, 0.5])
    by_hand = (
        -math.log(1 / (1 + math.exp(-2)))
        + (-math.log(1 - 1 / (1 + math.exp(1))) - math.log(1 - 1 / (1 + math.exp(-0.5)))) / 2
    ) / 2
    assert float(domain_loss(logits, 1)) == pytest.approx(by_hand, rel=1e-5)


def test_dann_trains_the_discriminator_and_the_features_against_each_other(domains):
    (features, logits), (other, answers) = domains
    alignment = make_alignment("dann", {"hidden": 8, "dropout": 0.0})
    torch.manual_seed(0)
    network = alignment.begin(4, CLASSES).double()
    given = [tensor.clone().requires_grad_() for tensor in (features, other)]
    alignment.loss(step_of(((given[0], logits), (given[1], answers)))).backward()
    plain = [tensor.clone().requires_grad_() for tensor in (features, other)]
    own = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    domain_loss(network(torch.cat(plain)).squeeze(1), len(features)).backward()
    strength = schedule(0.5)
    assert torch.allclose(given[0].grad, -strength * plain[0].grad)
    assert torch.allclose(given[1].grad, -strength * plain[1].grad)
    for mine, theirs in zip(own, network.parameters(), strict=True):
        assert torch.allclose(mine, theirs.grad)


def test_cdan_reads_the_outer_product(domains):
    (features, logits), _ = domains
    shares = logits.softmax(dim=1)
    mapped = Multilinear(4, CLASSES)(features, shares)
    for row in range(len(features)):
        for i in range(4):
            for k in range(CLASSES):
                assert mapped[row, i * CLASSES + k] == features[row, i] * shares[row, k]


def test_random_projections_keep_inner_products_in_the_mean():
    torch.manual_seed(0)
    several = []
    features, shares = torch.randn(2, 500), torch.randn(2, 10).softmax(dim=1)
    for _ in range(60):
        mapped = Multilinear(500, 10)(features, shares)
        several.append(float(mapped[0] @ mapped[1]))
    truth = float((features[0] @ features[1]) * (shares[0] @ shares[1]))
    error = torch.tensor(several).std() / math.sqrt(len(several))
    assert abs(sum(several) / len(several) - truth) < 4 * error


def test_certain_rows_weigh_more_and_each_domain_has_mean_one():
    shares = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1], [0.6, 0.4]])
    found = certainty(shares, 2)
    assert found[:2].mean() == pytest.approx(1)
    assert found[2:].mean() == pytest.approx(1)
    first = torch.tensor([2.0, 1 + math.exp(-math.log(2))])
    assert torch.allclose(found[:2], first / first.mean())


def test_cdan_gives_predictions_no_gradient(domains):
    (features, logits), (other, answers) = domains
    alignment = make_alignment("cdan", {"hidden": 8})
    alignment.begin(4, CLASSES).double()
    given = [tensor.clone().requires_grad_() for tensor in (features, logits, other, answers)]
    step = AlignStep(given[0], given[2], given[1], given[3], torch.zeros(9).long(), 0.5)
    alignment.loss(step).backward()
    assert given[0].grad.abs().sum() > 0
    assert given[1].grad is None
    assert given[3].grad is None


def test_mcc_is_its_definition(domains):
    _, (_, logits) = domains
    heat = 2.5
    shares = [[math.exp(v / heat) for v in row] for row in logits.tolist()]
    shares = [[v / sum(row) for v in row] for row in shares]
    weights = [1 + math.exp(sum(p * math.log(p) for p in row)) for row in shares]
    weights = [w * len(shares) / sum(weights) for w in weights]
    pairs = [
        [
            sum(w * row[i] * row[j] for w, row in zip(weights, shares, strict=True))
            for j in range(CLASSES)
        ]
        for i in range(CLASSES)
    ]
    off = [
        sum(pairs[i][j] / sum(pairs[i]) for j in range(CLASSES) if j != i) for i in range(CLASSES)
    ]
    assert float(confusion(logits, heat)) == pytest.approx(sum(off) / CLASSES, rel=1e-9)
    certain = 100 * torch.eye(CLASSES)
    assert confusion(certain, 1.0) == pytest.approx(0, abs=1e-6)


def test_pseudo_labels_are_the_models_own_answers(domains):
    alignment = make_alignment("pseudo-labels", {"weight": 3.0, "threshold": 0.5})
    assert alignment.loss(step_of(domains, progress=0.1)) is None
    _, (_, logits) = domains
    shares = logits.softmax(dim=1)
    total = -sum(math.log(max(row)) for row in shares.tolist() if max(row) >= 0.5)
    by_hand = 3 * ramp(0.5) * total / len(shares)
    assert float(alignment.loss(step_of(domains, progress=0.5))) == pytest.approx(by_hand)
    assert (ramp(0.0), ramp(1.0)) == (0.0, 1.0)


# === Validators ===


def judged(name, logits, risk=0.3):
    problem = JudgeProblem(logits, logits, torch.zeros(len(logits)).long(), risk)
    return make_validator(name).score(problem)


CERTAIN = 50 * torch.eye(CLASSES).repeat(8, 1)  # of all classes alike
COLLAPSED = CERTAIN[:1].repeat(24, 1)
UNDECIDED = torch.zeros(24, CLASSES)


def test_infomax_wants_certain_rows_of_all_classes():
    assert judged("infomax", CERTAIN) == pytest.approx(math.log(CLASSES))
    assert judged("infomax", COLLAPSED) == pytest.approx(0, abs=1e-9)
    assert judged("infomax", UNDECIDED) == pytest.approx(0, abs=1e-9)


def test_the_nuclear_norm_wants_certain_rows_of_all_classes():
    assert judged("nuclear-norm", CERTAIN) == pytest.approx(1)
    assert judged("nuclear-norm", COLLAPSED) == pytest.approx(1 / math.sqrt(CLASSES))
    assert judged("nuclear-norm", UNDECIDED) == pytest.approx(1 / CLASSES)


def test_density_is_the_entropy_of_neighbourhoods():
    # Each row has seven of its own class at similarity 1 and sixteen others at 0.
    near, far = math.exp(1 / 0.05), 1.0
    total = 7 * near + 16 * far
    by_hand = -(
        7 * near / total * math.log(near / total) + 16 * far / total * math.log(far / total)
    )
    assert judged("density", CERTAIN) == pytest.approx(by_hand, rel=1e-4)
    alone = 5 * functional.normalize(
        torch.randn(24, 40, generator=torch.Generator().manual_seed(0))
    )
    assert judged("density", 10 * alone) < judged("density", 10 * alone[:4].repeat(6, 1))


def test_source_risk_looks_at_no_target_row():
    assert judged("source-risk", CERTAIN, 0.25) == judged("source-risk", UNDECIDED, 0.25) == -0.25


def test_the_discriminator_has_three_layers():
    network = discriminator(4, 8, 0.5)
    assert [tuple(p.shape) for p in network.parameters() if p.ndim == 2] == [(8, 4), (8, 8), (1, 8)]
    assert [layer.p for layer in network if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]


@pytest.mark.parametrize("name", ["dann", "cdan"])
def test_the_adversary_sees_features_of_any_scale_alike(name, domains):
    (features, logits), (other, answers) = domains

    def loss(scale):
        torch.manual_seed(0)
        alignment = make_alignment(name, {"hidden": 8})
        alignment.begin(4, CLASSES).double()
        step = step_of(((scale * features + 3, logits), (scale * other + 3, answers)))
        return alignment.loss(step).item()

    assert loss(100.0) == pytest.approx(loss(1.0), rel=1e-3)
