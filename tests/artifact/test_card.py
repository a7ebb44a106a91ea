"""The card: metadata the Hub accepts, figures as measured, and nothing a stranger's text can do."""

import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

import zoo
from tests.artifact.conftest import Compose
from tests.artifact.test_round_trip import record
from zoo.artifact.card import REPO, card_for
from zoo.artifact.licences import hub_licence
from zoo.artifact.manifest import DataEntry, Provenance
from zoo.report.record import Result

NASTY = (
    "<script>alert(1)</script>",
    "a|b",
    "\x1b[31mred\x1b[0m",
    "[click](http://evil)",
    "line\nbreak\n---\nlicense: mit",
    "`code`",
    "x" * 5000,
)


def card(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def test_metadata(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose("toy:image", "lora"), tmp_path / "a", record=record())

    data = ModelCard(card(tmp_path / "a")).data.to_dict()
    (result,) = data.pop("model-index")[0]["results"]
    assert data == {
        "base_model": "toys/image",
        "base_model_relation": "adapter",
        "library_name": "peft",
        "license": "apache-2.0",
        "metrics": ["accuracy"],
        "pipeline_tag": "image-classification",
        "tags": ["zoo", "transfer-learning", "lora"],
    }
    assert result["dataset"]["split"] == "test"
    assert result["metrics"] == [{"type": "accuracy", "value": 0.75}]


def test_metadata_without_peft_and_without_results(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose("toy:text", "linear-probe", task="naming"), tmp_path / "a", license="Our own")

    assert ModelCard(card(tmp_path / "a")).data.to_dict() == {
        "base_model": "toys/image",
        "base_model_relation": "finetune",
        "library_name": "zoo",
        "license": "other",
        "license_name": "Our own",
        "tags": ["zoo", "transfer-learning", "linear-probe"],
    }
    assert "## How good it is" not in card(tmp_path / "a")
    assert "## Without zoo" not in card(tmp_path / "a")  # no library but zoo has this backbone


def test_a_backbone_from_a_wheel_is_no_base_model_of_the_hub(tmp_path: Path) -> None:
    made = zoo.compose("nlp:minilm", "lora", zoo.task("classification", labels=["a", "b"]))
    zoo.save(made, tmp_path / "a")

    assert "base_model" not in ModelCard(card(tmp_path / "a")).data.to_dict()


@pytest.mark.parametrize(
    ("licence", "fields"),
    [
        (None, {}),
        ("unknown", {}),
        ("MIT", {"license": "mit"}),
        ("cc-by-sa-4.0", {"license": "cc-by-sa-4.0"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("Ours\n---", {"license": "other", "license_name": "Ours\n---"}),
    ],
)
def test_licences(licence: str | None, fields: dict[str, str]) -> None:
    assert hub_licence(licence) == fields


def test_the_table_holds_the_model_against_its_baselines(compose: Compose, tmp_path: Path) -> None:
    results = [
        Result(model="this model", split="val", rows=5, metrics={"macro_f1": 0.1}),
        Result(
            model="majority class", split="test", rows=9, metrics={"macro_f1": 0.2, "accuracy": 0.5}
        ),
        Result(
            model="this model", split="test", rows=9, metrics={"macro_f1": 0.7, "accuracy": 0.75}
        ),
        Result(model="linear-probe", split="test", rows=9, metrics={"accuracy": 0.7}),
    ]
    zoo.save(compose(), tmp_path / "a", record=record(results=results))

    assert """Measured on 9 rows of the test split.

| model | accuracy | macro f1 |
|---|---|---|
| this model | 0.750 | 0.700 |
| linear-probe | 0.700 | – |
| majority class | 0.500 | 0.200 |

![The confusion matrix](assets/confusion.png)
""" in card(tmp_path / "a")


def test_a_model_that_is_the_probe_says_so(compose: Compose, tmp_path: Path) -> None:
    measured = record()
    for own in (0.75, 0.5):
        measured.results = [
            Result(model=name, split="test", rows=4, metrics={"accuracy": value})
            for name, value in (("this model", own), ("linear-probe", 0.75))
        ]
        zoo.save(compose("toy:image", "lora"), tmp_path / str(own), record=measured)
        said = "Its figures are those of linear-probe: no epoch" in card(tmp_path / str(own))
        assert said == (own == 0.75)


def test_figures_on_validation_rows_are_said_to_be_so(compose: Compose, tmp_path: Path) -> None:
    results = [Result(model="this model", split="val", rows=5, metrics={"accuracy": 0.9})]
    zoo.save(compose(), tmp_path / "a", record=record(results=results, confusions=[]))

    assert "the validation rows, which also chose the model" in card(tmp_path / "a")
    assert "confusion" not in card(tmp_path / "a")


@pytest.mark.row(61)
def test_strangers_texts_stay_texts(compose: Compose, tmp_path: Path) -> None:
    told = Provenance(
        data=DataEntry(description="\n---\nlicense: mit\n<b>", fingerprint="f", rows={"test|": 3}),
        metrics={"this model on test": {"a|b": 1.0}, "<i>x</i>|y on test": {"a|b": 0.5}},
        versions={"<u>": "`1`"},
    )
    model = compose(labels=NASTY)
    zoo.save(model, tmp_path / "a", provenance=told, license="Mine\nlicense: mit")

    text = card(tmp_path / "a")
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(front)["license_name"] == "Mine\nlicense: mit"
    assert not re.search(r"<(?!!-- zoo: the card of OWNER/NAME -->)", body)
    assert "\n---\n" not in body
    assert "\x1b" not in text
    assert "x" * 201 not in text
    assert "a\\|b" in body
    assert "\\[click\\](http://evil)" in body
    table = [line for line in body.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {3}


def test_many_labels_are_not_all_named(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose(labels=tuple(f"label{i}" for i in range(500))), tmp_path / "a")

    assert "with 500 labels: label0, " in card(tmp_path / "a")
    assert "label29, …." in card(tmp_path / "a")
    assert "label30" not in card(tmp_path / "a")


def test_the_repo_is_put_in_at_push_and_again_at_the_next(compose: Compose, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    zoo.save(compose(), folder)
    edited = card(folder).replace(
        "## With zoo", "Written by hand; see me/flowers-2.\n\n## With zoo"
    )
    (folder / "README.md").write_text(edited, encoding="utf-8")

    first = card_for(folder, "me/flowers")
    assert REPO not in first
    assert 'zoo.pull("me/flowers")' in first
    assert "Written by hand" in first

    (folder / "README.md").write_text(first, encoding="utf-8")
    second = card_for(folder, "you/garden")
    assert 'zoo.pull("you/garden")' in second
    assert "# you/garden\n" in second
    assert "see me/flowers-2." in second
    assert "me/flowers" not in second.replace("me/flowers-2", "")


def test_a_card_of_ones_own_is_left_alone(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose(), tmp_path / "a")
    (tmp_path / "a/README.md").write_text("All mine: OWNER/NAME", encoding="utf-8")

    assert card_for(tmp_path / "a", "me/flowers") == "All mine: OWNER/NAME"


def test_an_artifact_without_a_card_gets_one(compose: Compose, tmp_path: Path) -> None:
    """Pulling leaves none: only what loading reads is fetched."""
    zoo.save(compose(), tmp_path / "a")
    expected = card(tmp_path / "a").replace(REPO, "me/flowers")
    (tmp_path / "a/README.md").unlink()

    assert card_for(tmp_path / "a", "me/flowers") == expected


def test_code_for_several_heads(tmp_path: Path) -> None:
    tasks = [
        zoo.task("classification", labels=["a", "b"], name='it\'s "one"'),
        zoo.task("classification", labels=["c", "d"], name="two"),
    ]
    zoo.save(zoo.compose("nlp:minilm", "linear-probe", tasks), tmp_path / "a")

    section = card(tmp_path / "a").partition("## Without zoo")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    compile(code, "card", "exec")
    assert 'heads["two.weight"], heads["two.bias"]' in code
    assert code.count("largest difference from the recorded logits") == 2
