"""Rules for a plugin as a whole, and for the spec of whatever it provides."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.host import GROUP
from zoo.specs import AdapterSpec, BackboneSpec, Setting, Spec, TaskSpec
from zoo.specs.method import MethodSpec
from zoo.testing.rule import NotApplicable, Rule, require, rule, some
from zoo.testing.subjects import PluginSubject
from zoo.training.config import FitConfig

HEAVY = (
    "accelerate",
    "datasets",
    "jax",
    "keras",
    "open_clip",
    "pandas",
    "peft",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "tensorflow",
    "timm",
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
)
_LONGEST_SUMMARY = 120
_TIMEOUT = 60


@rule("The plugin loads, registers and answers every hook.")
def plugin_works(subject: PluginSubject) -> None:
    """A broken plugin is passed over, so that nothing it provides can be tested."""
    require(subject.plugin.status == "ok", subject.plugin.reason)


@rule("Its hooks import nothing that computes: they are called to list what there is.")
def hooks_import_nothing_heavy(subject: Any) -> None:
    """In a fresh interpreter, since this one may have imported all of it long ago."""
    module = subject.plugin.module.partition(":")[0]
    point = f"{GROUP!r}, {subject.plugin.name!r}, {subject.plugin.module!r}"
    script = (
        "import os, sys; _answer = os.fdopen(os.dup(1), 'w'); os.dup2(2, 1)\n"
        f"sys.path[:] = {sys.path!r}\n"
        f"import {module}\n"
        "from importlib.metadata import EntryPoint\n"
        "from zoo.host import Host\n"
        f"group, name, value = {point}\n"
        "Host([EntryPoint(name=name, value=value, group=group)]).plugins\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=_answer, flush=True)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=_TIMEOUT
    )
    said = answer.stderr.strip().splitlines()
    require(answer.returncode == 0, f"importing {module} fails: {said[-1] if said else ''}")
    heavy = answer.stdout.split()
    require(
        not heavy,
        f"{module} imports {', '.join(heavy)}: move that into the module a loader string names",
    )


@rule("It provides something.", needs=[plugin_works])
def provides_something(subject: PluginSubject) -> str | None:
    """A plugin may also only open a namespace, which cannot be seen from outside."""
    if not subject.plugin.provides:
        raise NotApplicable(
            "it lists nothing; it may open a namespace (`--backbone NAME` tries one)"
        )
    return some(subject.plugin.provides)


@rule("Its spec says what it says in the right types, its summary in one line.")
def spec_is_well_formed(subject: Any) -> None:
    """What the spec itself does not refuse when it is made."""
    spec: Spec = subject.spec
    problems = _of_summary(spec.summary, listed=spec.name in subject.plugin.provides)
    if isinstance(spec, BackboneSpec):
        problems += _of_backbone(spec)
    elif isinstance(spec, (AdapterSpec, TaskSpec, MethodSpec)):
        problems += _of_settings(spec.settings)
    if isinstance(spec, AdapterSpec):
        FitConfig.resolve(spec.training, {})
    if isinstance(spec, TaskSpec) and not _are_texts(spec.modalities):
        problems.append("modalities is not a tuple of texts")
    require(not problems, "; ".join(problems))


def _of_summary(summary: str, *, listed: bool) -> list[str]:
    if listed and not summary.strip():
        return ["there is no summary: one line for the catalogue"]
    if "\n" in summary or len(summary) > _LONGEST_SUMMARY:
        return [f"the summary is not one line of at most {_LONGEST_SUMMARY} characters"]
    return []


def _of_backbone(spec: BackboneSpec) -> list[str]:
    problems = []
    for name in ("params", "feature_size"):
        value = getattr(spec, name)
        if value is not None and not _is_count(value):
            problems.append(f"{name}={value!r} is not a positive whole number")
    size = spec.input_size
    if size is not None and not (isinstance(size, tuple) and all(map(_is_count, size))):
        problems.append(f"input_size={size!r} is not a tuple of positive whole numbers")
    if not _are_texts(spec.tags):
        problems.append(f"tags={spec.tags!r} is not a tuple of texts")
    if spec.license is not None and not (isinstance(spec.license, str) and spec.license.strip()):
        problems.append(f"license={spec.license!r}: leave it out where it is not known")
    if not isinstance(spec.options, Mapping) or not _is_plain(dict(spec.options)):
        problems.append("options is not plain data (texts, numbers, lists, tables)")
    return problems


def _of_settings(settings: Sequence[Setting]) -> list[str]:
    names = [setting.name for setting in settings]
    problems = [f"the setting {n!r} is there twice" for n in sorted({*names}) if names.count(n) > 1]
    problems += [f"the setting {n!r} is no Python name" for n in names if not n.isidentifier()]
    return problems + [
        f"the setting {s.name!r} has no help" for s in settings if not s.help.strip()
    ]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) and item for item in value)


def _is_plain(data: object) -> bool:
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


PLUGIN_RULES: tuple[Rule[Any], ...] = (
    plugin_works,
    hooks_import_nothing_heavy,
    provides_something,
)
