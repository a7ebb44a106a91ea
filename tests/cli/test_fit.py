"""`zoo fit`: what a person sees, what they get, and what they are told when it cannot be."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.cli.commands import zoo
from tests.data.making import csv, image_folder, reviews


def test_the_table_is_on_stdout_and_the_talk_on_stderr(fitted):
    ended, out = fitted
    rows = [line.split("  ")[0] for line in ended.out.splitlines()]
    assert rows[0] == "model"
    assert rows[2:] == ["this model", "majority class", "linear-probe"]
    assert "accuracy" in ended.out.splitlines()[0]
    assert "image folder" in ended.err
    assert "5 labels: 5, 6, 7, 8, 9" in ended.err
    assert "rows: train 70 · val 15 · test 15" in ended.err
    assert "Results on test (15 rows):" in ended.err
    assert f"Artifact: {out / 'artifact'}" in ended.err
    assert f"Report:   {out / 'report.html'}" in ended.err
    assert f"`zoo predict {out} INPUT...`" in ended.err


def test_data_of_another_modality_is_told_with_the_backbones_that_fit(tmp_path):
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(40))
    ended = zoo("fit", table, "--backbone", "digits", "--out", tmp_path / "r")
    assert ended.code == 2
    assert "For texts, `zoo backbones --modality text` lists the backbones." in ended.err
    image_folder(tmp_path / "d", {"a": 6, "b": 6})
    ended = zoo("fit", tmp_path / "d", "--backbone", "minilm", "--out", tmp_path / "r")
    assert ended.code == 2
    assert "text inputs are needed" in ended.err
    assert "`zoo backbones --modality image` lists" in ended.err


def test_where_the_default_adapter_cannot_sit_the_baselines_does(tmp_path):
    words = ["a", "sentence", "about", "number"]
    vectors = [f"{word} {i}.5 {-i} {i % 3}" for i, word in enumerate(words + list("0123456789"))]
    (tmp_path / "words.txt").write_text("\n".join(vectors))
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(40))
    given = ("fit", table, "--backbone", f"vectors:{tmp_path}/words.txt", "--out", tmp_path / "r")
    ended = zoo(*given, "--adapter", "lora")
    assert ended.code == 2
    assert "has no layers that lora can sit on" in ended.err
    ended = zoo(*given)
    assert ended.code == 0, ended.err
    assert "lora can sit on; it has: none. linear-probe takes its place." in ended.err
    assert json.loads((tmp_path / "r" / "run.json").read_text())["adapter"] == "linear-probe"
    ended = zoo(*given, "--overwrite", "--seeds", 2)
    assert ended.code == 0, ended.err
    assert "with linear-probe, for classification, 2 times" in ended.err


def test_a_task_that_no_adapter_serves_there_is_refused_for_the_first_reason(tmp_path):
    (tmp_path / "words.txt").write_text("a 1 2\nsentence 2 3\n")
    rows = [(f"how big is {i}", f"what size has {i}", ("same", "other")[i % 2]) for i in range(40)]
    table = csv(tmp_path / "t.csv", ("first", "second", "label"), rows)
    given = ("--backbone", f"vectors:{tmp_path}/words.txt", "--out", tmp_path / "r")
    words = ("--task", "pair-classification", "--task-set", "encoder=cross")
    ended = zoo("fit", table, *words, *given)
    assert ended.code == 2
    assert "takes its place" not in ended.err


def test_the_run_directory_has_everything(run):
    assert (run / "artifact" / "zoo.json").is_file()
    assert (run / "report.html").is_file()
    record = json.loads((run / "run.json").read_text())
    assert record["config"]["adapter_settings"]["rank"] == 2
    assert record["config"]["training"]["epochs"] == 2


def test_json_is_the_record_and_nothing_else(digits, tmp_path):
    out = tmp_path / "run"
    words = ("--backbone", "digits", "--adapter", "linear-probe", "--set", "l2=0.5", "--seed", 3)
    ended = zoo("fit", digits, *words, "--out", out, "--json")
    assert ended.code == 0, ended.err
    found = ended.data
    assert found.pop("folder") == str(out)
    assert found == json.loads((out / "run.json").read_text())
    assert found["config"]["adapter_settings"]["l2"] == 0.5
    assert found["config"]["training"]["seed"] == 3


def test_a_baseline_from_scratch_is_added_on_request(digits, tmp_path):
    words = ("--backbone", "digits", "--adapter", "linear-probe", "--epochs", 1)
    ended = zoo("fit", digits, *words, "--baseline", "scratch", "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert "from scratch" in ended.out
    assert "majority class" in ended.out


def test_an_earlier_run_is_kept_unless_told_otherwise(digits, run, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(run, out)
    before = (out / "run.json").read_bytes()
    words = ("fit", digits, "--backbone", "digits", "--adapter", "linear-probe", "--out", out)
    refused = zoo(*words)
    assert refused.code == 2
    assert "holds an earlier run" in refused.err
    assert "--overwrite" in refused.err
    assert (out / "run.json").read_bytes() == before
    assert zoo(*words, "--overwrite").code == 0
    assert json.loads((out / "run.json").read_text())["adapter"] == "linear-probe"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backbone", "vision:digts"], "Unknown backbone 'vision:digts'. Did you mean 'vision:digits'"),
        (["--adapter", "lorra"], "Unknown adapter 'lorra'. Did you mean 'lora'"),
        (["--task", "clasification"], "Did you mean 'classification'"),
        (["--task", "multilabel:a,b"], "Give `--task multilabel --label-column a,b`."),
        (["--recipe", "text"], "Unknown recipe 'text'. Did you mean 'texts' or 'few-texts'?"),
        (["--set", "rank=0"], "lora: rank='0' is not valid; it is of type int, at least 1"),
        (["--set", "rnk=4"], "lora has no setting 'rnk'. Did you mean 'rank'?"),
        (["--set", "rank"], "--set 'rank' is not of the form key=value."),
        (["--set", "rank=1", "--set", "rank=2"], "--set gives 'rank' twice."),
        (["--task-set", "class_weights=heavy"], "it is one of none, balanced"),
        (["--epochs", "0"], "epochs=0"),
        (["--lr", "-1"], "lr=-1"),
        (["--precision", "fp64"], "'fp64' is not one of"),
        (["--baseline", "luck"], "'luck' is not"),
        (["--splits", "train"], "--splits 'train' is not of the form key=value."),
        (["--recipe", "texts"], "image"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_written(words, message, digits, tmp_path):
    backbone = [] if {"--backbone", "--recipe"} & set(words) else ["--backbone", "digits"]
    ended = zoo("fit", digits, *backbone, *words, "--out", tmp_path / "run")
    assert ended.code == 2, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert list(tmp_path.iterdir()) == []


def test_without_a_backbone_a_recipe_is_chosen_and_explained(digits, tmp_path):
    ended = zoo("fit", digits, "--out", tmp_path / "run")
    assert ended.code == 1  # its weights are on no hub here
    assert "Recipe few-images, chosen for image data with 14 rows to train on" in ended.err
    assert "vision:mobilenetv2_100" in ended.err


def test_an_adapter_alone_has_the_backbone_of_the_registry(digits, tmp_path):
    ended = zoo("fit", digits, "--adapter", "linear-probe", "--out", tmp_path / "run")
    assert "Model: vision:mobilenetv2_100 with linear-probe" in ended.err


def _folder(root, **classes):
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8, 8), number * 10).save(root / name / f"{number}.png")
    return root


def _empty(root):
    root.mkdir()


def _one_class(root):
    _folder(root, ants=8)


def _lonely_class(root):
    _folder(root, ants=8, bees=1)


def _truncated(root):
    _folder(root, ants=8, bees=8)
    Image.effect_noise((64, 64), 50).save(root / "bees" / "cut.jpg")
    content = (root / "bees" / "cut.jpg").read_bytes()
    (root / "bees" / "cut.jpg").write_bytes(content[: len(content) // 2])


def _cmyk(root):
    _folder(root, ants=8, bees=8)
    Image.new("CMYK", (8, 8)).save(root / "bees" / "print.jpg")


def _sixteen_bit(root):
    _folder(root, ants=8, bees=8)
    Image.new("I;16", (8, 8), 5000).save(root / "bees" / "deep.png")


def _absent(root):
    pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_absent, "data"),
        (_empty, "data"),
        (_one_class, "ants"),
        (_lonely_class, "bees"),
        (_truncated, "cut.jpg"),
        (_cmyk, "print.jpg"),
        (_sixteen_bit, "deep.png"),
    ],
)
def test_bad_images_are_named_and_stop_the_run(make, message, tmp_path):
    make(tmp_path / "data")
    ended = zoo("fit", tmp_path / "data", "--backbone", "digits", "--out", tmp_path / "run")
    assert ended.code == 2, ended.err
    error = ended.err[ended.err.index("Error: ") :]
    assert message in error
    assert len(error.splitlines()) <= 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("table", "words", "message"),
    [
        ("text,verdict\n" + "good,1\nbad,0\n" * 6, ["--label-column", "label"], "verdict"),
        ("text,label\n" + "good,1\n ,0\n" * 6, [], "blank"),
        ("text,label\n" + "good,1\n" * 6, [], "1"),
    ],
)
def test_bad_tables_are_explained(table, words, message, tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text(table)
    ended = zoo("fit", path, "--backbone", "minilm", *words, "--out", tmp_path / "run")
    assert ended.code == 2, ended.err
    error = ended.err[ended.err.index("Error: ") :]
    assert message in error
    assert len(error.splitlines()) <= 2


def test_skip_bad_goes_on_without_them_and_counts(digits, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(digits, data)
    (data / "5" / "broken.png").write_bytes(b"not a picture")
    words = ("--backbone", "digits", "--adapter", "linear-probe", "--out", tmp_path / "run")
    ended = zoo("fit", data, *words, "--skip-bad")
    assert ended.code == 0, ended.err
    assert "skipped 1" in ended.err
    assert "broken.png" in ended.err


def test_ctrl_c_before_anything_was_learned_leaves_everything_as_it_was(
    digits, run, tmp_path, monkeypatch
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.training.fit.fit", interrupted)
    out = tmp_path / "run"
    shutil.copytree(run, out)
    ended = zoo("fit", digits, "--backbone", "digits", "--out", out, "--overwrite")
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == (
        f"Interrupted before there was anything to keep; {out} is as it was."
    )


def test_ctrl_c_in_training_keeps_the_best_state(digits, tmp_path):
    out = tmp_path / "run"
    words = [
        "fit", digits, "--backbone", "digits", "--out", out, "--epochs", 5000, "--patience", 5000,
    ]  # fmt: skip
    script = f"import zoo.cli; zoo.cli.main({[str(word) for word in words]!r})"
    program = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    _wait_for_epochs(tmp_path)
    os.kill(program.pid, signal.SIGINT)
    err = program.stderr.read()
    program.stderr.close()
    assert program.wait(60) == 130
    last = err.splitlines()[-1]
    goes_on = f"`zoo fit --resume {out}` goes on"
    assert last == f"Interrupted: the best state so far is in {out}; {goes_on}."
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    assert zoo("verify", out).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_resume_knows_what_was_typed_and_finishes_a_killed_fit(digits, tmp_path, monkeypatch):
    out = tmp_path / "run"
    monkeypatch.chdir(digits.parent)
    words = [
        "fit", "--out", out, "--backbone", "digits", "--set", "rank=2", "--lr", "0.003",
        "--patience", 50, "--skip-bad", digits.name,
    ]  # fmt: skip
    script = f"import zoo.cli; zoo.cli.main({[*map(str, words), '--epochs=30']!r})"
    program = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    _wait_for_epochs(tmp_path)
    program.kill()
    program.wait()
    ended = zoo("fit", *words[1:])
    assert ended.code == 2
    assert f"`zoo fit --resume {out}` goes on with it" in ended.err
    monkeypatch.chdir(tmp_path)
    ended = zoo("fit", "--resume", "run", "--json")
    assert ended.code == 0, ended.err
    assert ended.data["status"] == "finished"
    assert ended.data["config"]["adapter_settings"]["rank"] == 2
    monkeypatch.chdir(digits.parent)
    assert zoo(*words[:2], tmp_path / "again", *words[3:], "--epochs=30").code == 0
    mine, whole = (f / "artifact/adapter_model.safetensors" for f in (out, tmp_path / "again"))
    assert mine.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--resume", "RUN"], "is a finished run; there is nothing left to do"),
        (["--resume", "nowhere"], "holds no fit that was begun"),
        (["--resume", "RUN", "--lr", "0.1"], "takes everything from RUN; --lr was given as well"),
        (["--resume", "RUN", "DATA"], "takes everything from RUN; DATA was given as well"),
        (["--out", "RUN"], "needs DATA"),
    ],
)
def test_what_cannot_be_resumed_is_explained(words, text, run, digits):
    names = {"RUN": run, "DATA": digits}
    ended = zoo("fit", *(names.get(word, word) for word in words))
    assert ended.code == 2
    assert text.replace("from RUN", f"from {run}") in ended.err


def _wait_for_epochs(folder):
    """Until the first epochs have been written."""
    for _ in range(1200):
        found = [path.read_text().count("\n") for path in folder.rglob("metrics.jsonl")]
        if found and found[0] > 2:
            return
        time.sleep(0.1)
    raise AssertionError("no epoch ended within two minutes")


def test_licences_are_stated_and_a_contradiction_is_refused_before_training(digits, tmp_path):
    words = ("fit", digits, "--backbone", "digits", "--adapter", "linear-probe",
             "--out", tmp_path / "run", "--data-license", "cc-by-nc-4.0")  # fmt: skip
    ended = zoo(*words)
    assert ended.code == 2
    assert "the data is under cc-by-nc-4.0, which allows no commercial use" in ended.err
    assert "`--license cc-by-nc-4.0`" in ended.err
    assert not (tmp_path / "run").exists()

    assert zoo(*words, "--license", "cc-by-nc-4.0").code == 0
    shown = zoo("show", tmp_path / "run", "--json").data
    assert shown["license"] == shown["provenance"]["data"]["license"] == "cc-by-nc-4.0"
    assert "license: cc-by-nc-4.0" in (tmp_path / "run/artifact/README.md").read_text()

    assert zoo(*words, "--accept-license", "cc-by-nc-4.0", "--overwrite").code == 0
    assert zoo("show", tmp_path / "run", "--json").data["accepted_licenses"] == ["cc-by-nc-4.0"]
    assert "said to be allowed in spite of cc-by-nc-4.0" in zoo("show", tmp_path / "run").out
