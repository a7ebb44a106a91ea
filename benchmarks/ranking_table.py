"""The page of ``benchmarks/ranking.py``: how well rankers order candidates, and what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.ranking import COMPARED, LAST, RANKERS
from benchmarks.ranking_candidates import CASES

BOOTSTRAPS = 500
FEWEST = 4  # candidates; an order of fewer says nothing
WANTED = 0.67

Cells = dict[tuple[str, str], dict[str, Any]]
Taus = dict[tuple[str, str], list[float]]  # by modality and ranker


def table(ranks: Cells, fits: Cells) -> str:
    """All that is there, as a Markdown page."""
    lines = [
        "# Ranking",
        "",
        "Weighted Kendall tau of each ranker's estimates with the accuracy of the candidates once "
        "fine-tuned, with a 95% interval over test rows and over the choice of training rows. Lost: "
        "points of accuracy between the best candidate and the one ranked first. Costs: processor time of a "
        "ranker, features and halves included, over that of fine-tuning the same candidates, and "
        "without features over that of cross-validated logistic regressions on the same cached "
        "features. Made by `python -m benchmarks.ranking ../shared`.",
        "",
        "| data | candidates | ranker | tau | lost | cost to fine-tuning | cost to probes |",
        "|---|---|---|---|---|---|---|",
    ]
    taus: Taus = {}
    for case in CASES:
        names = sorted(name for of, name in ranks if of == case.name and (of, name) in fits)
        if len(names) < FEWEST:
            continue
        of_case = [(ranks[case.name, name], fits[case.name, name]) for name in names]
        told = {name for rank, _ in of_case for name in rank["rankers"]}
        last = [name for name in (f"{each}{LAST}" for each in COMPARED) if name in told]
        for ranker in (*RANKERS, *last, "peer"):
            cells, tau = _row(case.name, ranker, of_case)
            taus.setdefault((case.modality, ranker), []).append(tau)
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *_means(taus), _missing(ranks, fits), ""]
    return "\n".join(lines)


def _row(case: str, ranker: str, cells: list[Any]) -> tuple[list[str], float]:
    right = np.array([[int(row) for row in fit["right"]] for _, fit in cells])
    estimates, spreads = np.array([_estimate(rank, ranker) for rank, _ in cells]).T
    accuracies = right.mean(axis=1)
    tau = weighted_tau(estimates, accuracies)
    low, high = _interval(estimates, spreads, right)
    lost = 100 * (accuracies.max() - accuracies[estimates.argmax()])
    peers = sum(rank["peer_seconds"] for rank, _ in cells)
    own = sum(_seconds(rank, ranker) for rank, _ in cells)
    whole = own + sum(rank["extraction"] for rank, _ in cells)
    tuning = sum(fit["seconds"] for _, fit in cells)
    name = "cross-validated logistic regression" if ranker == "peer" else ranker
    figures = [f"{tau:.2f} [{low:.2f}, {high:.2f}]", f"{lost:.1f}"]
    return [case, str(len(cells)), name, *figures, _ratio(whole / tuning), _ratio(own / peers)], tau


def _estimate(rank: dict[str, Any], ranker: str) -> tuple[float, float]:
    if ranker == "peer":
        return rank["peer"], 0.0
    found = _of(rank, ranker)
    return found["estimate"], float(np.std(found["halves"], ddof=1)) if found["halves"] else 0.0


def _seconds(rank: dict[str, Any], ranker: str) -> float:
    return rank["peer_seconds"] if ranker == "peer" else _of(rank, ranker)["seconds"]


def _of(rank: dict[str, Any], ranker: str) -> dict[str, Any]:
    """A ranker's cell; what has but one layer is the same on the last as on the mean."""
    found: dict[str, Any] = (
        rank["rankers"].get(ranker) or rank["rankers"][ranker.removesuffix(LAST)]
    )
    return found


def weighted_tau(estimates: np.ndarray, accuracies: np.ndarray) -> float:
    """Kendall's tau with hyperbolic weights, so that the top of the order counts most."""
    from scipy.stats import weightedtau

    return float(weightedtau(estimates, accuracies).statistic)


def _interval(estimates: np.ndarray, spreads: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """95% of tau over other test rows and other training rows to rank by."""
    draw = np.random.default_rng(0)
    taus = []
    for _ in range(BOOTSTRAPS):
        rows = draw.integers(right.shape[1], size=right.shape[1])
        moved = estimates + spreads * draw.normal(size=len(spreads))
        taus.append(weighted_tau(moved, right[:, rows].mean(axis=1)))
    return float(np.nanpercentile(taus, 2.5)), float(np.nanpercentile(taus, 97.5))


def _means(taus: Taus) -> list[str]:
    rows = [
        f"| {modality} | {len(found)} | {ranker} | {np.mean(found):.2f} |"
        for (modality, ranker), found in taus.items()
    ]
    return [
        f"Means over data sets (wanted: {WANTED}):",
        "",
        "| data | sets | ranker | mean tau |",
        "|---|---|---|---|",
        *rows,
    ]


def _ratio(value: float) -> str:
    return f"1/{1 / value:.0f}" if 0 < value < 0.5 else f"{value:.2f}"


def _missing(ranks: Cells, fits: Cells) -> str:
    return f"\n{len(ranks)} candidates were ranked and {len(fits)} fine-tuned so far."
