"""The YAML metadata at the head of a model card."""

from __future__ import annotations

import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with huggingface_hub, without types

_BLOCK = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def metadata(text: str) -> dict[str, Any]:
    """The metadata of a card as plain JSON data; empty where the card begins without any.

    Raises:
        ValueError: the block is not YAML, not a mapping, or uses aliases, which can grow without end.
    """
    block = _BLOCK.match(text)
    if block is None:
        return {}
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(block[1])):
            raise ValueError("YAML aliases are not allowed")
        found = yaml.safe_load(block[1])
    except yaml.YAMLError as err:
        raise ValueError(f"not valid YAML: {err}") from err
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("the metadata is not a mapping")
    return {str(key): _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    """Dates, which YAML has and JSON has not, as text."""
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
