"""Ways through the combinations of a sweep: all of them, or those that look promising."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from zoo.errors import BadSetting

Axes = Mapping[str, Sequence[Any]]
Combination = dict[str, Any]
Search = Generator[Combination, float | None, None]
"""Yields combinations, and is sent what came of each: lower is better, ``None`` a failure."""


def grid(axes: Axes) -> Search:
    """Every combination, the last axis fastest."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def optuna(axes: Axes, *, trials: int, seed: int) -> Search:
    """Combinations that Optuna's TPE (Bergstra et al. 2011) proposes after those before.

    Raises:
        BadSetting: Optuna is not installed.
    """
    try:
        import optuna as library
    except ImportError as err:
        raise BadSetting(
            "--search optuna needs Optuna, which is not installed.",
            hint="`pip install 'zoo[sweep]'`, or leave it out for the whole grid.",
        ) from err
    library.logging.set_verbosity(library.logging.WARNING)
    study = library.create_study(sampler=library.samplers.TPESampler(seed=seed))
    for _ in range(trials):
        trial = study.ask()
        # By position: a choice of Optuna's is a number or a text, and ours may be anything.
        chosen = {
            name: values[trial.suggest_int(name, 0, len(values) - 1)]
            if len(values) > 1
            else values[0]
            for name, values in axes.items()
        }
        value = yield chosen
        if value is None:
            study.tell(trial, state=library.trial.TrialState.FAIL)
        else:
            study.tell(trial, value)
