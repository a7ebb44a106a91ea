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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import zoo
from benchmarks.figures import table
from zoo.data.dataset import Dataset
from zoo.model import ComposedModel
from zoo.model.joint import Joint
from zoo.progress import Silent
from zoo.report.record import THIS_MODEL
from zoo.training import jointly
from zoo.training.config import FitConfig
from zoo.training.job import Job
from zoo.training.randomness import seeded

HERE = Path(__file__).parent
BACKBONE = "nlp:minilm"
DOMAINS = ("books", "dvd", "electronics", "kitchen")
REVIEWS = {"train": 225, "test": 96}  # of each domain
QUESTIONS = {"train": 900, "test": 500}
WORDS = 60  # of a review; longer ones are left out, so that all of a review is read
EPOCHS = 4
SEEDS = (0,)
KINDS = {
    "sentiment": "classification",
    "domain": "classification",
    "length": "regression",
    "coarse": "classification",
    "fine": "classification",
}
HEADLINES = {"classification": "accuracy", "regression": "r2"}


def main(shared: Path) -> None:
    """Fit all together and each alone, measure, write."""
    seeds: list[Seed] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_CACHE"] = str(Path(folder, "cache"))
        data = tables(shared / "data", Path(folder))
        for seed in SEEDS:
            seeds.append(fitted(data, seed))
            write(seeds, data.rows)


@dataclass(frozen=True)
class Seed:
    """What one seed came to.

    Attributes:
        figures: of test rows, by model and metric.
        together: seconds of processor time.
        alone: the same of each twin.
        weights: in memory, in backbones.
    """

    figures: dict[str, dict[str, float]]
    together: float
    alone: dict[str, float]
    weights: float

    @property
    def lost(self) -> float:
        """Points of the mean, below 0 where the twins are better."""
        return self.lost_on("mean")

    @property
    def lost_on_classes(self) -> float:
        """The same of the classifications alone."""
        kinds = KINDS.items()
        return mean(self.lost_on(f"{n}.accuracy") for n, kind in kinds if kind == "classification")

    def lost_on(self, metric: str) -> float:
        """Points of one metric."""
        ours, twins = (self.figures[name][metric] for name in (THIS_MODEL, jointly.TWINS))
        return 100 * (ours - twins)


def fitted(data: Dataset, seed: int) -> Seed:
    """All together and each alone."""
    model = composed(data, seed)
    ours, together = timed(model, data, seed)
    results, seconds = {}, {}
    for name in KINDS:
        twin = jointly.twin(model, zoo.load_backbone(BACKBONE), name, seed=seed)
        job, seconds[name] = timed(twin, jointly.alone(data, name), seed)
        results[name] = job.results
        print(f"{seed}: {name} {seconds[name]:.0f} s, together {together:.0f} s", flush=True)
    assert isinstance(ours.task, Joint)
    found = [*ours.results, *jointly.as_one(ours.task, results, seconds)]
    weights = {p.data_ptr(): p.nbytes for p in model.parameters()}
    one = sum(p.nbytes for p in model.backbone.module.parameters() if not p.requires_grad)
    figures = {result.model: result.metrics for result in found if result.split == "test"}
    return Seed(figures, together, seconds, sum(weights.values()) / one)


def timed(model: ComposedModel, data: Dataset, seed: int) -> tuple[Job, float]:
    """A fit with its results, and the seconds of processor time that it took."""
    config = FitConfig.resolve(
        model.adapter.spec.training,
        {"epochs": EPOCHS, "patience": EPOCHS, "baselines": (), "seed": seed},
    )
    with seeded(config.seed):
        job = Job(model, data, config, Silent())
        start = time.process_time()
        job.run(lambda line: None)
    return job, time.process_time() - start


def composed(data: Dataset, seed: int) -> ComposedModel:
    tasks = [
        zoo.task(kind, labels=data.tasks[name], name=name, **settings(name))
        for name, kind in KINDS.items()
    ]
    return zoo.compose(BACKBONE, "lora", tasks, seed=seed)


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
    """Some short reviews, with the logarithm of how many words each has."""
    with (source / "amazon_reviews" / domain / f"{part}.csv").open(newline="") as file:
        rows = [(row, len(row["text"].split())) for row in csv.DictReader(file)]
    short = [(row, words) for row, words in rows if words <= WORDS]
    return [
        {
            "text": row["text"],
            "label": row["label"],
            "domain": domain,
            "length": round(math.log(1 + words), 3),
        }
        for row, words in short[: REVIEWS[part]]
    ]


def save(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write(seeds: Sequence[Seed], rows: Mapping[str, int]) -> None:
    """The figures, means over seeds, and what was demanded beside what was found."""
    names = {"together": THIS_MODEL, "twins": jointly.TWINS, "majority or mean": "majority or mean"}
    metrics = {
        f"{name} ({HEADLINES[kind]})": f"{name}.{HEADLINES[kind]}" for name, kind in KINDS.items()
    }
    figures = {
        row: {
            shown: mean(s.figures[model][metric] for s in seeds) for shown, model in names.items()
        }
        for row, metric in {**metrics, "mean": "mean"}.items()
    }
    lost = ", ".join(f"{seed.lost:+.1f}" for seed in seeds)
    ours = sum(seed.together for seed in seeds) / len(seeds)
    twins = sum(sum(seed.alone.values()) for seed in seeds) / len(seeds)
    lines = [
        "# Several tasks on one backbone",
        "",
        f"`python -m benchmarks.multi_task ../shared`: LoRA on `{BACKBONE}`, {EPOCHS} epochs, figures on test rows,",
        f"seed {', '.join(map(str, SEEDS[: len(seeds)]))} ({', '.join(f'{name} {count}' for name, count in rows.items())}: whole reviews of at most {WORDS} words, and",
        "questions). The fit has two data sets and learns five tasks; its twins are models of one task each, with the same",
        "adapter, epochs and rows. On these test rows the figure of one task is uncertain by about 1.5 points.",
        "",
        *table(figures, list(names), corner="task"),
        "",
        "| | demanded | found |",
        "|---|---|---|",
        f"| mean, together less twins | at least -1 point | {mean(s.lost for s in seeds):+.1f} points; by seed {lost} |",
        f"| the same of the classifications alone | | {mean(s.lost_on_classes for s in seeds):+.1f} points |",
        "| processor time to fit, together / summed twins | at most 0.6 | "
        f"{ours:.0f} s / {twins:.0f} s = {ours / twins:.2f} |",
        f"| weights in memory, in backbones | one | {seeds[0].weights:.2f} with adapter and heads |",
    ]
    (HERE / "multi_task.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
