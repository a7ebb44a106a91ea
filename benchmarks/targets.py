"""Targets of other kinds than one class, made of real columns, on a small sentence encoder.

python -m benchmarks.targets [../shared]: pairs of texts of trec and amazon_reviews; grades and numbers
of how long reviews and questions are; labels of reviews of which 30 % are hidden from training. Each is
a fit with defaults beside what ignores its input. Writes benchmarks/targets.md.
"""

import csv
import math
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import zoo
from zoo.report.record import RunRecord

HERE = Path(__file__).parent
BACKBONE = "nlp:minilm"
DOMAINS = ("books", "dvd", "electronics", "kitchen")
ROWS = {"train": 1600, "test": 600}
CHARACTERS = 160  # of a review; its length is that of all of it
HIDDEN = 0.3
Row = dict[str, Any]


def main(shared: Path) -> None:
    """Make, fit, measure, write."""
    made = {name: make(shared / "data") for name, make in TABLES.items()}
    rows = []
    for name, kind, columns, metrics, settings in FITS:
        with tempfile.TemporaryDirectory() as folder:
            for part, table in made[name].items():
                save(Path(folder, "data", f"{part}.csv"), table)
            start = time.perf_counter()
            record = fitted(Path(folder), kind, columns, settings)
        lines = compared(record, metrics)
        rows.append((name, kind, columns, lines))
        print(f"{name}, {kind}: {time.perf_counter() - start:.0f} s", lines, flush=True)
    write(rows)


def fitted(folder: Path, kind: str, columns: str, settings: dict[str, Any]) -> RunRecord:
    """A probe of frozen features, the adapter that a laptop has time for."""
    data = zoo.load_data(folder / "data", task=kind, label_column=columns)
    task = zoo.task(kind, labels=data.labels, **settings)
    return zoo.fit(zoo.compose(BACKBONE, "linear-probe", task), data, folder / "run").record


def compared(record: RunRecord, metrics: Iterable[str]) -> dict[str, dict[str, float]]:
    """Test figures of the model and of what ignores its input, which has not all of them."""
    found = {result.model: result.metrics for result in record.results if result.split == "test"}
    return {
        model: {name: values[name] for name in metrics if name in values}
        for model, values in found.items()
    }


# === Tables ===


def questions(source: Path) -> dict[str, list[Row]]:
    """Trec, with the number of words of each question."""
    found = {}
    for part, count in ROWS.items():
        with (source / "trec" / f"{part}.tsv").open(newline="") as file:
            rows: list[Row] = list(csv.DictReader(file, delimiter="\t"))[:count]
        words = [len(row["text"].split()) for row in rows]
        found[part] = [
            {**row, "words": n, "grade": min(4, max(0, (n - 4) // 3))}
            for row, n in zip(rows, words, strict=True)
        ]
    return found


def reviews(source: Path) -> dict[str, list[Row]]:
    """Of each domain as many, cut short, with what is known of the whole."""
    found: dict[str, list[Row]] = {}
    for part, count in ROWS.items():
        for domain in DOMAINS:
            with (source / "amazon_reviews" / domain / f"{part}.csv").open(newline="") as file:
                rows = list(csv.DictReader(file))[: count // len(DOMAINS)]
            found.setdefault(part, []).extend(review(row, domain) for row in rows)
    return found


def review(row: Row, domain: str) -> Row:
    words = len(row["text"].split())
    marks = {name: int(name == domain) for name in DOMAINS}
    return {
        "text": row["text"][:CHARACTERS],
        "log_words": round(math.log(1 + words), 3),
        "positive": int(row["label"]),
        "long": int(words > 120),
        **marks,
    }


def hidden(source: Path) -> dict[str, list[Row]]:
    """Reviews of which training does not know each label with the chance that is hidden."""
    found, draw = reviews(source), random.Random(0)
    names = ("positive", "long", *DOMAINS)
    for row in found["train"]:
        row.update({name: "" for name in names if draw.random() < HIDDEN})
    return found


def question_pairs(source: Path) -> dict[str, list[Row]]:
    """Each question with another: alike are 1 of one fine class, 0.5 of one coarse class, 0 else."""
    return {part: paired(rows, alike_questions) for part, rows in questions(source).items()}


def review_pairs(source: Path) -> dict[str, list[Row]]:
    """Each review with another, of one domain or of two."""
    return {part: paired(rows, alike_reviews) for part, rows in reviews(source).items()}


def paired(rows: list[Row], alike: Any) -> list[Row]:
    """Pairs of which half are of one kind: every second looks for its like."""
    draw, found = random.Random(0), []
    for at, row in enumerate(rows):
        others = draw.sample(rows, 40)
        if at % 2:
            others.sort(key=lambda other: -alike(row, other))
        other = next(other for other in others if other["text"] != row["text"])
        likeness = alike(row, other)
        same = "same" if likeness >= 0.5 else "different"
        found.append(
            {"text_a": row["text"], "text_b": other["text"], "likeness": likeness, "kind": same}
        )
    return found


def alike_questions(one: Row, other: Row) -> float:
    return 1.0 if one["fine"] == other["fine"] else 0.5 * (one["coarse"] == other["coarse"])


def alike_reviews(one: Row, other: Row) -> float:
    return float(all(one[name] == other[name] for name in DOMAINS))


def save(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


TABLES = {
    "questions of trec": questions,
    "reviews": reviews,
    "reviews, 30 % of labels hidden": hidden,
    "pairs of questions": question_pairs,
    "pairs of reviews": review_pairs,
}
_MARKS = ",".join(("positive", "long", *DOMAINS))
FITS: tuple[tuple[str, str, str, tuple[str, ...], dict[str, Any]], ...] = (
    ("pairs of questions", "pair-classification", "kind", ("accuracy", "macro_f1"), {}),
    ("pairs of questions", "similarity", "likeness", ("spearman", "pearson"), {}),
    ("pairs of reviews", "pair-classification", "kind", ("accuracy", "macro_f1"), {}),
    ("questions of trec", "ordinal", "grade", ("kappa", "mae"), {}),
    ("questions of trec", "regression", "words", ("r2", "mae", "rmse"), {"units": ("words",)}),
    ("reviews", "regression", "log_words", ("r2", "mae", "rmse"), {}),
    ("reviews", "multilabel", _MARKS, ("average_precision", "auroc", "macro_f1"), {}),
    (
        "reviews, 30 % of labels hidden",
        "multilabel",
        _MARKS,
        ("average_precision", "auroc", "macro_f1"),
        {},
    ),
)


def write(rows: list[tuple[str, str, str, dict[str, dict[str, float]]]]) -> None:
    """A line for each fit."""
    lines = [
        "# Targets of other kinds",
        "",
        f"`python -m benchmarks.targets ../shared`: a linear probe of `{BACKBONE}` with defaults, one seed, test figures.",
        f"At most {ROWS['train']} rows to fit on and {ROWS['test']} to test; reviews are cut to {CHARACTERS} characters, and their",
        "length is that of the whole. Of a pair the second half was looked for, so that half are alike.",
        "Training does not see the hidden labels; the test has them all.",
        "",
        "| data | task | target | metric | probe | ignores its input |",
        "|---|---|---|---|---|---|",
    ]
    for name, kind, columns, found in rows:
        (_, ours), (guess, ignorant) = found.items()
        for metric, value in ours.items():
            beside = f"{ignorant[metric]:.3f}" if metric in ignorant else "not defined"
            target = "6 labels" if "," in columns else columns
            lines.append(
                f"| {name} | {kind} | {target} | {metric} | {value:.3f} | {beside} ({guess}) |"
            )
    (HERE / "targets.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
