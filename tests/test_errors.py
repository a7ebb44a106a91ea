"""The tree of errors: as drawn, and saying what to do."""

import inspect
import re

import pytest

from zoo import errors
from zoo.errors import InputError, UnknownName, ZooError


def drawn_tree() -> dict[str, str]:
    """Class name to the name of its base, read from the drawing in the module's docstring."""
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([\s│├└─]*)([A-Z]\w+)\s{2,}\S", line)
        if not found:
            continue
        depth, name = len(found[1]), found[2]
        path = [(d, n) for d, n in path if d < depth]
        parents[name] = path[-1][1] if path else "Exception"
        path.append((depth, name))
    return parents


def test_the_tree_drawn_is_the_tree_there_is() -> None:
    real = {
        name: kind.__base__.__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    assert drawn_tree() == real


def test_bad_input_ends_with_2_and_the_rest_with_1() -> None:
    kinds = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, ZooError)]
    bad_input = {k.__name__ for k in kinds if k.exit_code == 2}
    assert bad_input == {k.__name__ for k in kinds if issubclass(k, InputError)} | {"NotAnArtifact"}
    assert {k.exit_code for k in kinds} == {1, 2}


def test_an_error_is_its_message_and_its_hint() -> None:
    assert str(ZooError("It broke.")) == "It broke."
    assert str(ZooError("It broke.", hint="Mend it.")) == "It broke.\nMend it."


@pytest.mark.parametrize(
    ("name", "known", "advice"),
    [
        ("loar", ["lora", "partial"], "Did you mean 'lora'?"),
        ("lora3", ["lora1", "lora2"], "Did you mean 'lora2' or 'lora1'?"),
        ("zzz", ["lora", "partial"], "Valid: lora, partial."),
        ("zzz", [f"n{i}" for i in range(9)], "Valid: n0, n1, n2, n3, n4, n5, n6, n7, …."),
        ("zzz", [], "No adapter is installed."),
    ],
)
def test_an_unknown_name_is_answered_with_what_is_valid(
    name: str, known: list[str], advice: str
) -> None:
    err = UnknownName("adapter", name, known)
    assert err.message == f"Unknown adapter {name!r}. {advice}"
    assert err.hint == "`zoo adapters` lists them all."
    assert UnknownName("adapter", name, known, hint="Else.").hint == "Else."
