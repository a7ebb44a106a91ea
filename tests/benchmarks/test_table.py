"""The benchmark table: a cell is computed once, pairs are of the same rows, the page holds every cell."""

import argparse

import pytest

from benchmarks import table, table_cells
from benchmarks.table_cells import PEER, Cell, finished
from benchmarks.table_page import page

ORDER = [case.name for case in table.CASES]


@pytest.fixture
def cells(tmp_path, monkeypatch):
    monkeypatch.setattr(table_cells, "CELLS", tmp_path)
    return tmp_path


def keep(*cells):
    for cell in cells:
        table_cells.keep(cell)


def test_what_is_kept_is_not_computed_again(cells, tmp_path):
    models = [PEER, "lora", "peft:ia3"]
    keep(*(Cell("trec", "minilm", model, 0, "1101") for model in models))
    nowhere = tmp_path / "nowhere"  # computing would open data below it
    table.compute(table.CASES[4], "minilm", models, 0, nowhere, None)
    assert [cell.model for cell in finished()] == sorted(models)


def test_nothing_is_begun_when_time_is_over(cells, tmp_path):
    table.compute(table.CASES[4], "minilm", ["lora"], 0, tmp_path, 0.0)
    assert list(cells.iterdir()) == []


def test_pairs_are_of_seeds_that_both_have(cells):
    keep(
        Cell("trec", "minilm", PEER, 0, "1100", 60),
        Cell("trec", "minilm", PEER, 1, "1111", 60),
        Cell("trec", "minilm", "lora", 0, "1110", 60),
        Cell("trec", "minilm", "peft:oft", 0, refused="Incompatible: it does not fit"),
    )
    written = page(list(finished()), ORDER, {})
    (line,) = [line for line in written.splitlines() if line.startswith("| trec | minilm | 4 |")]
    assert "| 0.750 |" in line  # the peer over both of its seeds
    assert "0.750 (+25.0 [" in line
    assert "1 seed)" in line
    assert line.endswith("| lora |")
    assert "On minilm, peft:oft: Incompatible: it does not fit" in written
    assert "All 4 cells together took 3 minutes." in written


def test_no_adapter_is_shown_without_rows(cells):
    keep(Cell("trec", "minilm", PEER, 0, "1100"))
    assert "| trec | minilm | 4 | 0.500 |  |  |  |  |  |" in page(list(finished()), ORDER, {})


def test_how_far_the_choice_is_from_the_best_and_what_runs_say_of_the_probe(cells):
    keep(
        Cell("trec", "minilm", PEER, 0, "1100"),
        Cell("trec", "minilm", "linear-probe", 0, "1110"),
        Cell(
            "trec", "minilm", "partial", 0, "1100", best_epoch=3, verdict="Negative transfer: so."
        ),
        Cell("trec", "minilm", "lora", 0, "1111", best_epoch=2),
        Cell("sst2", "minilm", PEER, 0, "10"),
        Cell("sst2", "minilm", "lora", 0, "11"),
    )
    chosen = {("trec", "minilm"): "few-texts: linear-probe", ("sst2", "minilm"): "texts: lora"}
    written = page(list(finished()), ORDER, chosen)
    assert "| trec | few-texts: linear-probe | 0.750 | lora 1.000 | 1 | 25.0 |" in written
    assert "| sst2 | texts: lora | 1.000 | lora 1.000 | 1 | 0.0 |" in written
    assert "is 12.5 points behind the best on average" in written
    assert "| trec | partial | 3 | -25.0 | Negative transfer: so. |" in written


def test_a_choice_is_of_its_own_backbone_and_the_best_has_most_seeds(cells):
    keep(
        Cell("trec", "minilm", PEER, 0, "1100"),
        Cell("trec", "minilm", PEER, 1, "1100"),
        Cell("trec", "minilm", "linear-probe", 0, "1110"),
        Cell("trec", "minilm", "linear-probe", 1, "1110"),
        Cell("trec", "minilm", "peft:ia3", 0, "1111"),
        Cell("trec", "other", PEER, 0, "1000"),
        Cell("trec", "other", "linear-probe", 0, "1000"),
        Cell("trec", "other", "lora", 0, "1111"),
    )
    written = page(list(finished()), ORDER, {("trec", "minilm"): "few-texts: linear-probe"})
    assert "| trec | few-texts: linear-probe | 0.750 | linear-probe 0.750 | 2 | 0.0 |" in written
    assert "is 0.0 points behind the best on average" in written


def test_what_is_asked_for():
    arguments = argparse.Namespace(seeds=[0, 1], cases=["trec", "flowers5"], backbones=None)
    found = [(case.name, backbone, seed) for case, backbone, seed in table.asked(arguments)]
    assert found == [
        ("flowers5", "mobilenetv2-in1k", 0),
        ("trec", "minilm", 0),
        ("flowers5", "mobilenetv2-in1k", 1),
        ("trec", "minilm", 1),
    ]
    assert table.adapters(["all"])[:4] == list(table.MAIN)
