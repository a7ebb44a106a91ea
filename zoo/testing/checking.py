"""All rules on everything that one plugin provides: what ``zoo plugin check`` shows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.errors import Incompatible, UnknownName
from zoo.host import Host, PluginRecord, Provided, installed
from zoo.model import Weights
from zoo.specs import BackboneSpec
from zoo.testing.adapter_rules import ADAPTER_RULES
from zoo.testing.alignment_rules import ALIGNMENT_RULES
from zoo.testing.backbone_rules import BACKBONE_RULES
from zoo.testing.methods import AlignmentSubject, RankerSubject, ValidatorSubject
from zoo.testing.plugin_rules import PLUGIN_RULES, spec_is_well_formed
from zoo.testing.ranker_rules import RANKER_RULES
from zoo.testing.rule import Rule, Subject, Verdict
from zoo.testing.subjects import (
    TINY,
    TINY_SECONDS,
    AdapterSubject,
    BackboneSubject,
    PluginSubject,
    TaskSubject,
    ours_or,
)
from zoo.testing.task_rules import TASK_RULES
from zoo.testing.validator_rules import VALIDATOR_RULES

_OF_THE_PLUGIN = {rule.name for rule in PLUGIN_RULES}  # asked once, of the plugin
Piece = tuple[Subject, Sequence[Rule[Any]]]


def check(
    name: str,
    *,
    backbones: Sequence[str] = (),
    adapters: Sequence[str] = (),
    weights: Path | None = None,
) -> list[Callable[[], Verdict]]:
    """What there is to ask of a plugin and of all it provides; each call gives one verdict.

    Of the backbones that it lists, those tagged tiny are built and tried, or the smallest where
    none is; the others' specs are looked at.

    Args:
        name: of the plugin, or of its distribution.
        backbones: those to build and try instead, in its open namespaces too; an adapter is tried
            on them besides the tiny ones.
        adapters: those to try on backbones and with tasks; by default zoo's own and this plugin's.
        weights: a folder with the weights of those backbones; by default they are random.

    Raises:
        UnknownName: no such plugin, backbone or adapter is installed.
        Incompatible: another plugin provides the backbone, and this one provides no adapter; or
            nothing could be given the weights.
    """
    host = installed()
    records = _records(host, name)
    chosen = [registry.load().backbone(host, each) for each in backbones]
    tried = [host.adapter(each).spec.name for each in adapters] or None
    pieces = [
        piece for record in records for piece in _pieces(host, record, chosen, tried, weights)
    ]
    _require_use(records, chosen, pieces)
    if weights is not None and not any(_is_built(*piece) for piece in pieces):
        raise Incompatible(
            f"{name} has no backbone that could have the weights in {weights}.",
            hint="Leave out --weights, or name one of its open namespaces with --backbone.",
        )
    return [functools.partial(subject.verdict, rule) for subject, rules in pieces for rule in rules]


def _records(host: Host, name: str) -> list[PluginRecord]:
    records = [record for record in host.plugins if name in (record.name, record.distribution)]
    if not records:
        known = {r.name for r in host.plugins} | {r.distribution for r in host.plugins}
        raise UnknownName("plugin", name, known)
    return records


def _pieces(
    host: Host,
    record: PluginRecord,
    chosen: Sequence[Provided[BackboneSpec]],
    adapters: Sequence[str] | None,
    weights: Path | None,
) -> Iterator[Piece]:
    yield PluginSubject(record), PLUGIN_RULES
    own = [p for p in host.backbones if p.plugin is record]
    given = [p for p in chosen if p.plugin is record]
    tried = given or _tiny(own)
    for provided in tried:
        is_tiny = TINY in provided.spec.tags
        subject = BackboneSubject(
            provided,
            weights=Weights(weights, pretrained=weights is not None),
            seconds=TINY_SECONDS if is_tiny else None,
            adapters=adapters,
        )
        yield subject, _without(BACKBONE_RULES)
    for provided in own:
        if provided not in tried:
            yield BackboneSubject(provided), [spec_is_well_formed]
    foreign = [p.spec.name for p in chosen if p.plugin is not record]
    extra = [p.spec.name for p in ours_or(record, host.backbones) if TINY in p.spec.tags] + foreign
    for adapter in host.adapters:
        if adapter.plugin is record:
            yield AdapterSubject(adapter, backbones=extra), _without(ADAPTER_RULES)
    for task in host.tasks:
        if task.plugin is record:
            yield TaskSubject(task, adapters=adapters), _without(TASK_RULES)
    for ranker in host.rankers:
        if ranker.plugin is record:
            yield RankerSubject(ranker), _without(RANKER_RULES)
    for alignment in host.alignments:
        if alignment.plugin is record:
            yield AlignmentSubject(alignment), _without(ALIGNMENT_RULES)
    for validator in host.validators:
        if validator.plugin is record:
            yield ValidatorSubject(validator), _without(VALIDATOR_RULES)


def _tiny(own: Sequence[Provided[BackboneSpec]]) -> list[Provided[BackboneSpec]]:
    tagged = [p for p in own if TINY in p.spec.tags]
    return tagged or sorted(own, key=lambda p: p.spec.params or float("inf"))[:1]


def _without(rules: Sequence[Rule[Any]]) -> list[Rule[Any]]:
    return [rule for rule in rules if rule.name not in _OF_THE_PLUGIN]


def _is_built(subject: Subject, rules: Sequence[Rule[Any]]) -> bool:
    return isinstance(subject, BackboneSubject) and rules != [spec_is_well_formed]


def _require_use(
    records: Sequence[PluginRecord],
    chosen: Sequence[Provided[BackboneSpec]],
    pieces: Sequence[Piece],
) -> None:
    has_adapter = any(isinstance(subject, AdapterSubject) for subject, _ in pieces)
    foreign = [p for p in chosen if p.plugin not in records]
    if foreign and not has_adapter:
        raise Incompatible(
            f"{foreign[0].spec.name} is of {foreign[0].plugin.origin}.",
            hint=f"Check that one: `zoo plugin check {foreign[0].plugin.distribution}`.",
        )
