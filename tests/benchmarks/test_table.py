"""The benchmark table: a cell is computed once, pairs are of the same rows, the page holds every cell."""

import argparse

import pytest

from benchmarks import table
from benchmarks.table import PEER, Cell


@pytest.fixture
def cells(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "CELLS", tmp_path)
    return tmp_path


def keep(folder, *cells):
    import json
    from dataclasses import asdict

    for cell in cells:
        path = table.path_of(cell.case, cell.backbone, cell.model, cell.seed)
        path.write_text(json.dumps(asdict(cell)))


def test_what_is_kept_is_not_computed_again(cells, tmp_path):
    models = [PEER, "lora", "peft:ia3"]
    keep(cells, *(Cell("trec", "minilm", model, 0, "1101") for model in models))
    nowhere = tmp_path / "nowhere"  # computing would open data below it
    table.compute(table.CASES[4], "minilm", models, 0, nowhere, None)
    assert [cell.model for cell in table.finished()] == sorted(models)


def test_nothing_is_begun_when_time_is_over(cells, tmp_path):
    table.compute(table.CASES[4], "minilm", ["lora"], 0, tmp_path, 0.0)
    assert list(cells.iterdir()) == []


def test_pairs_are_of_seeds_that_both_have(cells):
    keep(
        cells,
        Cell("trec", "minilm", PEER, 0, "1100", 60),
        Cell("trec", "minilm", PEER, 1, "1111", 60),
        Cell("trec", "minilm", "lora", 0, "1110", 60),
        Cell("trec", "minilm", "peft:oft", 0, refused="Incompatible: it does not fit"),
    )
    page = table.page(list(table.finished()))
    (line,) = [line for line in page.splitlines() if line.startswith("| trec | minilm | 4 |")]
    assert "| 0.750 |" in line  # the peer over both of its seeds
    assert "0.750 (+25.0 [" in line
    assert "1 seed)" in line
    assert line.endswith("| lora |")
    assert "| peft:oft | Incompatible: it does not fit |" in page
    assert "All 4 cells together took 3 minutes." in page


def test_no_adapter_is_shown_without_rows(cells):
    keep(cells, Cell("trec", "minilm", PEER, 0, "1100"))
    assert "| trec | minilm | 4 | 0.500 |  |  |  |  |  |" in table.page(list(table.finished()))


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
