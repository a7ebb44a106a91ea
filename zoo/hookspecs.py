"""The hooks a plugin may implement. All are called without torch in mind: return specs only.

A plugin is a module named by an entry point of the group ``zoo``::

    [project.entry-points.zoo]
    my-plugin = "my_package.hooks"
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from zoo.specs import AdapterSpec, BackboneSpec, TaskSpec

PROJECT = "zoo"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def zoo_backbones() -> Sequence[BackboneSpec]:  # type: ignore[empty-body]
    """Backbones that can be listed.

    Example::

        @hookimpl
        def zoo_backbones():
            return [BackboneSpec(name="vision:mine", loader="mine.model:load", modality="image")]
    """


@hookspec
def zoo_resolve_backbone(name: str) -> BackboneSpec | None:
    """Describe ``name`` if it is in a namespace this plugin opens, else return ``None``.

    Example::

        @hookimpl
        def zoo_resolve_backbone(name):
            if name.startswith("mine:"):
                return BackboneSpec(name=name, loader="mine.model:load", modality="image")
    """


@hookspec
def zoo_adapters() -> Sequence[AdapterSpec]:  # type: ignore[empty-body]
    """Adapters.

    Example::

        @hookimpl
        def zoo_adapters():
            return [AdapterSpec(name="mine", loader="mine.adapter:Mine")]
    """


@hookspec
def zoo_tasks() -> Sequence[TaskSpec]:  # type: ignore[empty-body]
    """Tasks.

    Example::

        @hookimpl
        def zoo_tasks():
            return [TaskSpec(name="mine", loader="mine.task:Mine")]
    """
