"""The main job with the installed command, each step a process of its own: images with a probe."""

import csv
import io
import json
from pathlib import Path

import pytest
from safetensors import safe_open

from examples.digits import write_folder
from tests.e2e.conftest import Person
from zoo.hub.server import EmbeddedHub

ALLOWANCE = 256_000  # bytes of an artifact's repo beyond its trained tensors, plots aside


@pytest.fixture(scope="module")
def run(author: Person) -> Path:
    """A run on handwritten digits, by the author."""
    write_folder(author.folder / "digits")
    author.types("fit", "digits", "--backbone", "digits", "--adapter", "linear-probe", "--out", "r")
    return author.folder / "r"


@pytest.fixture(scope="module")
def pushed(author: Person, run: Path) -> str:
    """The commit that the run was pushed as."""
    return author.types("push", run, "me/digits").stdout.strip()


def recorded(run: Path) -> dict[str, dict[str, float]]:
    """Test metrics of a run, by model."""
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return {r["model"]: r["metrics"] for r in record["results"] if r["split"] == "test"}


def test_the_model_is_far_better_than_the_majority_class(run: Path) -> None:
    metrics = recorded(run)
    assert metrics["majority class"]["accuracy"] == pytest.approx(0.2)
    assert metrics["this model"]["accuracy"] > 0.9
    assert (run / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_evaluating_repeats_the_figures_of_the_fit(author: Person, run: Path) -> None:
    evaluation = json.loads(author.types("evaluate", run, "digits", "--json").stdout)
    assert evaluation["metrics"] == pytest.approx(recorded(run)["this model"], abs=1e-6)


def test_predictions_come_as_data_on_standard_output(author: Person, run: Path) -> None:
    answers = author.types("predict", run, "digits/test/7", "--csv")
    rows = list(csv.DictReader(io.StringIO(answers.stdout)))
    assert len(rows) == 60
    assert sum(row["label"] == "7" for row in rows) > 50


def test_what_is_pulled_answers_as_what_was_pushed(
    author: Person, consumer: Person, run: Path, pushed: str
) -> None:
    inputs = author.folder / "digits" / "test"
    ours = author.types("predict", run, inputs, "--json").stdout
    theirs = consumer.types("predict", "me/digits", inputs, "--json").stdout
    assert json.loads(theirs) == json.loads(ours)


def test_only_what_was_trained_travels(
    consumer: Person, hub: EmbeddedHub, run: Path, pushed: str
) -> None:
    hub.log.clear()
    consumer.types("pull", "me/digits")
    fetched = sum(entry.bytes_out for entry in hub.log if "/resolve/" in entry.path)
    with safe_open(run / "artifact" / "heads.safetensors", framework="np") as heads:
        trained = sum(heads.get_tensor(name).nbytes for name in heads.keys())  # noqa: SIM118
    assert trained < fetched <= trained + ALLOWANCE


def test_a_pulled_copy_is_verified_and_a_changed_byte_is_refused(
    consumer: Person, pushed: str
) -> None:
    consumer.types("pull", "me/digits", "--revision", pushed, "--out", "copy")
    assert consumer.types("verify", "copy").returncode == 0
    heads = consumer.folder / "copy" / "heads.safetensors"
    content = bytearray(heads.read_bytes())
    content[-1] ^= 1
    heads.write_bytes(content)
    refused = consumer.types("verify", "copy", code=1)
    assert refused.stdout == ""
    error, hint = refused.stderr.splitlines()[-2:]
    assert error.startswith("Error: copy/heads.safetensors was changed or damaged")
    assert hint == "Pull it again, or save the model again."


def test_pushing_again_changes_nothing(
    author: Person, hub: EmbeddedHub, run: Path, pushed: str
) -> None:
    hub.log.clear()
    ended = author.types("push", run, "me/digits")
    assert ended.stdout.strip() == pushed
    assert "Opening the artifact, and" in ended.stderr  # here: the command's own process is new
    assert not [entry for entry in hub.log if "/commit/" in entry.path and entry.method == "POST"]
