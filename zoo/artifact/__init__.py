"""Artifacts: a composed model on disk, which is file for file also a Hub repo."""
