"""Accuracy of every adapter against logistic regression on the same frozen features.

Data sets of ``../shared/data`` x backbones x adapters with their defaults x seeds. The peer is
scikit-learn's logistic regression on the same standardised frozen features, its C tuned on the same
validation rows and then fitted on training and validation rows together. Every cell is kept in
``benchmarks/table/`` and never computed twice, so that a run that was stopped goes on where it was;
the page goes to ``docs/benchmark.md``.

    python -m benchmarks.table ../shared --minutes 60
    python -m benchmarks.table ../shared --cases trec --adapters lora partial --seeds 0
    python -m benchmarks.table ../shared --minutes 0            # only the page
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table_cells import CELLS, MAIN, PEER, PROBE, Cell, finished, keep, path_of
from benchmarks.table_page import page

PAGE = Path(__file__).parent.parent / "docs" / "benchmark.md"
SEEDS = (0, 1, 2)
PEER_C = tuple(10 ** (e / 2) for e in range(-8, 5))


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
# By modality; the first is that of the recipes. No library has a class for cifar10_resnet20.
BACKBONES = {
    "image": {
        "mobilenetv2-in1k": MIRROR + "tf2_in1k",
        "mobilenetv2-in1k-sympad": MIRROR + "tf2_in1k_sympad",
        "mobilenetv2-bird": MIRROR + "inat_bird",
        "mobilenetv2-insect": MIRROR + "inat_insect",
    },
    "text": {"minilm": "minilm", "stories260k": "hf:{shared}/hub/zoo-mirror/stories260k"},
}


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
    cells = list(finished())
    done = {cell.case for cell in cells}
    order = [case.name for case in CASES]
    chosen = {
        (case.name, next(iter(BACKBONES[case.modality]))): chosen_for(case, arguments.shared)
        for case in CASES
        if case.name in done
    }
    PAGE.write_text(page(cells, order, chosen), encoding="utf-8")


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
        keep(cell)
        said = cell.refused or f"{cell.rows.mean():.4f} in {seconds:.0f} s. {cell.verdict}"
        print(f"{case.name} {backbone} {model} seed {seed}: {said}", flush=True)


def chosen_for(case: Case, shared: Path) -> str:
    """The recipe that ``zoo fit DATA`` takes where nothing else is said, and its adapter."""
    import zoo
    from zoo.cli.plan import by_itself

    data = zoo.load_data(
        shared / "data" / case.name, splits=case.splits, label_column=case.label_column
    )
    found = by_itself(data.modality, len(data.splits["train"]), len(data.labels))
    return f"{found[0]}: {zoo.recipes()[found[0]].adapter}" if found else ""


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
    of_probe = (v.text for v in verdicts if v.about == "transfer" and PROBE in v.text)
    said = {"best_epoch": record.config["best_epoch"], "verdict": next(of_probe, "")}
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


if __name__ == "__main__":
    main()
