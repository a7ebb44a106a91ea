"""The benchmark of rankers: candidates are cut where they say, and the table says what cells hold."""

import pytest
import torch

import zoo
from benchmarks import ranking_candidates as made
from benchmarks import ranking_table
from benchmarks.ranking_table import table, weighted_tau


@pytest.fixture(autouse=True)
def few_bootstraps(monkeypatch):
    """Intervals need not be exact here."""
    monkeypatch.setattr(ranking_table, "BOOTSTRAPS", 20)


def cells(estimates, accuracies, case="trec"):
    """Cells of as many candidates as there are estimates, each tested on 100 rows."""
    ranks, fits = {}, {}
    for at, (estimate, accuracy) in enumerate(zip(estimates, accuracies, strict=True)):
        found = {"estimate": estimate, "halves": [estimate, estimate + 1e-6], "seconds": 1.0}
        rankers = dict.fromkeys(("logme", "hscore", "knn", "probe"), found)
        ranks[case, f"c{at}"] = {
            "rankers": rankers, "extraction": 1.0, "peer": estimate, "peer_seconds": 8.0
        }  # fmt: skip
        right = "1" * round(100 * accuracy) + "0" * (100 - round(100 * accuracy))
        fits[case, f"c{at}"] = {"right": right, "seconds": 50.0}
    return ranks, fits


def row(page, ranker="logme"):
    (line,) = [line for line in page.splitlines() if f"| trec | 4 | {ranker} |" in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_ranker_that_is_right_has_a_tau_of_one_and_loses_nothing():
    accuracies = [0.3, 0.5, 0.7, 0.9]
    case, count, _, tau, lost, tuning, probes = row(table(*cells([1, 2, 3, 4], accuracies)))
    assert (case, count, lost) == ("trec", "4", "0.0")
    assert tau.startswith("1.00 [")
    assert (tuning, probes) == ("1/25", "1/8")
    assert "| text | 1 | logme | 1.00 |" in table(*cells([1, 2, 3, 4], accuracies))


def test_a_ranker_that_is_wrong_loses_what_it_loses():
    _, _, _, tau, lost, _, _ = row(table(*cells([4, 3, 2, 1], [0.3, 0.5, 0.7, 0.9])))
    assert tau.startswith("-1.00 [")
    assert lost == "60.0"


def test_too_few_candidates_have_no_row():
    page = table(*cells([1, 2, 3], [0.1, 0.2, 0.3]))
    assert "| trec |" not in page
    assert "3 candidates were ranked and 3 fine-tuned so far." in page


def test_the_top_of_the_order_counts_most():
    accuracies = [0.9, 0.8, 0.7, 0.6, 0.5]
    top, bottom = [4, 5, 3, 2, 1], [5, 4, 3, 1, 2]
    assert weighted_tau(top, accuracies) < weighted_tau(bottom, accuracies) < 1


def test_minilm_is_cut_after_its_layers():
    whole, cut = zoo.load_backbone("minilm"), made.minilm(2)
    batch = whole.preprocess.collate([whole.preprocess(text) for text in ("one", "two words")])
    with torch.inference_mode():
        states = whole.module(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"].unsqueeze(-1)
        expected = (states[2] * mask).sum(1) / mask.sum(1)
        found = cut(batch).pooled
    cosine = torch.nn.functional.cosine_similarity(found, expected)
    torch.testing.assert_close(cosine, torch.ones(2))
    named = [name for block in cut.blocks for name in block.modules]
    assert not any("layer.2" in name for name in named)
    assert cut.digest != whole.digest


@pytest.mark.realdata
def test_a_mobilenet_is_cut_after_its_groups_of_blocks(shared):
    whole, cut = (made.mobilenet(shared, "tf2_in1k", groups) for groups in (7, 2))
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        x = whole.module.bn1(whole.module.conv_stem(pixels))
        expected = whole.module.blocks[1](whole.module.blocks[0](x)).mean(dim=(2, 3))
        found = cut({"pixel_values": pixels}).pooled
    torch.testing.assert_close(found, expected)
    assert cut.feature_size == expected.shape[1] == 24
    assert whole.source_head() is not None
    assert cut.source_head() is None
