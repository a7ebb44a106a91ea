"""Adapters for zoo that train the backbone's own weights."""
