"""The main job on texts, from Python: LoRA on MiniLM, pushed, and pulled by somebody else."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from examples.docstrings import TOPICS, write_table
from tests.e2e.conftest import Person


@pytest.fixture(scope="module")
def table(author: Person) -> Path:
    path = author.folder / "sentences.csv"
    write_table(path, rows_per_topic=20)
    return path


def test_the_table_is_real_text_with_a_topic(table: Path) -> None:
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert {row["topic"] for row in rows} == set(TOPICS)
    assert len({row["sentence"] for row in rows}) > 0.95 * len(rows) == 114
    assert all(5 <= len(row["sentence"].split()) <= 30 for row in rows)


def test_a_lora_travels_through_a_hub(author: Person, consumer: Person, table: Path) -> None:
    data = zoo.load_data(table, test_fraction=0.3)
    model = zoo.compose(
        "minilm",
        zoo.adapter("lora", {"rank": 4}),
        zoo.task("classification", labels=data.labels),
    )
    run = zoo.fit(model, data, author.folder / "run", epochs=1)
    assert run.metrics["accuracy"] > 0.5
    assert run.report().exists()

    author.types("push", "run", "me/sentences")
    texts = list(data.splits["test"].inputs)
    expected = model.logits(texts)["classification"]
    answer = subprocess.run(
        [sys.executable, Path(__file__).parents[2] / "examples" / "consumer.py"],
        input=json.dumps({"me/sentences": texts}),
        env=consumer.environment,
        cwd=consumer.folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    got = json.loads(answer.stdout)["me/sentences"]
    assert got["labels"] == [prediction.label for prediction in run.model.predict(texts)]
    assert (expected - expected.new_tensor(got["logits"])).abs().max() <= 1e-5
