"""Draws the picture in the README from what `make demo` left: ``python examples/picture.py``."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from zoo.report.record import RunRecord, read_record

OUT = Path("docs/images/demo.png")
PROBLEMS = ("sentences", "digits")
MODELS = {
    "majority class": "#b5b5b5",
    "from scratch": "#7d8ca3",
    "linear-probe": "#3f7cac",
    "lora": "#e08e45",
}


def main() -> None:
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, (bars, matrix) = plt.subplots(1, 2, figsize=(9, 3.4), width_ratios=(2, 1))
    draw_accuracies(bars)
    draw_confusion(matrix, record("digits", "lora"))
    figure.tight_layout()
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, dpi=110, metadata={"Software": None})
    print(OUT)


def record(problem: str, adapter: str) -> RunRecord:
    return read_record(Path("demo-out/runs") / f"{problem}-{adapter}")


def accuracies(problem: str) -> dict[str, float]:
    """Accuracy on the test split, by model."""
    found = {}
    for adapter in ("linear-probe", "lora"):
        for result in record(problem, adapter).results:
            if result.split == "test":
                model = adapter if result.model == "this model" else result.model
                found[model] = result.metrics["accuracy"]
    return found


def draw_accuracies(axes: Axes) -> None:
    width = 0.8 / len(MODELS)
    found = {problem: accuracies(problem) for problem in PROBLEMS}
    for place, (model, colour) in enumerate(MODELS.items()):
        at = np.arange(len(PROBLEMS)) + (place - 1.5) * width
        drawn = axes.bar(at, [found[p][model] for p in PROBLEMS], width * 0.92, color=colour)
        axes.bar_label(drawn, fmt="%.2f", padding=2, fontsize=8)
        drawn.set_label(model)
    axes.set_xticks(range(len(PROBLEMS)), [f"{p}\n{rows(p)}" for p in PROBLEMS])
    axes.set_ylim(0, 1.12)
    axes.set_ylabel("accuracy on test rows")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.16), frameon=False, fontsize=8)


def rows(problem: str) -> str:
    counts = record(problem, "lora").data["rows"]
    return f"{counts['train']} rows to train on, {counts['test']} to test"


def draw_confusion(axes: Axes, run: RunRecord) -> None:
    (confusion,) = (c for c in run.confusions if c.split == "test")
    counts = np.array(confusion.counts)
    axes.imshow(counts, cmap="Blues")
    for (true, predicted), count in np.ndenumerate(counts):
        colour = "white" if count > counts.max() / 2 else "black"
        axes.text(predicted, true, count, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(confusion.labels)), confusion.labels)
    axes.set_yticks(range(len(confusion.labels)), confusion.labels)
    axes.set(xlabel="predicted", ylabel="true", title="digits, lora")


if __name__ == "__main__":
    main()
