"""Accuracy of every adapter against logistic regression on the same frozen features.

Data sets of ``../shared/data`` x backbones x adapters with their defaults x seeds. The peer is
scikit-learn's logistic regression on the same standardised frozen features, its C tuned on the same
validation rows and then fitted on training and validation rows together. Every cell is kept in
``benchmarks/table/`` and never computed twice, so that a run that was stopped goes on where it was;
the page goes to ``docs/benchmark.md``.

    python benchmarks/table.py ../shared --minutes 60
    python benchmarks/table.py ../shared --cases trec --adapters lora partial --seeds 0
    python benchmarks/table.py ../shared --minutes 0            # only the page
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
CELLS = HERE / "table"
PAGE = HERE.parent / "docs" / "benchmark.md"
PEER = "logistic regression"
MAIN = ("linear-probe", "lora", "partial", "finetune")  # first, and with columns of their own
SEEDS = (0, 1, 2)
PEER_C = tuple(10 ** (e / 2) for e in range(-8, 5))
BOOTSTRAPS = 10_000


@dataclass(frozen=True)
class Case:
    """One data set."""

    name: str
    modality: str
    splits: dict[str, str] | None = None
    label_column: str | None = None


CASES = (
    Case("hymenoptera", "image", splits={"train": "train", "test": "val"}),
    Case("flowers5", "image"),
    Case("chest_xray", "image"),
    Case("sst2", "text"),
    Case("trec", "text", label_column="coarse"),
    Case("amazon_reviews/books", "text"),
    Case("amazon_reviews/kitchen", "text"),
)
MIRROR = "timm:{shared}/hub/zoo-mirror/mobilenetv2_100."
BACKBONES = {  # by modality; the first is that of the recipes
    "image": {
        "mobilenetv2-in1k": MIRROR + "tf2_in1k",
        "mobilenetv2-in1k-sympad": MIRROR + "tf2_in1k_sympad",
        "mobilenetv2-bird": MIRROR + "inat_bird",
        "mobilenetv2-insect": MIRROR + "inat_insect",
    },
    "text": {"minilm": "minilm"},
}


@dataclass(frozen=True)
class Cell:
    """One model on one test set: which rows it got right, and what it cost.

    ``refused`` says why the adapter does not fit the backbone; such a cell has no rows. ``best_epoch``
    is that by validation, 0 being the probe that training starts from. ``verdict`` is what the run
    itself says of that probe, on test rows.
    """

    case: str
    backbone: str
    model: str
    seed: int
    right: str = ""  # a 1 or 0 for each test row
    seconds: float = 0.0
    refused: str = ""
    best_epoch: int | None = None
    verdict: str = ""

    @property
    def rows(self) -> np.ndarray:
        """1 for each test row that is right, else 0, ``[rows]``."""
        return np.array([int(row) for row in self.right])


def main() -> None:
    """Compute what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="the folder that holds data/ and hub/")
    parser.add_argument("--cases", nargs="*", default=[case.name for case in CASES])
    parser.add_argument("--backbones", nargs="*", help="by default the recipes' own")
    parser.add_argument("--adapters", nargs="*", default=[*MAIN], help="'all' for every one")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--minutes", type=float, help="begin no other cell after so long")
    arguments = parser.parse_args()
    CELLS.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes is not None else None
    for case, backbone, seed in asked(arguments):
        models = [PEER, *adapters(arguments.adapters)]
        compute(case, backbone, models, seed, arguments.shared, end)
    PAGE.write_text(page(list(finished())), encoding="utf-8")


def asked(arguments: argparse.Namespace) -> Iterator[tuple[Case, str, int]]:
    """Every data set with every backbone and seed that is asked for."""
    for seed in arguments.seeds:
        for case in CASES:
            names = [*BACKBONES[case.modality]]
            wanted = names[:1] if arguments.backbones is None else arguments.backbones
            if case.name in arguments.cases:
                yield from ((case, name, seed) for name in names if name in wanted)


def adapters(words: Sequence[str]) -> list[str]:
    """Names of adapters; all that are installed for ``all``, the main ones first."""
    if [*words] != ["all"]:
        return [*words]
    import zoo

    names = [adapter.name for adapter in zoo.adapters()]
    return sorted(names, key=lambda name: (MAIN.index(name) if name in MAIN else len(MAIN), name))


def compute(
    case: Case, backbone: str, models: Sequence[str], seed: int, shared: Path, end: float | None
) -> None:
    """Fit every model of one data set, backbone and seed that is not there yet."""
    missing = [m for m in models if not path_of(case.name, backbone, m, seed).exists()]
    if not missing or (end is not None and time.monotonic() >= end):
        return
    import zoo
    from zoo.errors import ZooError

    name = BACKBONES[case.modality][backbone].format(shared=shared.resolve())
    loaded = zoo.load_backbone(name)
    data = zoo.load_data(
        shared / "data" / case.name,
        splits=case.splits,
        label_column=case.label_column,
        seed=seed,
        contract=loaded.contract,
    )
    task = zoo.task("classification", labels=data.labels)
    truth = task.targets(data.splits["test"].labels).numpy()
    for model in missing:
        if end is not None and time.monotonic() >= end:
            return
        start = time.perf_counter()
        found: dict[str, Any] = {}
        try:
            if model == PEER:
                predicted = logistic_regression(loaded, task, data, seed)
            else:
                predicted, found = fitted(name, model, data, seed)
            found["right"] = "".join(str(int(row)) for row in predicted == truth)
        except ZooError as err:
            found["refused"] = f"{type(err).__name__}: {err.message}"
        seconds = round(time.perf_counter() - start, 1)
        cell = Cell(case.name, backbone, model, seed, seconds=seconds, **found)
        path_of(case.name, backbone, model, seed).write_text(json.dumps(asdict(cell)))
        said = cell.refused or f"{cell.rows.mean():.4f} in {seconds:.0f} s. {cell.verdict}"
        print(f"{case.name} {backbone} {model} seed {seed}: {said}", flush=True)


def fitted(backbone: str, adapter: str, data, seed: int) -> tuple[np.ndarray, dict[str, Any]]:  # noqa: ANN001 - zoo is imported late
    """Test predictions of ``zoo.fit`` with the adapter's defaults, class positions ``[rows]``.

    With them what the run says of itself, as fields of a cell.
    """
    import zoo

    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose(backbone, adapter, task, seed=seed)
    out = Path(tempfile.mkdtemp()) / "run"
    try:
        record = zoo.fit(model, data, out, seed=seed, baselines=("probe",)).record
        predictions = model.predict(list(data.splits["test"].inputs))
    finally:
        shutil.rmtree(out.parent)
    verdicts = record.evidence.verdicts if record.evidence else []
    said = {
        "best_epoch": record.config["best_epoch"],
        "verdict": next((v.text for v in verdicts if v.about == "transfer"), ""),
    }
    return np.array([data.labels.index(p.label) for p in predictions]), said


def logistic_regression(backbone, task, data, seed: int) -> np.ndarray:  # noqa: ANN001 - as above
    """Test predictions of the peer, class positions ``[rows]``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from zoo.data.samples import Samples
    from zoo.model import extract

    x, y = {}, {}
    for name, split in data.splits.items():
        x[name] = extract(backbone, Samples(split.inputs, backbone.contract)).numpy()
        y[name] = task.targets(split.labels).numpy()

    def model(c: float):  # noqa: ANN202 - scikit-learn's pipeline
        return make_pipeline(
            StandardScaler(), LogisticRegression(C=c, max_iter=2000, random_state=seed)
        )

    scores = [model(c).fit(x["train"], y["train"]).score(x["val"], y["val"]) for c in PEER_C]
    best = model(PEER_C[int(np.argmax(scores))])
    best.fit(np.vstack([x["train"], x["val"]]), np.concatenate([y["train"], y["val"]]))
    return best.predict(x["test"])


def path_of(case: str, backbone: str, model: str, seed: int) -> Path:
    """Where a cell is kept."""
    words = (case, backbone, model, str(seed))
    plain = (word.translate(str.maketrans(" /:", "---")) for word in words)
    return CELLS / f"{'--'.join(plain)}.json"


def finished() -> Iterator[Cell]:
    """All cells there are."""
    for path in sorted(CELLS.glob("*.json")):
        yield Cell(**json.loads(path.read_text()))


def page(cells: Sequence[Cell]) -> str:
    """The cells as a Markdown page."""
    groups: dict[tuple[str, str], dict[str, dict[int, Cell]]] = defaultdict(dict)
    for cell in cells:
        groups[cell.case, cell.backbone].setdefault(cell.model, {})[cell.seed] = cell
    order = [case.name for case in CASES]
    lines = [
        "# Benchmark",
        "",
        "Test accuracy with defaults, mean over the seeds that both have. The peer is scikit-learn's "
        f"{PEER} on the same frozen features, C tuned on validation. In brackets the difference from "
        "it in points, with the paired-bootstrap 95% interval over test rows, each row averaged over "
        "seeds; seeds are not resampled. Made by `python benchmarks/table.py ../shared`, which keeps "
        "each cell in `benchmarks/table/` and goes on where it was stopped; what is not there yet is "
        "an empty field.",
        "",
        "LoRA's defaults were chosen while test figures of four of these sets were in view, so its "
        "column is somewhat optimistic. On sst2 the splits are fixed: the convex fits do not vary.",
        "",
        f"| data | backbone | test rows | {PEER} | {' | '.join(MAIN)} | best of all |",
        f"|{'---|' * (len(MAIN) + 5)}",
    ]
    found = sorted(groups.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    lines += [row(*key, models) for key, models in found if PEER in models]
    others = sorted({cell.model for cell in cells} - {PEER, *MAIN})
    if others:
        lines += ["", "| data | backbone | adapter | accuracy |", "|---|---|---|---|"]
        lines += [
            f"| {case} | {name} | {model} | {figure(models, model)} |"
            for (case, name), models in found
            for model in others
            if model in models
        ]
    total = sum(cell.seconds for cell in cells) / 60
    return "\n".join([*lines, "", f"All {len(cells)} cells together took {total:.0f} minutes.", ""])


def row(case: str, backbone: str, models: dict[str, dict[int, Cell]]) -> str:
    """One line of the main table."""
    peer = np.array([cell.rows for cell in models[PEER].values()])
    fitting = [m for m in models if m != PEER and any(c.right for c in models[m].values())]
    best = max(fitting, key=lambda m: paired(models, m)[0].mean(), default="")
    columns = [case, backbone, str(peer.shape[1]), f"{peer.mean():.3f}"]
    columns += [figure(models, model) if model in models else "" for model in MAIN]
    return "| " + " | ".join([*columns, best]) + " |"


def figure(models: dict[str, dict[int, Cell]], model: str) -> str:
    """Accuracy and difference from the peer; the reason where the adapter does not fit."""
    refused = next((cell.refused for cell in models[model].values() if cell.refused), "")
    if refused:
        return refused.replace("|", "/")
    ours, peer = paired(models, model)
    low, high = interval(ours.mean(0) - peer.mean(0))
    gap = 100 * (ours.mean() - peer.mean())
    return f"{ours.mean():.3f} ({gap:+.1f} [{low:+.1f}, {high:+.1f}], {len(ours)} seed{'s'[: len(ours) - 1]})"


def paired(models: dict[str, dict[int, Cell]], model: str) -> tuple[np.ndarray, np.ndarray]:
    """Right rows ``[seeds, rows]`` of a model and of the peer, over the seeds that both have."""
    seeds = sorted({seed for seed, cell in models[model].items() if cell.right} & {*models[PEER]})
    ours, peer = ([models[name][seed].rows for seed in seeds] for name in (model, PEER))
    return np.array(ours), np.array(peer)


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Bootstrap 95% interval of the mean of paired differences ``[rows]``, in points."""
    random = np.random.default_rng(0)
    means = [random.choice(differences, len(differences)).mean() * 100 for _ in range(BOOTSTRAPS)]
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


if __name__ == "__main__":
    main()
