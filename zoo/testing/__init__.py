"""The conformance kit: rules that hold a plugin to what zoo expects, for pytest and for the command.

Subclass a kit in your tests; each rule becomes a test::

    from zoo.testing import BackboneKit

    class TestMine(BackboneKit):
        backbone = "mine:tiny"

``zoo plugin check`` asks the very same rules. :func:`zoo_host` is a pytest fixture: a host with the
plugins that a test puts there, and none of those that are installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.testing.adapter_rules import ADAPTER_RULES
    from zoo.testing.alignment_rules import ALIGNMENT_RULES
    from zoo.testing.backbone_rules import BACKBONE_RULES
    from zoo.testing.checking import check
    from zoo.testing.fixtures import IsolatedHost, zoo_host
    from zoo.testing.kits import (
        AdapterKit,
        AlignmentKit,
        BackboneKit,
        RankerKit,
        TaskKit,
        ValidatorKit,
    )
    from zoo.testing.plugin_rules import PLUGIN_RULES
    from zoo.testing.ranker_rules import RANKER_RULES
    from zoo.testing.rule import Broken, NotApplicable, Rule, Verdict
    from zoo.testing.task_rules import TASK_RULES
    from zoo.testing.validator_rules import VALIDATOR_RULES

# Kits and the fixture need pytest, which the command does not.
_HOMES = {
    "ADAPTER_RULES": "adapter_rules",
    "ALIGNMENT_RULES": "alignment_rules",
    "AdapterKit": "kits",
    "AlignmentKit": "kits",
    "BACKBONE_RULES": "backbone_rules",
    "BackboneKit": "kits",
    "Broken": "rule",
    "IsolatedHost": "fixtures",
    "NotApplicable": "rule",
    "PLUGIN_RULES": "plugin_rules",
    "RANKER_RULES": "ranker_rules",
    "RankerKit": "kits",
    "Rule": "rule",
    "TASK_RULES": "task_rules",
    "TaskKit": "kits",
    "VALIDATOR_RULES": "validator_rules",
    "ValidatorKit": "kits",
    "Verdict": "rule",
    "check": "checking",
    "zoo_host": "fixtures",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"zoo.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ADAPTER_RULES",
    "ALIGNMENT_RULES",
    "BACKBONE_RULES",
    "PLUGIN_RULES",
    "RANKER_RULES",
    "TASK_RULES",
    "VALIDATOR_RULES",
    "AdapterKit",
    "AlignmentKit",
    "BackboneKit",
    "Broken",
    "IsolatedHost",
    "NotApplicable",
    "RankerKit",
    "Rule",
    "TaskKit",
    "ValidatorKit",
    "Verdict",
    "check",
    "zoo_host",
]
