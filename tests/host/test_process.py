"""What all plugins share in a process is as before after each, and who changed it is named."""

import gc
import itertools
import json
import os
import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import pytest

import zoo.specs
from tests.plugin_site import PluginSite
from zoo.host import Host
from zoo.host.process import Shared
from zoo.host.tampering import Watch
from zoo.switches import Switches

DEEDS = {
    "the working directory": ("os.chdir('/')", "changed the working directory"),
    "how deep calls go": ("sys.setrecursionlimit(150)", "changed the recursion limit"),
    "a variable": ("os.environ['ZOO_OF_A_USER'] = 'x'", "changed ZOO_OF_A_USER in the environment"),
    "no variable": ("del os.environ['ZOO_OF_A_USER']", "changed ZOO_OF_A_USER in the environment"),
    "another environment": ("os.environ = {}", ""),
    "a folder": ("sys.path.remove(HERE)", "took {here} from sys.path"),
    "another path": ("sys.path = []", " from sys.path"),
    "a module of zoo": ("del sys.modules['zoo.specs']", "took zoo.specs from sys.modules"),
    "another module": ("sys.modules['json'] = sys", "took json from sys.modules"),
    "a function of Python": ("json.dumps = print", "replaced json.dumps"),
    "what tells of errors": (
        "threading.excepthook = sys.excepthook = None",
        "replaced sys.excepthook, threading.excepthook",
    ),
}


def state() -> list[object]:
    return [
        os.getcwd(),
        sys.getrecursionlimit(),
        os.environ,
        dict(os.environ),
        sys.path,
        list(sys.path),
        sys.modules["zoo.specs"] is zoo.specs,
        json.dumps,
        sys.excepthook,
        threading.excepthook,
    ]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("where", ["at load", "in a hook"])
def test_what_a_plugin_changes_for_all_is_named_and_put_back(
    site: PluginSite, monkeypatch: pytest.MonkeyPatch, deed: str, where: str
) -> None:
    code, named = DEEDS[deed]
    monkeypatch.setenv("ZOO_OF_A_USER", "1")
    here = str(site.folder)
    hook = "@hookimpl\ndef zoo_tasks():\n    {}\n    return []\n"
    code = f"{code}\n{hook.format('pass')}" if where == "at load" else hook.format(code)
    site.add("zoo-a-ape", f"import json, os, sys, threading\nHERE = {here!r}\n{code}")
    site.add(
        "zoo-good", "@hookimpl\ndef zoo_tasks():\n    return [TaskSpec(name='t', loader='x:y')]\n"
    )
    before = state()
    ape, good = site.host().plugins
    assert state() == before
    assert ape.status == ("broken" if named else "ok")
    assert ape.reason.endswith(named.format(here=here))
    assert (good.status, good.provides) == ("ok", ["t"])


def test_what_it_did_before_it_hangs_is_put_back_and_no_neighbours_fault(site: PluginSite) -> None:
    site.add("zoo-a-slow", "import os, time\nos.chdir('/')\ntime.sleep(3)\n")
    site.add(
        "zoo-good", "@hookimpl\ndef zoo_tasks():\n    return [TaskSpec(name='t', loader='x:y')]\n"
    )
    before = state()
    slow, good = Host(site.points(), switches=Switches(limit=2)).plugins
    assert state() == before
    assert "took longer than 2 s" in slow.reason
    assert good.status == "ok", good.reason
    while any(thread.name == "zoo-plugins" for thread in threading.enumerate()):
        time.sleep(0.05)


def test_a_plugin_may_add_to_them(site: PluginSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OF_A_USER", "1")
    monkeypatch.delenv("ZOO_OF_A_PLUGIN", raising=False)
    mine = site.folder / "vendored"
    mine.mkdir()
    (mine / "zoo_vendored.py").write_text("")
    (mine / "json.py").write_text("1 / 0")
    site.add(
        "zoo-adds",
        "import os, sys\n"
        "os.environ.setdefault('ZOO_OF_A_PLUGIN', '1')\nos.environ['ZOO_OF_A_USER'] = '1'\n"
        f"sys.path.insert(0, {str(mine)!r})\nimport zoo_vendored\n",
    )
    try:
        assert site.host().plugins[0].status == "ok"
        assert os.environ.pop("ZOO_OF_A_PLUGIN") == "1"
        # Behind the others: a module there hides nobody else's.
        assert sys.path[-1] == str(mine)
    finally:
        sys.path.remove(str(mine))
        sys.modules.pop("zoo_vendored", None)


def test_a_module_that_is_being_imported_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that was left behind may import for long, over several rounds of hooks."""
    module = ModuleType("zoo_long")
    module.__spec__ = SimpleNamespace(_initializing=True)  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "zoo_long", module)
    shared = Shared()
    monkeypatch.delitem(sys.modules, "zoo_long")
    assert shared.put_back() == []


def test_a_module_whose_import_fails_meanwhile_is_nobodys_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The import system takes the module away first, and says after that it is done with it."""

    class Failing:
        @property
        def _initializing(self) -> bool:
            del sys.modules["zoo_failing"]
            return False

    shared = Shared()
    module = ModuleType("zoo_failing")
    module.__spec__ = Failing()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "zoo_failing", module)
    shared.look()
    assert shared.put_back() == []
    monkeypatch.setitem(sys.modules, "zoo_failing", module)


def test_modules_may_come_while_they_are_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    coming = (f"zoo_that_comes_{at}" for at in itertools.count())

    def come(phase: str, info: object) -> None:  # as when a thread imports between two allocations
        monkeypatch.setitem(sys.modules, next(coming), ModuleType("zoo_that_comes"))

    every = gc.get_threshold()
    gc.callbacks.append(come)
    gc.set_threshold(1)
    try:
        shared, watch = Shared(), Watch(("zoo",))
        shared.look()
        watch.look()
    finally:
        gc.set_threshold(*every)
        gc.callbacks.remove(come)
    assert shared.put_back() == []
