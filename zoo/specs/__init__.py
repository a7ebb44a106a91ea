"""What plugins return: frozen, torch-free descriptions, validated at birth.

What is printed and written to JSON must be of its type, or one spec would break every listing.
"""

from zoo.settings import Setting, check_settings
from zoo.specs.adaptation import AlignmentSpec, ValidatorSpec
from zoo.specs.adapter import AdapterSpec
from zoo.specs.backbone import BackboneSpec, Fact, NamespaceSpec, Verified, is_backbone_name
from zoo.specs.callback import CallbackSpec
from zoo.specs.command import CommandSpec
from zoo.specs.ranker import RankerSpec
from zoo.specs.task import TaskSpec, misfit, works_on

Spec = (
    BackboneSpec
    | AdapterSpec
    | TaskSpec
    | RankerSpec
    | AlignmentSpec
    | ValidatorSpec
    | CallbackSpec
    | NamespaceSpec
    | CommandSpec
)

__all__ = [
    "AdapterSpec",
    "AlignmentSpec",
    "BackboneSpec",
    "CallbackSpec",
    "CommandSpec",
    "Fact",
    "NamespaceSpec",
    "RankerSpec",
    "Setting",
    "Spec",
    "TaskSpec",
    "ValidatorSpec",
    "Verified",
    "check_settings",
    "is_backbone_name",
    "misfit",
    "works_on",
]
