"""Each rule catches the plugin that breaks it, and no other rule has anything against that one."""

import sys

import pytest

from tests.testing import faults
from zoo.host import PluginRecord, installed
from zoo.testing import (
    ADAPTER_RULES,
    BACKBONE_RULES,
    PLUGIN_RULES,
    TASK_RULES,
    IsolatedHost,
    elsewhere,
)
from zoo.testing.plugin_rules import hooks_import_nothing_heavy
from zoo.testing.rule import Subject, rule
from zoo.testing.subjects import AdapterSubject, BackboneSubject, PluginSubject, TaskSubject

OF_THE_MODULE = "hooks_import_nothing_heavy"  # of which this one imports plenty, on purpose
SUFFIXES = (
    "_of_an_adapter",
    "_of_a_task",
    "_replacing",
    "_of_another_modality",
    "_of_values",
    "_of_a_range",
    "_of_channels",
    "_between_processes",
    "_in_what_it_says",
    "_in_place",
    "_of_another_size",
    "_of_every_pooling",
    "_of_rates",
    "_of_rests",
    "_of_a_penalty",
    "_to_the_pooled",
    "_under_gradients",
)


@pytest.fixture(scope="module")
def host():
    with pytest.MonkeyPatch.context() as patch:
        isolated = IsolatedHost(patch)
        for plugin in ("zoo_lora.hooks", "zoo_linear_probe.hooks"):
            assert isolated.add(plugin, name=plugin).status == "ok"
        assert isolated.add(faults, name="faults").status == "ok"
        yield isolated.host
    installed.cache_clear()


def broken(subject, rules):
    verdicts = [subject.verdict(rule) for rule in rules if rule.name != OF_THE_MODULE]
    return {v.rule: v.reason for v in verdicts if v.status == "failed"}


def of_backbone(host, fault):
    provided = host.backbone(f"faulty:{fault}")
    subject = BackboneSubject(provided, seconds=0.1, adapters=["lora", "linear-probe"])
    return broken(subject, BACKBONE_RULES)


def of_adapter(host, fault):
    provided = host.adapter(fault.replace("_", "-"))
    return broken(AdapterSubject(provided, backbones=[]), ADAPTER_RULES)


def of_task(host, fault):
    provided = host.task(f"task-{fault.replace('_', '-')}")
    return broken(TaskSubject(provided, adapters=["lora", "linear-probe"]), TASK_RULES)


def names(rules, faulty):
    """Rule names, by the name of the fault."""
    known = {"spec_is_well_formed", "features_are_as_declared", *faulty}
    by_fault = {fault: fault for fault in sorted(known)}
    for suffix in SUFFIXES:
        by_fault |= {f: f.removesuffix(suffix) for f in known if f.endswith(suffix)}
    return {f: r for f, r in by_fault.items() if r in {rule.name for rule in rules}}


BACKBONES = names(BACKBONE_RULES, faults.BACKBONES)
ADAPTERS = names(ADAPTER_RULES, faults.ADAPTERS)
TASKS = names(TASK_RULES, faults.TASKS)


@pytest.mark.parametrize("fault", BACKBONES)
def test_a_fault_of_a_backbone_is_caught_by_its_rule_alone(host, fault):
    assert of_backbone(host, fault).keys() == {BACKBONES[fault]}


@pytest.mark.parametrize("fault", ADAPTERS)
def test_a_fault_of_an_adapter_is_caught_by_its_rule_alone(host, fault):
    assert of_adapter(host, fault).keys() == {ADAPTERS[fault]}


@pytest.mark.parametrize("fault", TASKS)
def test_a_fault_of_a_task_is_caught_by_its_rule_alone(host, fault):
    assert of_task(host, fault).keys() == {TASKS[fault]}


def test_without_a_fault_they_keep_every_rule(host):
    assert of_backbone(host, "nothing") == {}
    assert of_adapter(host, "nothing") == {}
    assert of_task(host, "nothing") == {}


def test_every_rule_has_a_plugin_that_breaks_it():
    for rules, caught in (
        (BACKBONE_RULES, BACKBONES), (ADAPTER_RULES, ADAPTERS), (TASK_RULES, TASKS)
    ):  # fmt: skip
        assert {rule.name for rule in rules} == {*caught.values(), OF_THE_MODULE}


def of_plugin(zoo_host, folder, source, monkeypatch):
    (folder / "mine_hooks.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "mine_hooks", raising=False)
    subject = PluginSubject(zoo_host.add("mine_hooks", name="mine"))
    return {rule.name: subject.verdict(rule) for rule in PLUGIN_RULES}


SOUND = "from zoo.plugin import TaskSpec, hookimpl\n@hookimpl\ndef zoo_tasks():\n    return []\n"


@pytest.mark.parametrize(
    ("source", "rule", "reason"),
    [
        (f"import torch\n{SOUND}", OF_THE_MODULE, r"mine_hooks imports torch: move that"),
        (
            SOUND.replace("    return", "    import torch\n    return"),
            OF_THE_MODULE,
            "imports torch",
        ),
        (SOUND.replace("[]", "[1 / 0]"), "plugin_works", "ZeroDivisionError"),
    ],
    ids=["heavy", "heavy when asked", "raising"],
)
def test_a_fault_of_a_plugin_is_caught(zoo_host, tmp_path, monkeypatch, source, rule, reason):
    found = of_plugin(zoo_host, tmp_path, source, monkeypatch)
    assert {name for name, v in found.items() if v.status == "failed"} == {rule}
    assert reason in found[rule].reason


def test_a_plugin_that_lists_nothing_is_no_failure(zoo_host, tmp_path, monkeypatch):
    found = of_plugin(zoo_host, tmp_path, SOUND, monkeypatch)
    assert [v.status for v in found.values()] == ["passed", "passed", "skipped"]


@pytest.mark.parametrize(
    "noise",
    [
        "import atexit\natexit.register(print, 'bye from torch')",
        "import os\nos.system('echo scipy and torch')",
    ],
)
def test_what_a_plugin_prints_is_no_import(tmp_path, monkeypatch, noise):
    (tmp_path / "mine_hooks.py").write_text(f"{noise}\n{SOUND}")
    monkeypatch.syspath_prepend(tmp_path)
    subject = PluginSubject(PluginRecord("mine", "mine", "1", module="mine_hooks"))
    assert subject.verdict(hooks_import_nothing_heavy).status == "passed"


class Panic(BaseException):
    """What compiled extensions raise."""


class Mute(BaseException):
    def __str__(self):
        raise self


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (Panic("no device"), "Panic: no device"),
        (Mute(), "Mute: (its message cannot be read)"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_whatever_a_plugin_raises_is_a_verdict_of_the_rule(raised, reason):
    @rule("It does not raise.")
    def stays_calm(subject):
        raise raised

    verdict = Subject().verdict(stays_calm)
    assert (verdict.rule, verdict.status, verdict.reason) == ("stays_calm", "failed", reason)


def test_ctrl_c_ends_a_check():
    @rule("It does not raise.")
    def waits(subject):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Subject().verdict(waits)


def test_a_second_process_that_dies_leaves_its_last_words():
    process = elsewhere._Process()
    process._talk.write(b"Fatal Python error: no device\n\n")
    process._process.kill()
    assert process.ask() == {"error": "Python ends with -9: Fatal Python error: no device"}
