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


class _Kit:
    """Asks each rule of the subject."""

    rules: ClassVar[Sequence[Rule[Any]]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each rule."""
        if "rule" in metafunc.fixturenames:
            metafunc.parametrize("rule", self.rules, ids=[rule.name for rule in self.rules])

    def test_rule(self, rule: Rule[Any], subject: Subject) -> None:
        """Hold the subject to one rule."""
        try:
            rule.hold(subject)
        except NotApplicable as reason:
            pytest.skip(str(reason))


class BackboneKit(_Kit):
    """Tests of a backbone.

    Attributes:
        backbone: its name or alias; choose a tiny configuration, since it is loaded many times.
        weights: a folder with its weights; by default they are random.
        pretrained: load the real weights, from wherever the loader finds them.
        seconds: how long loading and a first answer may take.
        adapters: names of those to try on it; by default zoo's own and its plugin's.
    """

    rules = BACKBONE_RULES
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


class AdapterKit(_Kit):
    """Tests of an adapter.

    Attributes:
        adapter: its name.
        settings: other than its defaults.
        backbones: names to try it on besides the reference backbones; by default zoo's own and
            its plugin's that are tagged tiny.
    """

    rules = ADAPTER_RULES
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


class TaskKit(_Kit):
    """Tests of a task.

    Attributes:
        task: its name.
        settings: other than its defaults.
        labels: names of its outputs, in order; by default those of ``rows``, or of its own example.
        rows: labels as data gives them; by default its own example.
        adapters: names of those to train it with; by default zoo's own and its plugin's.
    """

    rules = TASK_RULES
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


class RankerKit(_Kit):
    """Tests of a ranker.

    Attributes:
        ranker: its name.
        settings: other than its defaults.
    """

    rules = RANKER_RULES
    ranker: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> RankerSubject:
        """What the rules are asked of."""
        return RankerSubject(installed().ranker(cls.ranker), settings=cls.settings)


class AlignmentKit(_Kit):
    """Tests of an alignment.

    Attributes:
        alignment: its name.
        settings: other than its defaults.
    """

    rules = ALIGNMENT_RULES
    alignment: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> AlignmentSubject:
        """What the rules are asked of."""
        return AlignmentSubject(installed().alignment(cls.alignment), settings=cls.settings)


class ValidatorKit(_Kit):
    """Tests of a validator.

    Attributes:
        validator: its name.
        settings: other than its defaults.
    """

    rules = VALIDATOR_RULES
    validator: ClassVar[str]
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> ValidatorSubject:
        """What the rules are asked of."""
        return ValidatorSubject(installed().validator(cls.validator), settings=cls.settings)
