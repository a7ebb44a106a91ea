"""Every `zoo …` and `--option` that a message tells people to type exists."""

import re

import pytest

from tests.cli.commands import zoo

_QUOTED = re.compile(r"`(zoo [^`]+|--[^`]+)`")
_FOLDERS = ("zoo", "plugins", "adapters")


def typed(checkout):
    """What messages, docstrings and templates quote as something to type, with its file."""
    found = {}
    for folder in _FOLDERS:
        for path in (checkout / folder).rglob("*"):
            if path.suffix in (".py", ".j2") and "build" not in path.parts:
                for words in _QUOTED.findall(path.read_text(encoding="utf-8")):
                    found.setdefault(words, path.relative_to(checkout))
    return found


@pytest.fixture(scope="module")
def wide():
    """A terminal in which the longest option is not cut off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        yield


@pytest.fixture(scope="module")
def helps(wide):
    """The help of each command, by name."""
    names = re.findall(r"^│ (\w+) ", zoo("--help").out, re.MULTILINE)
    assert "fit" in names
    found = {name: zoo(name, "--help").out for name in names}
    for group in [name for name, text in found.items() if "COMMAND [ARGS]" in text]:
        for name in re.findall(r"^│ (\w+) ", found[group], re.MULTILINE):
            found[group] += zoo(group, name, "--help").out
    return found


def test_commands_and_options_in_messages_exist(checkout, helps):
    every = " ".join([*helps.values(), zoo("--help").out])
    checked = 0
    for words, path in typed(checkout).items():
        first = words.split()[1] if words.startswith("zoo ") else ""
        known = helps.get(first, every)
        if first and not first.startswith(("-", "{", "…")):
            assert first in helps, f"{path} tells people to type `{words}`"
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", words):
            assert option in known, f"{path} tells people to type `{words}`"
        checked += 1
    assert checked > 20
