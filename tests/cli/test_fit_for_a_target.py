"""`zoo fit SOURCE --target TARGET --align METHOD`: what is printed, and what is refused with exit 2."""

import json

import pytest

from tests.cli.commands import zoo
from tests.training.adaptation.conftest import write


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    """Twenty digits of each class from one scanner, and sixteen others from another."""
    root = tmp_path_factory.mktemp("domains")
    return write(root / "white", first=0, count=20), write(
        root / "grey", first=40, count=16, other=True
    )


def test_every_choice_is_printed_and_can_be_repeated(domains, tmp_path):
    source, target = domains
    words = ["--target", target, "--align", "mcc", "--backbone", "digits", "--tries", 1]
    words += ["--adapter", "bottleneck", "--epochs", 2, "--batch-size", 16]
    ended = zoo("fit", source, *words, "--out", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    for name in ("source-only:", "label-free-selected: mcc", "source-only, oracle:", "oracle: mcc"):
        assert name in ended.err
    assert json.loads(ended.out)
    repeats = tmp_path / "run" / "fit.toml"
    again = zoo("fit", source, "--config", repeats, "--out", tmp_path / "again")
    assert again.code == 0, again.err
    records = [json.loads((tmp_path / n / "run.json").read_text()) for n in ("run", "again")]
    assert records[0]["adaptation"] == records[1]["adaptation"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--align", "coral"], "--align needs a target"),
        (["--validator", "infomax"], "--validator needs a target"),
        (["--target", "x"], "--target needs an alignment"),
        (["--target", "x", "--align", "coral", "--seeds", 2], "--seeds is for fits without"),
    ],
)
def test_what_makes_no_sense_together(domains, tmp_path, words, said):
    ended = zoo("fit", domains[0], *words, "--out", tmp_path / "run")
    assert ended.code == 2
    assert said in ended.err


def test_an_adapter_that_trains_nothing_to_align(domains, tmp_path):
    source, target = domains
    words = ["--target", target, "--align", "coral", "--backbone", "digits"]
    words += ["--adapter", "linear-probe", "--batch-size", 16, "--out", tmp_path / "run"]
    ended = zoo("fit", source, *words)
    assert ended.code == 2
    assert "coral has nothing to train" in ended.err
    assert not (tmp_path / "run").exists()


def test_several_sources_and_a_few_labelled_target_rows(domains, tmp_path):
    source, target = domains
    more = write(tmp_path / "more", first=20, count=10)
    few = write(tmp_path / "few", first=60, count=2, other=True)
    words = ["--target", target, "--align", "coral", "--backbone", "digits", "--tries", 1]
    words += ["--adapter", "bottleneck", "--epochs", 1, "--batch-size", 16, "--source", more]
    words += ["--target-labelled", few, "--out", tmp_path / "run"]
    ended = zoo("fit", source, *words)
    assert ended.code == 0, ended.err
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert any("10 labelled target rows are trained on" in note for note in record["notes"])
    of_sources = round(100 * 0.7) + round(50 * 0.7)
    assert record["data"]["rows"]["train"] == pytest.approx(of_sources * 1.25, abs=6)


def test_a_target_without_labels_is_told_how_to_say_so(domains, tmp_path):
    source, target = domains
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in target.glob("*/*.png"):
        (flat / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    (flat / "broken.png").write_text("no image")
    words = ["--target", flat, "--align", "coral", "--backbone", "digits", "--tries", 1]
    words += ["--adapter", "bottleneck", "--epochs", 1, "--batch-size", 16]
    ended = zoo("fit", source, *words, "--out", tmp_path / "run")
    assert ended.code == 2
    assert "say `--target-unlabelled`" in ended.err
    ended = zoo(
        "fit", source, *words, "--target-unlabelled", "--skip-bad", "--out", tmp_path / "run"
    )
    assert ended.code == 0, ended.err
    assert "1 of 81 inputs are left out" in ended.err
