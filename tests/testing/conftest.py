"""The fixture that plugin authors import."""

from zoo.testing import zoo_host

__all__ = ["zoo_host"]
