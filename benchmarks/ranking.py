"""Rankers against the fine-tuned accuracy that they are to foretell.

Thirteen candidates on images (three MobileNets whole and cut after earlier blocks, an untrained one,
CIFAR's ResNet-20 trained, untrained, and trained here on another set of photos) and eight on texts
(MiniLM cut after each layer, the cut before the first being word vectors, and untrained). Few
training rows, and images made small, so that all can be fine-tuned on two cores. ``rank`` cells hold every ranker's estimate and what it cost;
``fit`` cells which test rows the candidate gets right once all of it was fine-tuned, by the adapter
``finetune`` with zoo's own defaults. The peers are fine-tuning every candidate, and a logistic
regression on the same cached features with its C chosen by five-fold cross-validation.

Costs are processor time, which other work on the machine changes little; as in ``zoo rank`` images
are opened once for the candidates that see them alike, and the first of these pays. Every cell is kept in
``benchmarks/ranking/`` and not computed twice; the table goes to ``benchmarks/ranking.md`` and covers
what there is.

    python -m benchmarks.ranking ../shared --cases trec --steps rank fit
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ranking_candidates import CASES, Case, candidates, data

HERE = Path(__file__).parent
CELLS = HERE / "ranking"
TABLE = HERE / "ranking.md"
RANKERS = ("logme", "hscore", "knn", "probe")
SOURCE = ("leep", "nce")
LAST = ", last layer"
COMPARED = ("logme", "knn")  # on the mean over layers and on the last layer
PEER_C = tuple(10.0**exponent for exponent in range(-4, 2))
SEED = 0


def main() -> None:
    """Compute what is missing, then write the table."""
    from benchmarks.ranking_table import table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="the folder that holds data/ and hub/")
    parser.add_argument("--cases", nargs="*", default=[case.name for case in CASES])
    parser.add_argument("--steps", nargs="*", default=["rank", "fit"], choices=["rank", "fit"])
    parser.add_argument("--candidates", nargs="*", help="only these")
    arguments = parser.parse_args()
    os.environ["ZOO_CACHE"] = "off"  # every cell pays for what it computes
    CELLS.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        if case.name in arguments.cases:
            for step in arguments.steps:
                compute(case, step, arguments.shared.resolve(), arguments.candidates)
    TABLE.write_text(table(cells("rank"), cells("fit")), encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"))


def compute(case: Case, step: str, shared: Path, only: Sequence[str] | None) -> None:
    """The cells of one data set and step that are not there yet."""
    from zoo.ranking.features import Opened

    found, opened = None, Opened()
    for name, make in candidates(case.modality, shared).items():
        path = CELLS / f"{case.name}--{name}--{step}.json"
        if path.exists() or (only and name not in only):
            continue
        backbone = make()
        found = found or data(case, backbone.contract, shared, SEED)
        cell = ranked(backbone, found, opened) if step == "rank" else fine_tuned(backbone, found)
        path.write_text(json.dumps({"case": case.name, "candidate": name, **cell}))
        print(f"{case.name} {name} {step}: {summary(cell)}", flush=True)


def summary(cell: dict[str, Any]) -> str:
    """A line on a cell."""
    if "right" in cell:
        return f"{np.mean([int(row) for row in cell['right']]):.3f} in {cell['seconds']:.0f} s"
    return ", ".join(f"{name} {r['estimate']:.3f}" for name, r in cell["rankers"].items())


def ranked(backbone: Any, dataset: Any, opened: Any) -> dict[str, Any]:
    """Every ranker's estimate of one candidate, and what features, rankers and the peer cost."""
    import zoo
    from zoo.errors import Incompatible
    from zoo.progress import Silent
    from zoo.ranking.features import frozen, source_probabilities
    from zoo.ranking.layers import over_layers
    from zoo.ranking.problem import estimate, halves, targets_of
    from zoo.ranking.rank import make_ranker
    from zoo.ranking.ranker import RankProblem

    task = zoo.task("classification", labels=dataset.labels)
    train = dataset.splits["train"]
    kind, targets = targets_of(task, train.labels)

    def read(network: Any) -> Any:
        return frozen(
            network,
            train.inputs,
            modality=dataset.modality,
            convert=False,
            progress=Silent(),
            opened=opened,
        )

    start = time.process_time()
    mean = over_layers(backbone)
    features = read(mean)
    extraction = time.process_time() - start
    problem = RankProblem(features.double().numpy(), targets, kind, seed=SEED)
    last = features if mean is backbone else read(backbone)
    source = source_probabilities(backbone, last)
    of_last = RankProblem(last.double().numpy(), targets, kind, source, SEED)
    asked = dict.fromkeys(RANKERS, problem) | dict.fromkeys(SOURCE, of_last)
    asked |= {f"{name}{LAST}": of_last for name in COMPARED if mean is not backbone}
    found: dict[str, Any] = {}
    for name, given in asked.items():
        start = time.process_time()
        try:
            ranker = make_ranker(name.removesuffix(LAST))
            one, parts = estimate(ranker, given), halves(ranker, given)
        except Incompatible:  # no source head
            continue
        seconds = time.process_time() - start
        found[name] = {"estimate": one, "halves": list(parts), "seconds": round(seconds, 4)}
    start = time.process_time()
    peer = cross_validated(problem.features, targets)
    return {
        "rankers": found,
        "extraction": round(extraction, 3),
        "peer": peer,
        "peer_seconds": round(time.process_time() - start, 3),
        "rows": len(targets),
    }


def cross_validated(features: np.ndarray, targets: np.ndarray) -> float:
    """The peer: accuracy by five-fold cross-validation of the best C."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(model, {"logisticregression__C": PEER_C}, cv=5)
    return float(search.fit(features, targets).best_score_)


def fine_tuned(backbone: Any, dataset: Any) -> dict[str, Any]:
    """Which test rows are right once all of a candidate was trained, by zoo's own `finetune`."""
    import zoo
    from zoo.progress import Silent
    from zoo.training.config import FitConfig
    from zoo.training.job import Job

    task = zoo.task("classification", labels=dataset.labels)
    model = zoo.compose(backbone, "finetune", task, seed=SEED)
    given = {"seed": SEED, "baselines": ()}
    config = FitConfig.resolve(model.adapter.spec.training, given)
    start = time.process_time()
    Job(model, dataset, config, Silent()).run(lambda line: None)
    seconds = time.process_time() - start
    test = dataset.splits["test"]
    told = [prediction.label for prediction in model.predict(list(test.inputs))]
    right = "".join(str(int(a == b)) for a, b in zip(told, test.labels, strict=True))
    return {"right": right, "seconds": round(seconds, 1)}


def cells(step: str) -> dict[tuple[str, str], dict[str, Any]]:
    """All cells of a step, by data set and candidate."""
    read = (json.loads(path.read_text()) for path in sorted(CELLS.glob(f"*--{step}.json")))
    return {(cell["case"], cell["candidate"]): cell for cell in read}


if __name__ == "__main__":
    main()
