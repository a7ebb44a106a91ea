"""Domain adaptation on frozen features: what each alignment gains, and what is kept of it without labels.

The twelve pairs of office_caltech10's four domains (MobileNetV2, tf2_in1k) and the twelve of
amazon_reviews' (MiniLM), with the adapter ``bottleneck`` on cached features. Of every candidate (two
without alignment, two of each alignment) all epochs are kept in a cell, so that every way of
choosing among them can be held against the same trainings: by the source's risk, by each validator,
by the target's labels (the oracle). A target is adapted to and measured on with all of its rows; its
labels choose nothing but the oracle's state.

Every cell is kept in ``benchmarks/adaptation/`` and not computed twice; the table goes to
``benchmarks/adaptation.md`` and covers what there is.

    python -m benchmarks.adaptation ../shared --sets office --methods dann coral --seeds 0
    python -m benchmarks.adaptation ../shared --lora           # one pair of each, end to end
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CELLS = HERE / "adaptation"
SOURCE_ONLY = "source-only"
METHODS = ("coral", "dan", "dann", "cdan", "mcc", "pseudo-labels", "adabn")
VALIDATORS = ("infomax", "density", "nuclear-norm", "source-risk")
SEEDS = (0, 1, 2)
TRIES = 2  # candidates of each side
TRIES_OF = {"adabn": 1}
STEPS = {"bottleneck": 300, "lora": 100}  # about so many in a training
BATCH, EPOCHS = 32, 25  # of each domain, as in the papers; and at most so many
SIDE, TOKENS = 96, 64  # of an image, of a text, where all of a network is trained
SMALL: dict[
    str, dict[str, Any]
] = {  # smaller than in the papers, whose features are trained end to end
    "dann": {"hidden": 64},
    "cdan": {"hidden": 64, "projection": 256},
}


@dataclass(frozen=True)
class Domains:
    """Some domains of one problem, of which every ordered pair is adapted."""

    name: str
    folder: str
    domains: tuple[str, ...]
    backbone: str
    end_to_end: tuple[str, str]  # the pair that LoRA is fitted on too

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Source and target."""
        return itertools.permutations(self.domains, 2)


SETS = (
    Domains(
        "office",
        "office_caltech10",
        ("amazon", "webcam", "dslr", "caltech10"),
        "timm:{shared}/hub/zoo-mirror/mobilenetv2_100.tf2_in1k",
        ("amazon", "webcam"),
    ),
    Domains(
        "amazon",
        "amazon_reviews",
        ("books", "dvd", "electronics", "kitchen"),
        "nlp:minilm",
        ("books", "dvd"),
    ),
)


def main() -> None:
    """Compute what is missing, then write the table."""
    from benchmarks.adaptation_table import table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="the folder that holds data/ and hub/")
    parser.add_argument("--sets", nargs="*", default=[each.name for each in SETS])
    parser.add_argument("--pairs", nargs="*", help="only these, e.g. amazon-webcam")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    parser.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    parser.add_argument("--lora", action="store_true", help="one pair of each, end to end")
    parser.add_argument("--minutes", type=float, default=60, help="begin no cell after so many")
    asked = parser.parse_args()
    CELLS.mkdir(exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    for seed in asked.seeds:
        for domains in SETS:
            if domains.name not in asked.sets:
                continue
            pairs = [domains.end_to_end] if asked.lora else list(domains.pairs())
            for pair in pairs:
                if asked.pairs and "-".join(pair) not in asked.pairs:
                    continue
                if time.monotonic() < until:
                    adapter = "lora" if asked.lora else "bottleneck"
                    cell(asked.shared, domains, pair, seed, adapter, asked.methods)
    (HERE / "adaptation.md").write_text(table(CELLS, VALIDATORS), encoding="utf-8")


def path_of(name: str, pair: tuple[str, str], method: str, seed: int, adapter: str) -> Path:
    """Where a cell is kept."""
    return CELLS / f"{name}--{adapter}--{'-'.join(pair)}--{method}--{seed}.json"


def cell(
    shared: Path,
    domains: Domains,
    pair: tuple[str, str],
    seed: int,
    adapter: str,
    methods: Sequence[str],
) -> None:
    """Train the candidates of each method whose cell is not there, beside source-only's, and write it."""
    wanted = [
        method
        for method in (SOURCE_ONLY, *methods)
        if not path_of(domains.name, pair, method, seed, adapter).exists()
    ]
    if not wanted:
        return
    start = time.process_time()
    together = list(dict.fromkeys([SOURCE_ONLY, *wanted]))
    found, rows = trained(shared, domains, pair, seed, adapter, together)
    taken = (time.process_time() - start) / len(found)
    for method in wanted:
        tried = [each for each in found if each["method"] == method]
        content = {"seconds_a_candidate": round(taken, 2), "rows": rows, "candidates": tried}
        text = json.dumps(content) + "\n"
        path_of(domains.name, pair, method, seed, adapter).write_text(text, encoding="utf-8")
    print(f"{domains.name} {'-'.join(pair)} seed {seed}: {taken:.1f} s a candidate", flush=True)


def trained(
    shared: Path,
    domains: Domains,
    pair: tuple[str, str],
    seed: int,
    adapter: str,
    methods: Sequence[str],
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """All candidates of these methods with all their epochs, as plain data; how many rows and classes."""
    import zoo
    from zoo.progress import Silent
    from zoo.training.adaptation.adapt import Adapt, candidates_of, defaults_for
    from zoo.training.adaptation.job import AdaptingJob
    from zoo.training.config import FitConfig
    from zoo.training.randomness import seeded

    class Training(AdaptingJob):
        def train(self) -> None:
            """The candidates and nothing of what a fit says of its result."""
            features = self._features()
            with self._taught(features):
                self._by_gradient(features, lambda line: None, None, None)

    folder = shared / "data" / domains.folder
    data = source(folder / pair[0], seed)
    backbone = zoo.load_backbone(domains.backbone.format(shared=shared.resolve()))
    model = zoo.compose(
        smaller(backbone) if adapter == "lora" else backbone,
        zoo.adapter(adapter, {"size": 128} if adapter == "bottleneck" else {}),
        zoo.task("classification", labels=data.labels),
        seed=seed,
    )
    epochs = min(EPOCHS, max(3, round(STEPS[adapter] * BATCH / len(data.splits["train"]))))
    given = {"seed": seed, "baselines": (), "epochs": epochs, "batch_size": BATCH}
    some = Adapt("", METHODS[0], validator=VALIDATORS[0], watched=VALIDATORS)
    config = FitConfig.resolve(defaults_for(some, model), given)
    asked = [
        Adapt(
            "",
            name,
            SMALL.get(name, {}) if adapter == "bottleneck" else {},
            VALIDATORS[0],
            tries=TRIES_OF.get(name, TRIES),
        )
        for name in methods
    ]
    candidates = []
    for adapt in asked:
        if adapt.align == SOURCE_ONLY:
            candidates += [
                each
                for each in candidates_of(Adapt("", METHODS[0], tries=TRIES), config)
                if each.method == SOURCE_ONLY
            ]
        else:
            candidates += [
                each.model_copy(update={"settings": {**adapt.settings, **each.settings}})
                for each in candidates_of(adapt, config)
                if each.method != SOURCE_ONLY
            ]
    with seeded(config.seed):
        target = whole_target(folder / pair[1], model)
        job = Training(model, data, config, Silent(), target, some, candidates)
        job.train()
    rows = {name: len(split) for name, split in data.splits.items()}
    rows |= {"target": len(job.target.inputs), "classes": len(data.labels)}
    return [json.loads(each.model_dump_json()) for each in candidates], rows


@functools.cache
def source(path: Path, seed: int) -> Any:
    """A domain's labelled rows; looking for twins among long texts takes longer than training."""
    import zoo

    return zoo.load_data(path, test_fraction=0.0, seed=seed)


def smaller(backbone: Any) -> Any:
    """The same on smaller inputs, so that all of it can be trained on two cores."""
    if backbone.contract.modality == "text":
        backbone.shorten(TOKENS)
    else:
        backbone.module.pretrained_cfg["input_size"] = (3, SIDE, SIDE)
        backbone.preprocess = type(backbone.preprocess)(backbone.module)
    return backbone


def whole_target(path: Path, model: Any) -> Any:
    """All rows of a domain, to adapt to and to measure on."""
    from dataclasses import replace

    from zoo.training.adaptation.target import read_target

    found = read_target(path, model)
    if found.test is None:
        return found
    return replace(
        found,
        inputs=[*found.inputs, *found.test.inputs],
        labels=[*(found.labels or ()), *found.test.labels],
        test=None,
    )


if __name__ == "__main__":
    main()
