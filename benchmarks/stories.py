"""A small decoder that was pretrained on children's stories, continued on questions.

python -m benchmarks.stories [../shared]: fits stories260k on the questions of trec with causal-language
and writes benchmarks/stories.md. Beside it stand the model before training and the same architecture
from random weights, after as many steps on the same rows.
"""

import sys
import tempfile
import time
from pathlib import Path

import zoo
from benchmarks.figures import table
from zoo.data.dataset import Dataset

HERE = Path(__file__).parent
TASK = "causal-language"
EPOCHS = 2
RATE = 2e-3
METRICS = ("perplexity", "loss", "token_accuracy")


def main(shared: Path) -> None:
    """Fit, write."""
    data = zoo.load_data(shared / "data" / "trec", task=TASK)
    rows: dict[str, dict[str, float]] = {}
    start = time.perf_counter()
    found = fitted(shared, data)
    rows["stories260k before training"] = found["before training"]
    rows["stories260k continued"] = found["this model"]
    rows["from random weights"] = found["from scratch"]
    print(found, flush=True)
    write(rows, data.rows, time.perf_counter() - start)


def fitted(shared: Path, data: Dataset) -> dict[str, dict[str, float]]:
    """Metrics on the test split, by model."""
    weights = shared / "hub" / "zoo-mirror" / "stories260k"
    model = zoo.compose(f"hf:{weights}", "finetune", zoo.task(TASK, labels=()))
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.fit(
            model,
            data,
            Path(folder, "run"),
            epochs=EPOCHS,
            lr=RATE,
            patience=EPOCHS,
            baselines=("majority", "probe", "scratch"),
        )
    return {r.model: r.metrics for r in run.record.results if r.split == "test"}


def write(rows: dict[str, dict[str, float]], counts: dict[str, int], seconds: float) -> None:
    """Write benchmarks/stories.md."""
    lines = [
        "# stories260k on questions",
        "",
        f"`python -m benchmarks.stories`: trec, {counts['train']} questions to train on, {EPOCHS} epochs at a rate of {RATE:g}, "
        f"{counts['test']} to test on; {seconds:.0f} s. Perplexity of tokens of a vocabulary of 512.",
        "",
        *table(rows, METRICS),
        "",
    ]
    (HERE / "stories.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "shared")
