"""How a hook, or an argument of one, of the plugin API goes: it works and warns for one minor release.

Give the warning to ``hookspec``, which pluggy raises for every plugin that still uses it::

    @hookspec(warn_on_impl=deprecated("zoo_old_hook", removed_in="0.3", instead="zoo_new_hook"))
    def zoo_old_hook(): ...

    @hookspec(warn_on_impl_args={"old": deprecated("'old'", removed_in="0.3", instead="'new'")})
    def zoo_hook(new, old): ...

The host keeps what pluggy warns of, and `zoo plugins` and `zoo doctor` show it. A test fails when
the version in ``removed_in`` has come and the thing is still there.
"""

from __future__ import annotations


class PluginDeprecation(FutureWarning):
    """A plugin uses what the next minor release of the plugin API will not have."""

    def __init__(self, message: str, removed_in: str) -> None:
        super().__init__(message)
        self.removed_in = removed_in


def deprecated(what: str, *, removed_in: str, instead: str) -> PluginDeprecation:
    """The warning for ``what``.

    Args:
        what: a hook, or an argument of one.
        removed_in: the version of the plugin API that does not have it any more.
        instead: what a plugin uses from now on.
    """
    return PluginDeprecation(
        f"{what} goes with version {removed_in} of the plugin API; use {instead}.", removed_in
    )
