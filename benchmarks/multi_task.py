"""Five tasks on one small sentence encoder, beside a model for each.

python -m benchmarks.multi_task [../shared]: sentiment, domain and length of amazon_reviews with the
coarse and fine class of trec, two data sets in one fit, against single-task twins with the same adapter
and epochs, as `--baseline twins` fits them. Writes benchmarks/multi_task.md.
"""

import csv
import math
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import zoo
from zoo.data.dataset import Dataset
from zoo.model import ComposedModel
from zoo.model.joint import Joint
from zoo.progress import Silent
from zoo.report.record import Result
from zoo.training import jointly
from zoo.training.config import FitConfig
from zoo.training.job import Job
from zoo.training.randomness import seeded

HERE = Path(__file__).parent
BACKBONE = "nlp:minilm"
DOMAINS = ("books", "dvd", "electronics", "kitchen")
REVIEWS = {"train": 100, "test": 75}  # of each domain
QUESTIONS = {"train": 400, "test": 300}
CHARACTERS = 100  # of a review; its length is that of all of it
EPOCHS = 2
KINDS = {
    "sentiment": "classification",
    "domain": "classification",
    "length": "regression",
    "coarse": "classification",
    "fine": "classification",
}


def main(shared: Path) -> None:
    """Fit all together and each alone, measure, write."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_CACHE"] = str(Path(folder, "cache"))
        data = tables(shared / "data", Path(folder))
        model = composed(data)
        ours, together = timed(model, data)
        weights = {p.data_ptr(): p.nbytes for p in model.parameters()}
        results, seconds = {}, {}
        for name in KINDS:
            twin = jointly.twin(model, zoo.load_backbone(BACKBONE), name, seed=0)
            job, seconds[name] = timed(twin, jointly.alone(data, name))
            results[name] = job.results
            print(f"{name} alone: {seconds[name]:.0f} s, together {together:.0f} s", flush=True)
    assert isinstance(ours.task, Joint)
    twins = jointly.as_one(ours.task, results, seconds)
    found = {result.model: result for result in [*ours.results, *twins] if result.split == "test"}
    one = sum(
        tensor.nbytes for tensor in model.backbone.module.parameters() if not tensor.requires_grad
    )
    write(found, data, model, together, sum(seconds.values()), sum(weights.values()) / one)


def timed(model: ComposedModel, data: Dataset) -> tuple[Job, float]:
    """A fit with its results, and the seconds of processor time that it took."""
    config = FitConfig.resolve(
        model.adapter.spec.training,
        {"epochs": EPOCHS, "patience": EPOCHS, "baselines": ()},
    )
    with seeded(config.seed):
        job = Job(model, data, config, Silent())
        start = time.process_time()
        job.run(lambda line: None)
    return job, time.process_time() - start


def composed(data: Dataset) -> ComposedModel:
    tasks = [
        zoo.task(kind, labels=data.tasks[name], name=name, **settings(name))
        for name, kind in KINDS.items()
    ]
    return zoo.compose(BACKBONE, "lora", tasks)


def settings(name: str) -> dict[str, object]:
    return {"units": ("log words",)} if name == "length" else {}


def tables(source: Path, folder: Path) -> Dataset:
    """Reviews and questions as two tables, loaded as one data set."""
    for part in ("train", "test"):
        rows = [row for domain in DOMAINS for row in reviews(source, domain, part)]
        save(folder / "reviews" / f"{part}.csv", rows)
        with (source / "trec" / f"{part}.tsv").open(newline="") as file:
            asked = list(csv.DictReader(file, delimiter="\t"))[: QUESTIONS[part]]
        save(folder / "questions" / f"{part}.csv", asked)
    questions = str(folder / "questions")
    return zoo.load_data(
        folder / "reviews",
        task={
            "sentiment": ("classification", "label"),
            "domain": ("classification", "domain"),
            "length": ("regression", "length"),
            "coarse": ("classification", "coarse", questions),
            "fine": ("classification", "fine", questions),
        },
        skip_bad=True,  # fine classes that only the test split has
    )


def reviews(source: Path, domain: str, part: str) -> list[dict[str, object]]:
    """Some reviews, cut short, with the logarithm of how many words the whole has."""
    with (source / "amazon_reviews" / domain / f"{part}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[: REVIEWS[part]]
    return [
        {
            "text": row["text"][:CHARACTERS],
            "label": row["label"],
            "domain": domain,
            "length": round(math.log(1 + len(row["text"].split())), 3),
        }
        for row in rows
    ]


def save(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write(
    found: Mapping[str, Result],
    data: Dataset,
    model: ComposedModel,
    together: float,
    alone: float,
    weights: float,
) -> None:
    """The table, and what was demanded beside what was found."""
    names = ("this model", jointly.TWINS, "majority or mean")
    headlines = {name: f"{name}.{model.tasks[name].headline}" for name in KINDS}
    ours, twins = (found[name].metrics["mean"] for name in names[:2])
    lines = [
        "# Several tasks on one backbone",
        "",
        f"`python -m benchmarks.multi_task ../shared`: LoRA on `{BACKBONE}`, {EPOCHS} epochs, one seed, figures on",
        f"test rows ({', '.join(f'{name} {count}' for name, count in data.rows.items())}; reviews cut to {CHARACTERS} characters). The fit",
        "has two data sets and learns five tasks; its twins are models of one task each, with the same adapter, epochs and rows.",
        "",
        "| task | metric | together | twins | majority or mean |",
        "|---|---|---|---|---|",
    ]
    for name, metric in headlines.items():
        values = " | ".join(f"{found[each].metrics[metric]:.3f}" for each in names)
        lines.append(f"| {name} | {metric.partition('.')[2]} | {values} |")
    means = " | ".join(f"{found[each].metrics['mean']:.3f}" for each in names)
    lines += [
        f"| mean |  | {means} |",
        "",
        "| | demanded | found |",
        "|---|---|---|",
        f"| mean, together less twins | at least -1 point | {100 * (ours - twins):+.1f} points |",
        f"| processor time to fit, together / summed twins | at most 0.6 | {together:.0f} s / {alone:.0f} s = {together / alone:.2f} |",
        f"| weights in memory, in backbones | one | {weights:.2f} with adapter and heads |",
    ]
    (HERE / "multi_task.md").write_text("\n".join(lines).rstrip() + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
