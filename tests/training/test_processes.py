"""Several processes, started by torchrun's launcher, end where one does."""

import json
import os
import subprocess
import sys

import pytest
from safetensors.torch import load_file

OPTIONS = ["--backbone", "digits", "--adapter", "finetune", "--epochs", "3", "--lr", "1e-3"]


def run(*words, module=("zoo",)):
    """`python -m zoo WORDS`; its exit code, stdout and stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", *module, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def epochs(folder):
    """What the run in a folder wrote of each epoch."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    assert run("fit", digits, *OPTIONS, "--out", out)[0] == 0
    return out


def test_two_processes_end_where_one_does_and_one_of_them_talks(alone, digits, tmp_path):
    out = tmp_path / "run"
    code, printed, said = run("fit", digits, *OPTIONS, "--processes", 2, "--out", out, "--json")
    assert code == 0, said
    record, expected = json.loads(printed), json.loads((alone / "run.json").read_text())
    assert said.count("Model:") == 1
    assert "warn" not in said.lower()
    for mine, theirs in zip(record["results"], expected["results"], strict=True):
        assert mine["metrics"] == pytest.approx(theirs["metrics"], rel=1e-2, abs=1e-3)
    # Adam takes a gradient of nothing but rounding for a whole step, so single weights may part.
    for ours, other in zip(epochs(out), epochs(alone), strict=True):
        assert ours["val"] == pytest.approx(other["val"], rel=1e-2, abs=1e-3)
    for path in (alone / "artifact").glob("*.safetensors"):
        ours = load_file(out / "artifact" / path.name)
        for name, tensor in load_file(path).items():
            apart = (ours[name].float() - tensor.float()).norm()
            assert apart <= 1e-2 * tensor.float().norm() + 1e-4, name
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_was_typed_wrongly_is_said_once(digits, tmp_path):
    code, _, said = run("fit", digits, "--adapter", "loar", "--processes", 2, "--out", tmp_path)
    assert code == 2
    assert said.count("Did you mean 'lora'") == 1
    assert "Traceback" not in said


def test_a_launcher_that_was_asked_for_what_zoo_does_not_do_is_refused(
    digits, tmp_path, monkeypatch
):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    code, _, said = run("fit", digits, *OPTIONS, "--out", tmp_path / "run")
    assert code == 2
    assert "The launcher was asked for the first version of FSDP" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()
