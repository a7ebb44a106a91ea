"""Alignments of source and target, and validators that need no target labels."""
