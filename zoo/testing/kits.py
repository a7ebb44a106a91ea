"""Test classes to subclass: every rule is a test, on what you name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from zoo import registry
from zoo.host import installed
from zoo.model import Weights
from zoo.testing.adapter_rules import ADAPTER_RULES
from zoo.testing.alignment_rules import ALIGNMENT_RULES
from zoo.testing.backbone_rules import BACKBONE_RULES
from zoo.testing.methods import AlignmentSubject, RankerSubject, ValidatorSubject
from zoo.testing.ranker_rules import RANKER_RULES
from zoo.testing.rule import NotApplicable, Rule, Subject
from zoo.testing.subjects import (
    TINY_SECONDS,
    AdapterSubject,
    BackboneSubject,
    TaskSubject,
)
from zoo.testing.task_rules import TASK_RULES
from zoo.testing.validator_rules import VALIDATOR_RULES


def _names(rules: Sequence[Rule[Any]]) -> list[str]:
    return [rule.name for rule in rules]


def _ask(rule: Rule[Any], subject: Subject) -> None:
    try:
        rule.hold(subject)
    except NotApplicable as reason:
        pytest.skip(str(reason))


class BackboneKit:
    """Tests of a backbone.

    Attributes:
        backbone: its name or alias; choose a tiny configuration, since it is loaded many times.
        weights: a folder with its weights; by default they are random.
        pretrained: load the real weights, from wherever the loader finds them.
        seconds: how long loading and a first answer may take.
        adapters: names of those to try on it; by default zoo's own and its plugin's.
    """

    backbone: ClassVar[str]
    weights: ClassVar[Path | None] = None
    pretrained: ClassVar[bool] = False
    seconds: ClassVar[float | None] = TINY_SECONDS
    adapters: ClassVar[Sequence[str] | None] = None

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> BackboneSubject:
        """What the rules are asked of."""
        return BackboneSubject(
            registry.load().backbone(installed(), cls.backbone),
            weights=Weights(cls.weights, pretrained=cls.pretrained or cls.weights is not None),
            seconds=cls.seconds,
            adapters=cls.adapters,
        )

    @pytest.mark.parametrize("rule", BACKBONE_RULES, ids=_names(BACKBONE_RULES))
    def test_rule(self, rule: Rule[Any], subject: BackboneSubject) -> None:
        """Hold the backbone to one rule."""
        _ask(rule, subject)


class AdapterKit:
    """Tests of an adapter.

    Attributes:
        adapter: its name.
        settings: other than its defaults.
        backbones: names to try it on besides the reference backbones; by default zoo's own and
            its plugin's that are tagged tiny.
    """

    adapter: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}
    backbones: ClassVar[Sequence[str] | None] = None

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> AdapterSubject:
        """What the rules are asked of."""
        return AdapterSubject(
            installed().adapter(cls.adapter), settings=cls.settings, backbones=cls.backbones
        )

    @pytest.mark.parametrize("rule", ADAPTER_RULES, ids=_names(ADAPTER_RULES))
    def test_rule(self, rule: Rule[Any], subject: AdapterSubject) -> None:
        """Hold the adapter to one rule."""
        _ask(rule, subject)


class TaskKit:
    """Tests of a task.

    Attributes:
        task: its name.
        settings: other than its defaults.
        labels: names of its outputs, in order; by default those of ``rows``, or of its own example.
        rows: labels as data gives them; by default its own example.
        adapters: names of those to train it with; by default zoo's own and its plugin's.
    """

    task: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}
    labels: ClassVar[Sequence[str] | None] = None
    rows: ClassVar[Sequence[str] | None] = None
    adapters: ClassVar[Sequence[str] | None] = None

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> TaskSubject:
        """What the rules are asked of."""
        return TaskSubject(
            installed().task(cls.task),
            labels=cls.labels,
            rows=cls.rows,
            settings=cls.settings,
            adapters=cls.adapters,
        )

    @pytest.mark.parametrize("rule", TASK_RULES, ids=_names(TASK_RULES))
    def test_rule(self, rule: Rule[Any], subject: TaskSubject) -> None:
        """Hold the task to one rule."""
        _ask(rule, subject)


class RankerKit:
    """Tests of a ranker.

    Attributes:
        ranker: its name.
        settings: other than its defaults.
    """

    ranker: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> RankerSubject:
        """What the rules are asked of."""
        return RankerSubject(installed().ranker(cls.ranker), settings=cls.settings)

    @pytest.mark.parametrize("rule", RANKER_RULES, ids=_names(RANKER_RULES))
    def test_rule(self, rule: Rule[Any], subject: RankerSubject) -> None:
        """Hold the ranker to one rule."""
        _ask(rule, subject)


class AlignmentKit:
    """Tests of an alignment.

    Attributes:
        alignment: its name.
        settings: other than its defaults.
    """

    alignment: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> AlignmentSubject:
        """What the rules are asked of."""
        return AlignmentSubject(installed().alignment(cls.alignment), settings=cls.settings)

    @pytest.mark.parametrize("rule", ALIGNMENT_RULES, ids=_names(ALIGNMENT_RULES))
    def test_rule(self, rule: Rule[Any], subject: AlignmentSubject) -> None:
        """Hold the alignment to one rule."""
        _ask(rule, subject)


class ValidatorKit:
    """Tests of a validator.

    Attributes:
        validator: its name.
        settings: other than its defaults.
    """

    validator: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> ValidatorSubject:
        """What the rules are asked of."""
        return ValidatorSubject(installed().validator(cls.validator), settings=cls.settings)

    @pytest.mark.parametrize("rule", VALIDATOR_RULES, ids=_names(VALIDATOR_RULES))
    def test_rule(self, rule: Rule[Any], subject: ValidatorSubject) -> None:
        """Hold the validator to one rule."""
        _ask(rule, subject)
