"""The hooks a plugin may implement. All are called without torch in mind: return specs only.

A plugin is a module named by an entry point of the group ``zoo``::

    [project.entry-points.zoo]
    my-plugin = "my_package.hooks"

It may say which version of this API it was made for, ``ZOO_API = "0.1"``. docs/plugins/hooks.md
describes each hook; tests hold it to the signatures here and run its examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pluggy

from zoo.specs import (
    AdapterSpec,
    AlignmentSpec,
    BackboneSpec,
    CallbackSpec,
    CommandSpec,
    NamespaceSpec,
    RankerSpec,
    TaskSpec,
    ValidatorSpec,
)

PROJECT = "zoo"

# Of the plugin API, and declared here alone. A minor version may take away what the one before it
# deprecated (zoo.deprecated), and is this host's own: zoo 0.1.x has API 0.1.
API_VERSION = "0.1"

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
def zoo_namespaces() -> Sequence[NamespaceSpec]:  # type: ignore[empty-body]
    """The namespaces that ``zoo_resolve_backbone`` opens, so that people can be told of them.

    Example::

        @hookimpl
        def zoo_namespaces():
            return [NamespaceSpec(name="mine", example="mine:anything", modality="image")]
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


@hookspec
def zoo_rankers() -> Sequence[RankerSpec]:  # type: ignore[empty-body]
    """Rankers: estimates, from frozen features, of how well a backbone will transfer.

    Example::

        @hookimpl
        def zoo_rankers():
            return [RankerSpec(name="mine", loader="mine.ranker:Mine")]
    """


@hookspec
def zoo_alignments() -> Sequence[AlignmentSpec]:  # type: ignore[empty-body]
    """Alignments: domain-adaptation terms that are added to the loss.

    Example::

        @hookimpl
        def zoo_alignments():
            return [AlignmentSpec(name="mine", loader="mine.alignment:Mine")]
    """


@hookspec
def zoo_validators() -> Sequence[ValidatorSpec]:  # type: ignore[empty-body]
    """Validators: judges of models on a target domain that need none of its labels.

    Example::

        @hookimpl
        def zoo_validators():
            return [ValidatorSpec(name="mine", loader="mine.validator:Mine")]
    """


@hookspec
def zoo_callbacks() -> Sequence[CallbackSpec]:  # type: ignore[empty-body]
    """Callbacks: what is told how a fit goes, such as loggers.

    Example::

        @hookimpl
        def zoo_callbacks():
            return [CallbackSpec(name="mine", loader="mine.callback:Mine")]
    """


@hookspec
def zoo_commands() -> Sequence[CommandSpec]:  # type: ignore[empty-body]
    """Commands of the command line.

    Example::

        @hookimpl
        def zoo_commands():
            return [CommandSpec(name="mine", loader="mine.cli:mine", summary="what it does")]
    """


@hookspec
def zoo_before_push(repo: str, manifest: Mapping[str, Any]) -> str | None:
    """Look at an artifact before it leaves this machine; a reason that is returned refuses it.

    Args:
        repo: where it would go, ``owner/name``.
        manifest: what its ``zoo.json`` says, as plain data.

    A hook that raises refuses too: a gate that is broken is shut.

    Example::

        @hookimpl
        def zoo_before_push(repo, manifest):
            if manifest["license"] is None:
                return "our models need a licence"
    """


@hookspec
def zoo_after_pull(repo: str, commit: str, folder: Path) -> None:
    """Told of an artifact that was pulled, and answers as the one that was pushed.

    Args:
        repo: where it came from, ``owner/name``.
        commit: of the repo.
        folder: where its files are; they belong to the cache and are not to be changed.

    Example::

        @hookimpl
        def zoo_after_pull(repo, commit, folder):
            with open("pulled.log", "a") as log:
                print(repo, commit, file=log)
    """
