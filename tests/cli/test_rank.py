"""`zoo rank` and `zoo rankers`: the table, what is skipped, the plot, and going on with the winner."""

import json
import shlex

import pytest

from tests.cli.commands import zoo

NAMES = ["--backbones", "digits", "--backbones", "nlp:minilm"]


@pytest.fixture(scope="module")
def ranked(digits, tmp_path_factory):
    """How `zoo rank` ended that also drew a plot and fitted the winner, and where these are."""
    folder = tmp_path_factory.mktemp("ranked")
    ended = zoo(
        "rank", digits, *NAMES, "--ranker", "knn", "--set", "neighbours=1", "--rows", 40,
        "--plot", folder / "costs.png", "--then-fit", folder / "run", "--seed", 3,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return ended, folder


def test_the_table_has_what_one_decides_by(ranked):
    ended, _ = ranked
    head, _, row = ended.out.splitlines()[:3]
    assert head.split() == [
        "backbone", "estimate", "spread", "parameters", "features", "ms", "license"
    ]  # fmt: skip
    assert row.split()[0] == "digits"
    assert row.split()[3:6] == ["23.4", "k", "256"]
    assert row.split()[-1] == "apache-2.0"


def test_it_says_how_many_rows_were_used_and_what_was_skipped(ranked):
    ended, _ = ranked
    assert "Ranked by knn on 40 of 70 training rows" in ended.err
    assert "Skipped nlp:minilm: " in ended.err


def test_the_winner_is_fitted_on_the_same_data(ranked):
    ended, folder = ranked
    record = json.loads((folder / "run" / "run.json").read_text())
    assert record["backbone"] == "vision:digits"
    assert record["config"]["training"]["seed"] == 3
    assert "linear-probe" in ended.out


def test_the_plot_is_a_picture(ranked):
    _, folder = ranked
    assert (folder / "costs.png").read_bytes().startswith(b"\x89PNG")


def test_json_has_the_same(digits):
    ended = zoo("rank", digits, *NAMES, "--rows", 40, "--json")
    assert ended.code == 0, ended.err
    (best,) = ended.data["candidates"]
    assert (best["name"], best["level_with_best"], best["pareto"]) == ("digits", True, True)
    assert best["spread"] > 0
    assert ended.data["ranker"] == "logme"
    assert (ended.data["rows"], ended.data["of"]) == (40, 70)
    assert [skipped["name"] for skipped in ended.data["skipped"]] == ["nlp:minilm"]


def test_what_to_type_next_is_of_the_same_data_and_task(digits):
    ended = zoo(
        "rank", digits, "--backbones", "digits", "--rows", 20, "--task", "classification",
        "--seed", 3, "--test-fraction", 0.15, "--val-fraction", 0.2,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    typed = shlex.split(ended.err.split("Next: `")[1].split("`")[0])
    assert typed == [
        "zoo", "fit", str(digits), "--backbone", "digits",
        "--task=classification", "--val-fraction=0.2", "--seed=3", "--out", "RUN",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backbones", "vision:digit"], "Did you mean 'vision:digits'"),
        (["--backbones", "vision:*nothing*"], "Unknown backbone 'vision:*nothing*'"),
        (["--backbones", "minilm"], "text inputs are needed"),
        (["--ranker", "logmee"], "Did you mean 'logme'"),
        (["--ranker", "knn", "--set", "neighbours=0"], "neighbours"),
        (["--plot", "costs.jpg"], "is no .png"),
        (["--then-fit", "run", "--json"], "one or the other"),
        (["--backbones", "digits", "--ranker", "leep"], "no head for them"),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_words(words, message, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = zoo("rank", digits, *words)
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(digits, tmp_path):
    there = tmp_path / "costs.png"
    there.write_text("precious")
    ended = zoo("rank", digits, "--backbones", "digits", "--plot", there)
    assert (ended.code, there.read_text()) == (2, "precious")


def test_a_pattern_names_all_that_it_matches(digits):
    ended = zoo("rank", digits, "--backbones", "vision:dig*", "--rows", 20, "--json")
    assert [c["name"] for c in ended.data["candidates"]] == ["vision:digits"]


def test_a_ranker_is_shown_with_its_paper_and_its_settings():
    ended = zoo("show", "knn")
    assert ended.code == 0
    assert "arXiv:2010.06402" in ended.out
    assert "neighbours" in ended.out
