"""What is written for plugin authors is true of the base classes, and leaves no method out."""

import inspect
import re
from collections.abc import Callable

import pytest

from tests.conftest import CHECKOUT
from zoo import plugin

PAGES = [CHECKOUT / "docs" / name for name in ("plugins.md", "plugins/tasks.md", "ranking.md")]
PAGES.append(CHECKOUT / "docs" / "plugins" / "hooks.md")
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
CODE = re.findall(r"`([^`\n]+)`", TEXT)
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.S)
BASES = (
    plugin.Adapter,
    plugin.Backbone,
    plugin.Callback,
    plugin.Labelling,
    plugin.Preprocess,
    plugin.Ranker,
    plugin.Task,
)
# Called by the host alone.
INHERITED = {"Labelling": {"join", "keep", "learn"}, "Task": {"restore", "tuned"}}


def methods(name: str) -> list[Callable[..., object]]:
    return [m for m in (getattr(base, name, None) for base in BASES) if inspect.isfunction(m)]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_every_method_is_described(base: type) -> None:
    named = {word for code in (*CODE, *EXAMPLES) for word in re.findall(r"\w+", code)}
    own = {name for name, m in vars(base).items() if inspect.isfunction(m) and name[0] != "_"}
    assert own - named - INHERITED.get(base.__name__, set()) == set()


CALLS = {call for code in CODE for call in re.findall(r"^(\w+)\(([\w, ]*)\)$", code)}


@pytest.mark.parametrize(("name", "arguments"), sorted(call for call in CALLS if methods(call[0])))
def test_a_method_takes_what_is_written(name: str, arguments: str) -> None:
    given = [word.strip() for word in arguments.split(",") if word.strip()]
    taken = [list(inspect.signature(method).parameters)[1:] for method in methods(name)]
    assert any(given == names[: len(given)] for names in taken), taken
