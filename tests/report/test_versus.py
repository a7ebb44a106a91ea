"""Runs side by side: the order, what differs, and what makes a comparison unsafe."""

import pytest

from tests.report.evidence import evidence
from tests.report.runs import adapted, record, write_run
from tests.report.test_html import Page
from zoo.errors import BadSetting, NotAnArtifact
from zoo.report.html import write_report
from zoo.report.versus import versus, write_versus


@pytest.fixture
def runs(tmp_path):
    return [
        write_run(tmp_path / "weak", record(own=0.7, adapter="linear-probe"), epochs=0),
        write_run(tmp_path / "good", record(own=0.9, evidence=evidence())),
    ]


def test_the_best_is_first_and_only_what_differs_is_told(runs):
    found = versus(runs)
    assert [side.name for side in found.sides] == ["good", "weak"]
    assert (found.split, found.headline) == ("test", "accuracy")
    assert found.differing == {"adapter": ("lora", "linear-probe")}
    assert found.best("log_loss") == pytest.approx(0.1)
    assert found.notes == ()


def test_the_page_is_self_contained_and_escaped(tmp_path, runs):
    evil = "<script>x</script>"
    runs.append(write_run(tmp_path / "evil", record(own=0.5, backbone=evil, adapter=evil)))
    path = tmp_path / "compared.html"
    write_versus(versus(runs), path)
    page = Page(path)
    assert "script" not in page.tags
    assert page.tags.count("img") == 2
    assert all(source.startswith("data:image/") for source in page.fetched)
    assert "Negative transfer: linear-probe is better here." in page.text


def test_what_makes_it_unsafe_is_said(tmp_path):
    other = {"description": "other rows", "fingerprint": "cd" * 32, "rows": {"train": 70}}
    one = write_run(tmp_path / "one", record(own=0.72, splits=("val",), evidence=evidence()))
    two = write_run(
        tmp_path / "two", record(own=0.71, splits=("val",), data=other, status="failed")
    )
    notes = " ".join(versus([one, two]).notes)
    assert "not on the same data" in notes
    assert "two failed." in notes
    assert "optimistic" in notes
    two = write_run(tmp_path / "three", record(own=0.71, splits=("val",)))
    (note,) = versus([one, two]).notes[1:]
    assert note.startswith("one and three are 0.010 apart, which is within chance")


def test_runs_of_one_name_keep_their_paths(tmp_path):
    paths = [write_run(tmp_path / name / "run", record()) for name in "ab"]
    assert [side.name for side in versus(paths).sides] == [str(path) for path in paths]


def test_what_cannot_be_compared_is_refused(tmp_path, runs):
    with pytest.raises(BadSetting, match="needs two runs"):
        versus(runs[:1])
    with pytest.raises(NotAnArtifact):
        versus([runs[0], tmp_path])
    other = write_run(tmp_path / "other", record(headline="r2", task="regression"))
    with pytest.raises(BadSetting, match="different tasks"):
        versus([runs[0], other])
    only_val = write_run(tmp_path / "val", record(splits=("val",)))
    only_test = write_run(tmp_path / "test", record(splits=("test",)))
    with pytest.raises(BadSetting, match="not all measured on one split"):
        versus([only_val, only_test])


def test_runs_for_one_target_are_held_against_each_other_there(tmp_path):
    """Not on the source's rows, by which the second would be first."""
    runs = [
        write_run(tmp_path / "dann", adapted(record(own=0.9), 0.7, "dann")),
        write_run(tmp_path / "mcc", adapted(record(own=0.8), 0.75, "mcc")),
    ]
    found = versus(runs)
    assert (found.split, [side.name for side in found.sides]) == ("target", ["mcc", "dann"])
    assert found.differing == {"alignment": ("mcc", "dann")}
    assert found.notes == ()
    runs.append(write_run(tmp_path / "else", adapted(record(own=0.7), 0.6, "mcc", "01" * 32)))
    apart = versus(runs)
    assert apart.split == "test"
    assert "no labelled target in common" in apart.notes[0]


def test_a_page_about_a_target_tells_its_rows_from_the_sources(tmp_path):
    page = Page(write_report(write_run(tmp_path / "run", adapted(record(own=0.9), 0.7, "dann"))))
    assert "accuracy on the target" in page.text
    assert "accuracy on the source's test" in page.text
    assert "Beside the baselines, on the source's test" in page.text
