"""Fixtures: `zoo_host` is a host with the plugins that a test puts there, and no others."""

from zoo.testing import zoo_host

__all__ = ["zoo_host"]
