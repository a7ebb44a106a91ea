"""docs/plugins/hooks.md: each hook, with its exact signature and an example that runs."""

import importlib
import inspect
import re

import pytest

import zoo
from tests.conftest import CHECKOUT
from tests.plugin_site import PluginSite
from zoo import hookspecs
from zoo.deprecated import PluginDeprecation
from zoo.plugin import API_VERSION

PAGE = (CHECKOUT / "docs" / "plugins" / "hooks.md").read_text(encoding="utf-8")
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("zoo_")}
SECTIONS = dict(re.findall(r"^## (zoo_\w+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))


def code(hook: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", SECTIONS[hook], re.S)


def test_the_page_has_the_hooks_there_are() -> None:
    assert set(SECTIONS) == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_with_its_signature(hook: str) -> None:
    # Annotations are strings in hookspecs, so this is how they are written there.
    signature = str(inspect.signature(HOOKS[hook])).replace("'", "")
    assert " ".join(code(hook)[0].split()) == f"def {hook}{signature}"


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_runs(hook: str, site: PluginSite) -> None:
    _, example = code(hook)
    site.add("zoo-mine", example, name="mine")
    host = site.host()
    (record,) = host.plugins
    assert (record.status, record.reason) == ("ok", "")
    module = importlib.import_module("zoo_mine")
    assert hasattr(getattr(module, hook), f"{hookspecs.PROJECT}_impl")
    if hook == "zoo_resolve_backbone":
        assert host.backbone("mine:x").spec.options == {"which": "x"}
    elif str(inspect.signature(HOOKS[hook])).startswith("()"):
        assert record.provides


def test_the_version_is_declared_once_and_is_that_of_the_minor_release() -> None:
    assert zoo.__version__.startswith(f"{API_VERSION}.")
    assert f"the version of this page, `{API_VERSION}`" in PAGE


def test_what_was_deprecated_goes_in_time() -> None:
    """A hook or an argument past its last version is to be removed from zoo/hookspecs.py."""
    now = tuple(map(int, API_VERSION.split(".")))
    for name, hook in HOOKS.items():
        options = hook.zoo_spec
        warnings = [options["warn_on_impl"], *(options["warn_on_impl_args"] or {}).values()]
        for warning in filter(None, warnings):
            assert isinstance(warning, PluginDeprecation), name
            assert tuple(map(int, warning.removed_in.split("."))) > now, name
