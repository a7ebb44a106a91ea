"""The plugin host: discovery through the entry-point group ``zoo``, and isolation.

A plugin can break at load, at registration, or in a hook; it can hang, print, leave, or change what
is not its own. Whatever breaks is recorded with the plugin's name and distribution, and everything
else goes on.
"""

from zoo.host.discovery import GROUP
from zoo.host.host import Host, installed, require
from zoo.host.making import make_kind, make_with_settings
from zoo.host.record import PluginRecord, Provided

__all__ = [
    "GROUP",
    "Host",
    "PluginRecord",
    "Provided",
    "installed",
    "make_kind",
    "make_with_settings",
    "require",
]
