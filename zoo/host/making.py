"""Making what a spec describes, and holding it to its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import PluginError
from zoo.host.host import installed
from zoo.host.record import Provided
from zoo.specs import check_settings


def make_kind(kind: type, provided: Provided[Any], *arguments: object) -> Any:
    """What a spec's loader makes of ``arguments``.

    Raises:
        PluginError: it is not of that kind, or as :meth:`Host.make`.
    """
    made = installed().make(provided, provided.spec, *arguments)
    if not isinstance(made, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise PluginError(
            f"{provided.plugin.origin}: {provided.spec.name!r} is not {article} {kind.__name__}."
        )
    return made


def make_with_settings(
    kind: type, provided: Provided[Any], settings: Mapping[str, object] | None = None
) -> Any:
    """What a spec's loader makes of checked settings.

    Raises:
        BadSetting: a setting it does not have.
        PluginError: as :func:`make_kind`.
    """
    spec = provided.spec
    return make_kind(kind, provided, check_settings(spec.name, spec.settings, settings or {}))
