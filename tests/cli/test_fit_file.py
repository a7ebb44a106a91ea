"""`zoo fit --config`, the `fit.toml` that each run leaves, and what `zoo fit DATA` chooses by itself."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.commands import zoo
from tests.data.making import csv, reviews
from zoo.cli.fit_file import FitFile, data_word, free_run, pin, read
from zoo.cli.plan import by_itself
from zoo.cli.results import FIT_FILE
from zoo.errors import BadSetting
from zoo.model import Origin


def digests(run):
    files = sorted((run / "artifact").glob("*.safetensors"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def metrics(run):
    record = json.loads((run / "run.json").read_text())
    return [(r["model"], r["split"], r["metrics"]) for r in record["results"]]


def test_every_run_leaves_and_names_the_file_that_repeats_it(fitted):
    ended, out = fitted
    assert f"Repeat:   `zoo fit --config {out / FIT_FILE}`" in ended.err
    written = tomllib.loads((out / FIT_FILE).read_text())
    assert (written["backbone"], written["adapter"]) == ("vision:digits", "lora") or (
        written["backbone"] == "digits"
    )
    assert written["settings"]["rank"] == 2
    assert written["training"]["epochs"] == 2
    assert Path(written["data"]).is_absolute()


def test_fitting_with_it_gives_the_same(run, tmp_path):
    again = tmp_path / "again"
    ended = zoo("fit", "--config", run / FIT_FILE, "--out", again)
    assert ended.code == 0, ended.err
    assert digests(again) == digests(run)
    assert metrics(again) == metrics(run)
    written, repeated = (read(folder / FIT_FILE) for folder in (run, again))
    assert repeated == written


def test_data_that_changed_since_is_told(tmp_path):
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(40))
    words = ("--adapter", "linear-probe", "--overwrite", "--out", tmp_path / "r")
    assert zoo("fit", table, *words).code == 0
    again = ("fit", "--config", tmp_path / "r" / FIT_FILE, "--overwrite", "--out", tmp_path / "r2")
    assert "The data is not what it was" not in zoo(*again).err
    csv(table, ("text", "label"), reviews(36))
    assert "The data is not what it was: its fingerprint is " in zoo(*again).err


def test_what_is_typed_goes_on_top(run, tmp_path):
    words = ("--set", "rank=1", "--epochs", 1, "--out", tmp_path / "r")
    ended = zoo("fit", "--config", run / FIT_FILE, *words)
    assert ended.code == 0, ended.err
    written = read(tmp_path / "r" / FIT_FILE)
    assert written.settings["rank"] == 1
    assert written.settings["alpha" if "alpha" in written.settings else "rank"]
    assert written.training["epochs"] == 1


def test_settings_of_another_adapter_are_left_behind(run, tmp_path):
    ended = zoo(
        "fit", "--config", run / FIT_FILE, "--adapter", "linear-probe", "--out", tmp_path / "r"
    )
    assert ended.code == 0, ended.err
    written = read(tmp_path / "r" / FIT_FILE)
    assert written.adapter == "linear-probe"
    assert "rank" not in written.settings


def test_a_setting_that_the_typed_adapter_does_not_have_is_the_files(tmp_path):
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(16))
    path = tmp_path / "fit.toml"
    path.write_text(f"data = {json.dumps(str(table))}\n[settings]\nrank = 3\n")
    ended = zoo("fit", "--config", path, "--adapter", "finetune", "--out", tmp_path / "r")
    assert ended.code == 2
    assert f"Error: {path}: finetune has no setting 'rank'." in ended.err
    ended = zoo("fit", "--config", path, "--set", "rnk=3", "--out", tmp_path / "r")
    assert ended.err.startswith("Error: lora has no setting 'rnk'.")


def test_a_setting_in_the_file_is_for_the_default_adapter_and_no_recipe(tmp_path):
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(16))
    path = tmp_path / "fit.toml"
    path.write_text(f"data = {json.dumps(str(table))}\n[settings]\nrank = 3\n")
    ended = zoo("fit", "--config", path, "--epochs", 1, "--out", tmp_path / "r")
    assert ended.code == 0, ended.err
    assert "Recipe" not in ended.err
    assert read(tmp_path / "r" / FIT_FILE).settings["rank"] == 3


def test_another_adapter_is_trained_by_its_own_defaults(tmp_path):
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(16))
    path = tmp_path / "fit.toml"
    path.write_text(
        f"data = {json.dumps(str(table))}\nbackbone = 'nlp:minilm'\nadapter = 'lora'\n"
        "revision = 'of another repo'\n[training]\nlr = 0.5\nepochs = 1\nseed = 3\n"
    )
    typed = ("--adapter", "bottleneck", "--backbone", "minilm", "--epochs", 2)
    ended = zoo("fit", "--config", path, *typed, "--out", tmp_path / "r")
    assert ended.code == 0, ended.err
    written = read(tmp_path / "r" / FIT_FILE)
    assert (written.training["lr"], written.training["epochs"]) == (0.001, 2)
    assert written.training["seed"] == 3
    assert written.revision is None


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("adaptr = 'lora'", "has a key 'adaptr' that is not known", "Did you mean 'adapter'?"),
        ("nonsense = 1", "has a key 'nonsense'", "Valid: data, fingerprint, recipe,"),
        ("epochs = 3", "has a key 'epochs'", "It stands below a line [training]: `epochs = …`."),
        ("val_fraction = 'much'", "val_fraction='much' is not a valid number", "fit.md"),
        ("settings = 3", "settings='3' is not a valid dictionary", "fit.md"),
        ("adapter = ", "is not TOML", "`zoo fit` writes a fit.toml"),
        ("[training]\nepoch = 3", "no training option 'epoch'. Did you mean 'epochs'?", "lr"),
        ("[settings]\nrnk = 3", "lora has no setting 'rnk'. Did you mean 'rank'?", ""),
        ("recipe = 'text'", "Unknown recipe 'text'. Did you mean 'texts'", ""),
    ],
)
def test_mistakes_are_named(tmp_path, digits, text, message, hint):
    path = tmp_path / "fit.toml"
    path.write_text(f"data = {json.dumps(str(digits))}\n" * ("data" not in text) + text)
    extra = () if "recipe" in text else ("--adapter", "lora", "--backbone", "digits")
    ended = zoo("fit", "--config", path, *extra, "--out", tmp_path / "r")
    assert ended.code == 2
    assert message in ended.err
    assert hint in ended.err
    assert not (tmp_path / "r").exists()


def test_a_file_that_is_not_there(tmp_path):
    ended = zoo("fit", "--config", tmp_path / "no.toml")
    assert ended.code == 2
    assert "cannot be read" in ended.err


def test_every_value_survives_being_written(tmp_path):
    file = FitFile(
        data='/a "b"\\c/\u7f16',
        splits={"train": "a b", "test": "ü"},
        skip_bad=True,
        val_fraction=0.25,
        accept_license=["cc-by-4.0", "\x7f\t"],
        settings={"rank": 4, "roles": ["a", "b"], "a-b": 1e-5, "on": False},
        training={"lr": 0.001, "baselines": ["majority"]},
    )
    file.write(tmp_path / "fit.toml", "said first")
    assert read(tmp_path / "fit.toml") == file
    assert (tmp_path / "fit.toml").read_text(encoding="utf-8").startswith("# said first\n")


def test_a_type_is_not_guessed(tmp_path):
    (tmp_path / "fit.toml").write_text("backbone = 3")
    with pytest.raises(BadSetting, match="backbone='3' is not a valid string"):
        read(tmp_path / "fit.toml")


def test_data_of_the_hub_keeps_its_name():
    assert data_word(Path("hf://datasets/me/x@main")) == "hf://datasets/me/x@main"
    assert Path(data_word(Path("x.csv"))).is_absolute()


def test_weights_of_the_hub_are_pinned_and_others_are_not():
    assert pin(Origin("me/net", "c" * 40)) == "c" * 40
    assert pin(Origin("me/net")) is None
    assert pin(Origin("pip:zoo-digits", "0.1.0")) is None
    assert pin(Origin("", folder=Path("net"))) is None


def test_runs_are_called_as_their_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert free_run(Path("data/flowers")) == Path("runs/flowers")
    assert free_run(Path("reviews.csv")) == Path("runs/reviews")
    assert free_run(Path("data/*.csv")) == Path("runs/data")
    assert free_run(Path("hf://datasets/me/pets")) == Path("runs/pets")
    (tmp_path / "runs" / "flowers").mkdir(parents=True)
    assert free_run(Path("flowers")) == Path("runs/flowers-2")


# === What is chosen where nothing is said ===


@pytest.mark.parametrize(
    ("modality", "rows", "classes", "recipe"),
    [
        ("text", 20, 2, "few-texts"),
        ("text", 2000, 2, "texts"),
        ("image", 200, 2, "few-images"),
        ("image", 202, 2, "many-images"),
        ("image", 20_000, 2, "many-images"),
        ("image", 20_000, 2000, "few-images"),
    ],
)
def test_the_choice_is_by_modality_and_rows_of_each_label(modality, rows, classes, recipe):
    found = by_itself(modality, rows, classes)
    assert found is not None
    assert found[0] == recipe
    assert found[1].startswith(
        f"Recipe {recipe}, chosen for {modality} data with {rows // classes} "
    )


def test_nothing_is_chosen_for_what_no_recipe_is_for():
    assert by_itself("smell", 100, 2) is None


def test_no_recipe_is_chosen_for_another_task(tmp_path):
    rows = [(f"flat number {i}", f"{i}.5") for i in range(40)]
    table = csv(tmp_path / "t.csv", ("text", "price"), rows)
    words = ("--label-column", "price", "--epochs", 1, "--out", tmp_path / "r")
    ended = zoo("fit", table, "--task", "regression", *words)
    assert ended.code == 0, ended.err
    assert "Recipe" not in ended.err
    assert "No recipe is for regression, as all are for classification" in ended.err
    assert "Model: nlp:minilm with lora, for regression" in ended.err


def test_no_recipe_is_chosen_for_several_tasks(tmp_path):
    rows = [(f"flat number {i}", f"{i}.5", ("old", "new")[i % 2]) for i in range(40)]
    table = csv(tmp_path / "t.csv", ("text", "price", "age"), rows)
    words = ("--task", "price=regression:price", "--task", "age=classification:age")
    ended = zoo("fit", table, *words, "--epochs", 1, "--out", tmp_path / "r")
    assert ended.code == 0, ended.err
    assert "No recipe is for price (regression), age (classification)" in ended.err


def test_data_alone_is_enough_and_the_choice_is_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "reviews.csv", ("text", "label"), reviews(40))
    ended = zoo("fit", "reviews.csv")
    assert ended.code == 0, ended.err
    assert "Recipe few-texts, chosen for text data with 14 rows to train on" in ended.err
    assert "a convex probe on MiniLM" in ended.err
    record = json.loads(Path("runs/reviews/run.json").read_text())
    assert (record["backbone"], record["adapter"]) == ("nlp:minilm", "linear-probe")
    written = read(Path("runs/reviews", FIT_FILE))
    assert (written.backbone, written.adapter) == ("nlp:minilm", "linear-probe")
