"""`zoo predict` and `zoo evaluate`: the same model, asked in every way."""

import csv
import io
import shutil

import pytest
from PIL import Image

import zoo as api
from tests.cli.commands import zoo


@pytest.fixture(scope="module")
def five(digits):
    """A picture of a five."""
    return digits / "5" / "000.png"


def test_a_file_is_answered_as_by_the_library(run, five):
    ended = zoo("predict", run, five, "--json")
    assert ended.code == 0, ended.err
    (answer,) = ended.data
    (expected,) = api.load(run).predict([five])
    assert answer["input"] == str(five)
    assert answer["label"] == expected.label
    assert answer["score"] == pytest.approx(expected.score, abs=1e-6)
    assert answer["scores"] == pytest.approx(expected.scores, abs=1e-6)


def test_folders_files_and_standard_input_come_in_order(run, digits, five):
    paths = f"{digits / '7' / '001.png'}\n{digits / '8' / '002.png'}\n"
    ended = zoo("predict", run, five, digits / "6", "-", "--json", stdin=paths.encode())
    named = [answer["input"] for answer in ended.data]
    sixes = [str(digits / "6" / f"{n:03}.png") for n in range(20)]
    assert named == [str(five), *sixes, *paths.split()]


def test_top_limits_the_labels_and_they_are_best_first(run, five):
    (answer,) = zoo("predict", run, five, "--top", 2, "--json").data
    scores = list(answer["scores"].values())
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    people = zoo("predict", run, five, "--top", 2).out.splitlines()
    assert people[2].startswith(str(five)[:79])
    assert people[3].split()[0] == list(answer["scores"])[1]


def test_csv_is_one_row_an_input(run, digits):
    ended = zoo("predict", run, digits / "5", "--csv", "--top", 2)
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert len(rows) == 20
    assert list(rows[0]) == ["input", "label", "score", "label_2", "score_2"]
    assert float(rows[0]["score"]) >= float(rows[0]["score_2"])


def test_what_cannot_be_read_stops_or_is_skipped(run, five, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    refused = zoo("predict", run, five, broken, "--json")
    assert refused.code == 2
    assert refused.out == ""
    assert "broken.png" in refused.err
    assert "--skip-bad" in refused.err
    skipped = zoo("predict", run, broken, five, "--json", "--skip-bad")
    assert [answer["input"] for answer in skipped.data] == [str(five)]
    assert "Skipped: " in skipped.err
    nothing = zoo("predict", run, broken, "--skip-bad")
    assert nothing.code == 2
    assert "None of the inputs could be read." in nothing.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["RUN", "nowhere.png"], 2, "nowhere.png"),
        (["RUN"], 2, "Missing argument 'INPUT...'"),
        (["RUN", "x.png", "--json", "--csv"], 2, "--json and --csv exclude each other."),
        (["RUN", "x.png", "--top", "0"], 2, "--top"),
        (["nowhere", "x.png"], 2, "'nowhere' is neither a directory here nor a Hub repo."),
        (["./nowhere", "x.png"], 2, "There is no nowhere."),
        (["runs/none", "x.png"], 1, "There is no directory 'runs/none' here either."),
    ],
)
def test_what_cannot_be_asked_is_explained(run, words, code, message):
    ended = zoo("predict", *(run if word == "RUN" else word for word in words))
    assert ended.code == code
    assert message in ended.err
    assert len(ended.err[ended.err.index("Error: ") :].splitlines()) <= 2


def test_evaluating_shows_all_metrics_and_draws_the_confusion(run, digits, tmp_path):
    plot = tmp_path / "confusion.png"
    ended = zoo("evaluate", run, digits, "--plot", plot)
    assert ended.code == 0, ended.err
    named = [line.rsplit("  ", 1)[0].strip() for line in ended.out.splitlines()[2:]]
    assert named == ["accuracy", "balanced accuracy", "macro F1", "log loss", "calibration error"]
    assert "evaluating all: 100 rows" in ended.err
    with Image.open(plot) as image:
        assert image.format == "PNG"


def test_evaluation_as_json_agrees_with_the_predictions(run, digits):
    found = zoo("evaluate", run, digits, "--json").data
    answers = zoo("predict", run, digits, "--json").data
    right = sum(answer["label"] in answer["input"].split("/")[-2] for answer in answers)
    assert found["rows"] == 100
    assert found["metrics"]["accuracy"] == pytest.approx(right / 100)
    assert sum(found["confusion"][n][n] for n in range(5)) == right


def test_a_label_never_seen_in_training_is_refused_or_skipped(run, digits, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(digits, data)
    (data / "9").rename(data / "ninety")
    refused = zoo("evaluate", run, data)
    assert refused.code == 2
    assert "ninety" in refused.err
    assert zoo("evaluate", run, data, "--skip-bad", "--json").data["rows"] == 80


def test_a_split_that_the_data_lacks_is_refused(run, digits):
    ended = zoo("evaluate", run, digits, "--split", "test")
    assert ended.code == 2
    assert "test" in ended.err


def test_rows_that_the_model_was_fitted_on_are_pointed_out(run, digits, tmp_path):
    for split in ("train", "val"):
        shutil.copytree(digits, tmp_path / "data" / split)
    ended = zoo("evaluate", run, tmp_path / "data")
    assert ended.code == 0
    assert "evaluating val" in ended.err
    assert "only test rows say how good it is" in ended.err


def test_the_report_is_written_again_and_its_path_printed(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "report.html").unlink()
    ended = zoo("report", copy)
    assert ended.code == 0
    assert ended.out == f"{copy / 'report.html'}\n"
    assert (copy / "report.html").is_file()
    refused = zoo("report", tmp_path)
    assert refused.code == 2
    assert "is not a run" in refused.err
