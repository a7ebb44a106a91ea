"""The benchmark table as a page of Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.table_cells import MAIN, PEER, PROBE, Cell

BOOTSTRAPS = 10_000
TRAINS = ("partial", "finetune")  # what the run has to call worse than the probe, where it is
Models = Mapping[str, Mapping[int, Cell]]  # cells of one data set and backbone, by model and seed


def page(cells: Sequence[Cell], order: Sequence[str], chosen: Mapping[tuple[str, str], str]) -> str:
    """The cells as a Markdown page.

    Args:
        cells: all there are.
        order: names of data sets.
        chosen: by data set and the recipes' own backbone, ``recipe: adapter`` as ``zoo fit DATA``
            chooses them.
    """
    groups: dict[tuple[str, str], dict[str, dict[int, Cell]]] = defaultdict(dict)
    for cell in cells:
        groups[cell.case, cell.backbone].setdefault(cell.model, {})[cell.seed] = cell
    found = dict(sorted(groups.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))
    compared = {key: models for key, models in found.items() if PEER in models}
    total = sum(cell.seconds for cell in cells) / 60
    return "\n".join(
        [
            "# Benchmark",
            "",
            "Test accuracy with defaults, mean over the seeds that both have. The peer is scikit-learn's "
            f"{PEER} on the same frozen features, C tuned on validation. In brackets the difference "
            "from it in points, with the paired-bootstrap 95% interval over test rows, each row "
            "averaged over seeds; seeds are not resampled. Made by "
            "`python -m benchmarks.table ../shared`, which keeps each cell in `benchmarks/table/` and "
            "goes on where it was stopped; what is not there yet is an empty field.",
            "",
            "LoRA's defaults, the learning rate of convolutions and the bound between the recipes of "
            "images were chosen while test figures of some of these sets were in view, so what they "
            "bring is somewhat optimistic. On sst2 the splits are fixed: the convex fits do not vary. "
            "The best of all is among the adapters with "
            "most seeds. Cells of adapters without a column of their own are older than the comparison of "
            "epochs at their temperature.",
            "",
            f"| data | backbone | test rows | {PEER} | {' | '.join(MAIN)} | best of all |",
            f"|{'---|' * (len(MAIN) + 5)}",
            *(row(*key, models) for key, models in compared.items()),
            *_others(found),
            *_choices(compared, chosen),
            *_beside_the_probe(found),
            "",
            f"All {len(cells)} cells together took {total:.0f} minutes.",
            "",
        ]
    )


def _others(found: Mapping[tuple[str, str], Models]) -> Iterator[str]:
    """Adapters without a column of their own."""
    named = {model for models in found.values() for model in models} - {PEER, *MAIN}
    if named:
        yield from ("", "| data | backbone | adapter | accuracy |", "|---|---|---|---|")
    for (case, backbone), models in found.items():
        for model in sorted(named & {*models}):
            if not _refusal(models, model):
                yield f"| {case} | {backbone} | {model} | {figure(models, model)} |"
    yield from _refused(found)


def _refused(found: Mapping[tuple[str, str], Models]) -> Iterator[str]:
    """Adapters that do not fit a backbone, by the reason they give."""
    reasons: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (_, backbone), models in found.items():
        for model in models:
            if said := _refusal(models, model):
                reasons[backbone, said.replace(model, "the adapter")].add(model)
    for (backbone, said), names in sorted(reasons.items()):
        yield from ("", f"On {backbone}, {', '.join(sorted(names))}: {said}")


def _refusal(models: Models, model: str) -> str:
    return next((cell.refused for cell in models[model].values() if cell.refused), "")


def _choices(
    found: Mapping[tuple[str, str], Models], chosen: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """What ``zoo fit DATA`` chooses, and how far that is from the best adapter there is."""
    behind = []
    lines = []
    for (case, backbone), models in found.items():
        _, _, adapter = chosen.get((case, backbone), "").partition(": ")
        if adapter in models:
            best = _best(models)
            own, other = paired(models, adapter, best)
            behind.append(100 * (other.mean() - own.mean()))
            lines.append(
                f"| {case} | {chosen[case, backbone]} | {own.mean():.3f} | {best} {other.mean():.3f} "
                f"| {len(own)} | {behind[-1]:.1f} |"
            )
    if lines:
        yield from (
            "",
            "## What `zoo fit DATA` chooses",
            "",
            f"The adapter of its recipe is {np.mean(behind):.1f} points behind the best on average, "
            "over the seeds that both have.",
            "",
            "| data | recipe and adapter | accuracy | best adapter | seeds | points behind |",
            "|---|---|---|---|---|---|",
            *lines,
        )


def _beside_the_probe(found: Mapping[tuple[str, str], Models]) -> Iterator[str]:
    """What trains the backbone against the head that it starts from, by the runs' own verdicts."""
    lines = []
    for (case, _), models in found.items():
        for model in TRAINS:
            seeds = sorted({*models.get(model, {})} & {*models.get(PROBE, {})})
            pairs = [(models[model][seed], models[PROBE][seed]) for seed in seeds]
            pairs = [(own, probe) for own, probe in pairs if own.right and probe.right]
            if pairs:
                lines.append(_against_the_probe(case, model, pairs))
    if lines:
        yield from (
            "",
            "## Training the backbone, beside the probe it starts from",
            "",
            "Over the seeds that both have. Epoch 0 is the probe itself: where no epoch is clearly "
            "better on validation than it, the run keeps it. The last column is what the run with the least "
            "difference says of the probe, which it fits itself: a cell of the probe that was made by an "
            "earlier version may differ from that by a row.",
            "",
            "| data | adapter | best epochs | points from the probe | the run's verdict |",
            "|---|---|---|---|---|",
            *lines,
        )


def _against_the_probe(case: str, model: str, pairs: Sequence[tuple[Cell, Cell]]) -> str:
    gaps = [100 * (own.rows.mean() - probe.rows.mean()) for own, probe in pairs]
    epochs = ", ".join("" if own.best_epoch is None else str(own.best_epoch) for own, _ in pairs)
    said = pairs[int(np.argmin(gaps))][0].verdict
    return f"| {case} | {model} | {epochs} | {np.mean(gaps):+.1f} | {said} |"


def row(case: str, backbone: str, models: Models) -> str:
    """One line of the main table."""
    peer = np.array([cell.rows for cell in models[PEER].values()])
    columns = [case, backbone, str(peer.shape[1]), f"{peer.mean():.3f}"]
    columns += [figure(models, model) if model in models else "" for model in MAIN]
    return "| " + " | ".join([*columns, _best(models)]) + " |"


def _best(models: Models) -> str:
    """Of the adapters with most seeds the one that is furthest above the peer."""
    seeds = {m: sum(bool(cell.right) for cell in models[m].values()) for m in models if m != PEER}
    fitting = [m for m, count in seeds.items() if 0 < count == max(seeds.values())]
    fitting.sort(key=lambda m: MAIN.index(m) if m in MAIN else len(MAIN))  # of equals, the simplest
    return max(fitting, key=lambda m: np.subtract(*paired(models, m)).mean(), default="")


def figure(models: Models, model: str) -> str:
    """Accuracy and difference from the peer; the reason where the adapter does not fit."""
    if refused := _refusal(models, model):
        return refused.replace("|", "/")
    ours, peer = paired(models, model)
    low, high = interval(ours.mean(0) - peer.mean(0))
    gap = 100 * (ours.mean() - peer.mean())
    return f"{ours.mean():.3f} ({gap:+.1f} [{low:+.1f}, {high:+.1f}], {len(ours)} seed{'s'[: len(ours) - 1]})"


def paired(models: Models, model: str, other: str = PEER) -> tuple[np.ndarray, np.ndarray]:
    """Right rows ``[seeds, rows]`` of two models, over the seeds that both have."""
    have = [{seed for seed, cell in models[name].items() if cell.right} for name in (model, other)]
    ours, theirs = (
        [models[name][seed].rows for seed in sorted(set.intersection(*have))]
        for name in (model, other)
    )
    return np.array(ours), np.array(theirs)


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Bootstrap 95% interval of the mean of paired differences ``[rows]``, in points."""
    random = np.random.default_rng(0)
    means = [random.choice(differences, len(differences)).mean() * 100 for _ in range(BOOTSTRAPS)]
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))
