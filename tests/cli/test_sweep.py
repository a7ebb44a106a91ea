"""`zoo sweep`: a table with the best first, and words for what cannot be."""

from tests.cli.commands import zoo


def test_the_best_comes_first_and_is_said(digits, tmp_path):
    words = ("sweep", digits, "--backbone", "digits", "--adapter", "linear-probe",
             "--set", "l2=0.001,100", "--out", tmp_path)  # fmt: skip
    ended = zoo(*words)
    assert ended.code == 0, ended.err
    rows = ended.out.splitlines()
    assert rows[2].startswith("digits linear-probe l2=0.001")
    assert rows[3].startswith("digits linear-probe l2=100")
    assert "Best:" in ended.err
    found = zoo(*words, "--json").data
    assert len(found["trials"]) == 2
    assert (tmp_path / found["best"] / "artifact").is_dir()


def test_a_word_that_is_no_setting_is_refused(digits, tmp_path):
    ended = zoo(
        "sweep",
        digits,
        "--backbone",
        "digits",
        "--adapter",
        "linear-probe",
        "--set",
        "rank=1",
        "--out",
        tmp_path,
    )
    assert ended.code == 2
    assert "None of linear-probe has a setting 'rank'" in ended.err


def test_several_seeds_of_one_fit_are_shown_with_mean_and_spread(digits, tmp_path):
    words = ("fit", digits, "--backbone", "digits", "--adapter", "lora", "--epochs", 1,
             "--schedule", "one-cycle", "--average", "ema", "--balance", "sampler",
             "--gradient-checkpointing", "--seeds", 2, "--out", tmp_path / "runs")  # fmt: skip
    ended = zoo(*words)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[2].startswith("digits lora")
    found = zoo(*words, "--json").data
    assert [trial["seed"] for trial in found["trials"]] == [0, 1]
    record = zoo("show", tmp_path / "runs" / found["best"], "--json")
    assert record.code == 0
