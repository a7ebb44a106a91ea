"""What hangs is left behind, what prints stays out of the data, and nobody waits for either."""

import gc
import importlib
import os
import subprocess
import sys
import threading
import time

import pytest

from tests.plugin_site import PluginSite
from zoo.host import Host
from zoo.host.isolation import Outcome, TookTooLong, run_each
from zoo.switches import Switches

GOOD = """
    @hookimpl
    def zoo_backbones():
        return [BackboneSpec(name="vision:good", loader="x:y", modality="image")]
"""
SOON = Switches(limit=1.5)


def runner_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "zoo-plugins"]


def until_left_alone() -> None:
    """Wait for threads that were left behind to come back and end."""
    for thread in runner_threads():
        thread.join(5)
    assert runner_threads() == []


# === Hanging ===


def test_a_plugin_that_hangs_at_import_is_named_and_the_rest_goes_on(site: PluginSite) -> None:
    site.add("zoo-a-slow", "import time\nwhile True:\n    time.sleep(0.05)\n")
    site.add("zoo-good", GOOD)
    host = Host(site.points(), switches=SOON)
    assert [p.spec.name for p in host.backbones] == ["vision:good"]
    slow = host.plugins[0]
    assert slow.status == "broken"
    assert slow.reason == "importing zoo_a_slow took longer than 1.5 s"
    assert "`ZOO_PLUGIN_TIMEOUT=60` allows more" in slow.remedy
    until_left_alone()


def test_a_plugin_that_hangs_in_a_hook_is_named_too(site: PluginSite) -> None:
    site.add("zoo-a-slow", "import time\n@hookimpl\ndef zoo_backbones():\n    time.sleep(3)\n")
    site.add("zoo-good", GOOD)
    host = Host(site.points(), switches=SOON)
    assert [p.spec.name for p in host.backbones] == ["vision:good"]
    assert host.plugins[0].reason == "zoo_backbones took longer than 1.5 s"
    until_left_alone()


def test_what_was_left_behind_ends_when_it_comes_back_and_prints_nothing(
    site: PluginSite, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = site.folder / "came-back"
    site.add(
        "zoo-slow",
        f"import pathlib, time\ntime.sleep(2.5)\nprint('late')\npathlib.Path({str(marker)!r}).touch()\n",
    )
    Host(site.points(), switches=SOON)
    until_left_alone()
    assert not marker.exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("where", ["at load", "in a hook"])
def test_a_library_is_not_left_half_imported(
    site: PluginSite, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hook module that imports torch is wrong and slow, and must not cost the others torch."""
    (site.folder / "zoo_slow_library.py").write_text("import time\ntime.sleep(2.5)\nwhole = True\n")
    hook = "@hookimpl\ndef zoo_backbones():\n    import zoo_slow_library\n    return []\n"
    load = "import zoo_slow_library\nprint('late')\n"
    site.add("zoo-heavy", load if where == "at load" else hook)
    host = Host(site.points(), switches=SOON)
    assert "took longer than 1.5 s" in host.plugins[0].reason
    assert importlib.import_module("zoo_slow_library").whole
    until_left_alone()
    assert capsys.readouterr().out == ""


def test_what_keeps_all_threads_waiting_is_told_by_the_time_it_took(site: PluginSite) -> None:
    """Compiled code that never lets go: here a pattern that takes ages not to match."""
    site.add(
        "zoo-a-stuck",
        "import re, time\nn = 18\n"
        "while time.thread_time() < 2:\n    re.match('(a+)+$', 'a' * n + 'b')\n    n += 1\n"
        "@hookimpl\ndef zoo_backbones():\n    return []\n",
    )
    site.add("zoo-good", GOOD)
    stuck, good = Host(site.points(), switches=SOON).plugins
    assert "took longer than 1.5 s" in stuck.reason
    assert good.status == "ok", good.reason
    assert run_each([lambda: sum(range(3 * 10**7))], 0.1, ["x"])[0].error is not None
    until_left_alone()


def test_a_process_ends_though_a_plugin_hangs_for_ever(site: PluginSite) -> None:
    site.add("zoo-stuck", "import threading\nthreading.Event().wait()\n")
    script = (
        "import zoo.host\n"
        "from zoo.switches import Switches\n"
        "print(zoo.host.Host(switches=Switches(limit=1.5, rules=())).plugins[-1].reason)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(site.folder)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.stdout == "importing zoo_stuck took longer than 1.5 s\n"
    assert (ended.returncode, ended.stderr) == (0, "")


def test_pieces_after_several_that_hang_are_run_in_order() -> None:
    def slow() -> str:
        time.sleep(0.6)
        return "late"

    outcomes = run_each([lambda: "a", slow, lambda: "b", slow, lambda: "c"], 0.2, ["x"] * 5)
    assert [o.value for o in outcomes] == ["a", None, "b", None, "c"]
    assert [type(o.error) for o in outcomes[1::2]] == [TookTooLong, TookTooLong]
    until_left_alone()


def test_without_a_limit_pieces_run_where_they_are_asked_for() -> None:
    assert run_each([threading.current_thread], 0, ["x"]) == [
        Outcome(threading.current_thread(), None, pytest.approx(0, abs=1))
    ]
    with pytest.raises(KeyboardInterrupt):
        run_each([lambda: (_ for _ in ()).throw(KeyboardInterrupt)], 0, ["x"])


def test_ctrl_c_after_the_last_piece_is_only_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = threading.Event.wait

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        done = wait(event, timeout)
        if timeout is not None:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_each([lambda: "a"], 5, ["x"])


def test_a_plugin_that_asks_zoo_for_its_catalogue_does_not_wait_for_itself(
    site: PluginSite,
) -> None:
    site.add("zoo-circle", "import zoo.host\nzoo.host.Host()\n")
    (circle,) = Host(site.points(), switches=Switches(limit=60)).plugins
    assert "a plugin asked zoo for its catalogue" in circle.reason


# === Ending ===


@pytest.mark.parametrize("raised", ["SystemExit(0)", "Odd('really')", "KeyboardInterrupt()"])
@pytest.mark.parametrize("where", ["import", "hook"])
def test_no_exception_ends_the_host(site: PluginSite, raised: str, where: str) -> None:
    hook = f"@hookimpl\ndef zoo_tasks():\n    raise {raised}\n" if where == "hook" else ""
    now = f"raise {raised}\n" if where == "import" else ""
    site.add("zoo-a-odd", f"class Odd(BaseException):\n    pass\n{now}{hook}")
    site.add("zoo-good", GOOD)
    host = site.host()
    odd, good = host.plugins
    kind, _, said = raised.rstrip(")").partition("(")
    before = "zoo_tasks raised " if where == "hook" else ""
    told = ": ".join(filter(None, (kind, said.strip("'"))))
    assert (odd.status, odd.reason) == ("broken", f"{before}{told}")
    assert good.status == "ok"


@pytest.mark.parametrize("raised", ["OSError", "SystemExit(0)", "KeyboardInterrupt"])
def test_an_error_that_cannot_be_told_is_still_one(site: PluginSite, raised: str) -> None:
    site.add(
        "zoo-mute",
        f"class Mute(Exception):\n    def __str__(self):\n        raise {raised}\nraise Mute\n",
    )
    site.add("zoo-nameless", NAMELESS)
    mute, nameless = site.host().plugins
    assert mute.reason == "Mute: (its message cannot be read)"
    assert nameless.reason == "an exception"


def test_an_endless_message_is_cut(site: PluginSite) -> None:
    site.add("zoo-long", "raise RuntimeError('x' * 10**6)\n")
    (found,) = site.host().plugins
    assert found.reason.startswith("RuntimeError: xxx")
    assert len(found.reason) < 5000


NAMELESS = """
class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)

class Nameless(Exception, metaclass=Meta):
    pass

raise Nameless
"""


@pytest.mark.parametrize("kind", ["ImportError", "ModuleNotFoundError"])
@pytest.mark.parametrize("name", ["5", "b'zoo'"])
def test_an_import_error_of_an_odd_name_is_one_like_any_other(
    site: PluginSite, kind: str, name: str
) -> None:
    site.add("zoo-odd", f"raise {kind}('x', name={name})\n")
    assert site.host().plugins[0].reason == f"{kind}: x"


def test_what_an_error_does_while_it_is_told_is_isolated(
    site: PluginSite, capfd: pytest.CaptureFixture[str]
) -> None:
    error = "class E(Exception):\n    def __str__(self):\n        {}\n        return 'x'\n"
    site.add("zoo-loud", error.format("print('loud')") + "raise E\n")
    site.add("zoo-slow", error.format("import time; time.sleep(4)") + "raise E\n")
    loud, slow = Host(site.points(), switches=SOON).plugins
    assert loud.reason == "E: x"
    assert slow.reason == "importing zoo_slow took longer than 1.5 s"
    until_left_alone()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("answer", ["(x for x in ())", "'text'", "{}", "{1}", "zoo_backbones", "0"])
def test_an_answer_of_another_type_is_named(site: PluginSite, answer: str) -> None:
    site.add("zoo-odd", f"@hookimpl\ndef zoo_backbones():\n    return {answer}\n")
    reason = site.host().plugins[0].reason
    assert reason.startswith("zoo_backbones returned ")
    assert reason.endswith(", not a list of specs")


def test_looking_at_an_answer_is_isolated_as_well(site: PluginSite) -> None:
    site.add(
        "zoo-odd",
        """
        class Trap(list):
            def __iter__(self):
                raise OSError("no")

        @hookimpl
        def zoo_backbones():
            return Trap([1])
        """,
    )
    assert site.host().plugins[0].reason == "zoo_backbones raised OSError: no"


def test_a_spec_of_a_class_of_their_own_is_no_spec(site: PluginSite) -> None:
    """Its code would run in every listing."""
    site.add(
        "zoo-odd",
        """
        class Late(BackboneSpec):
            @property
            def summary(self):
                raise RuntimeError("late")

            def __init__(self):
                pass

        @hookimpl
        def zoo_backbones():
            return [Late()]

        @hookimpl
        def zoo_resolve_backbone(name):
            return Late()
        """,
    )
    host = site.host()
    assert host.backbones == []
    assert host.plugins[0].reason == "zoo_backbones returned Late, not BackboneSpec"


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_descriptors_are_as_before_whatever_a_plugin_closes(
    site: PluginSite, closed: tuple[int, ...]
) -> None:
    deeds = "".join(f"os.close({descriptor})\n" for descriptor in closed)
    site.add("zoo-a-closes", f"import os\n{deeds}os.open(os.devnull, os.O_RDONLY)\n")
    site.add("zoo-good", "import os, subprocess\nos.write(1, b'1')\nos.write(2, b'2')\n"
             "subprocess.run(['echo', 'child'], check=True)\n")  # fmt: skip
    script = (
        "import os, zoo.host\n"
        "found = {p.distribution: p.status for p in zoo.host.Host().plugins}\n"
        "assert (found['zoo-a-closes'], found['zoo-good']) == ('ok', 'ok'), found\n"
        "os.write(1, b'data')\nos.write(2, b'talk')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": f"{site.folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "data", "12child\ntalk")


def test_a_stream_that_a_thread_prints_on_is_not_let_go_of(site: PluginSite) -> None:
    """Python crashes where it is, while a plugin's own thread is in the middle of printing."""
    site.add(
        "zoo-a-prints",
        """
        import sys, threading
        def work():
            while True:
                print("." * 100)
        threading.Thread(target=work, daemon=True).start()
        """,
    )
    for number in range(30):
        site.add(f"zoo-odd-{number}", "import sys, time\nsys.stdout = None\ntime.sleep(0.002)\n")
    script = "import zoo.host\nfor _ in range(3): zoo.host.Host().plugins"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": f"{site.folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    assert ended.returncode == 0


NUMBER = "holds a number that is not finite, or too large."
HUGE = f"vision:x: params, feature_size or input_size {NUMBER}"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("summary=5", "vision:x: summary='5' is not of type str."),
        ("tags=['a']", "vision:x: tags=\"['a']\" is not of type tuple."),
        ("tags=(1,)", "vision:x: tags holds '1', which is not of type str."),
        ("params='many'", "vision:x: params='many' is not of type int or None."),
        ("options=3", "vision:x: options='3' is not of type dict or Mapping."),
        ("params=10**5000", HUGE),
        ("facts={'a': float('nan')}", f"vision:x: facts {NUMBER}"),
        (
            "license=type('Odd', (str,), {})('mit')",
            "vision:x: license='mit' is not of type str or None itself but Odd.",
        ),
    ],
)
def test_a_spec_that_would_break_a_listing_is_refused_at_birth(
    site: PluginSite, field: str, message: str
) -> None:
    site.add(
        "zoo-odd",
        "@hookimpl\ndef zoo_backbones():\n"
        f"    return [BackboneSpec(name='vision:x', loader='x:y', modality='image', {field})]\n",
    )
    assert site.host().plugins[0].reason == f"zoo_backbones raised InvalidSpec: {message}"


# === Printing ===


def test_nothing_that_a_plugin_writes_reaches_standard_output(
    site: PluginSite, capfd: pytest.CaptureFixture[str]
) -> None:
    site.add(
        "zoo-loud",
        """
        import os, subprocess, sys
        print("print")
        print("by name", file=sys.__stdout__)
        os.write(1, b"descriptor\\n")
        subprocess.run(["echo", "child"])

        @hookimpl
        def zoo_backbones():
            os.write(1, b"in a hook\\n")
            return []
        """,
    )
    assert site.host().plugins[0].status == "ok"
    os.write(1, b"data\n")
    out, err = capfd.readouterr()
    assert out == "data\n"
    assert {"descriptor", "child", "in a hook"} <= set(err.splitlines())


@pytest.mark.parametrize(
    "deed",
    [
        "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')",
        "sys.stdout.close()",
        "sys.stdout.detach()",
        "sys.stderr.close()",
        "sys.stderr = sys.stdout = None",
        "sys.stderr = io.TextIOWrapper(sys.stderr.detach(), encoding='utf-8')",
    ],
)
@pytest.mark.parametrize("where", ["at load", "in a hook"])
def test_streams_are_as_before_whatever_a_plugin_does_with_its_own(
    site: PluginSite, capfd: pytest.CaptureFixture[str], deed: str, where: str
) -> None:
    hook = "@hookimpl\ndef zoo_backbones():\n    {}\n    return []\n"
    code = f"{deed}\n{hook.format('pass')}" if where == "at load" else hook.format(deed)
    site.add("zoo-a-odd", f"import io, sys\n{code}")
    site.add("zoo-good", f"print('good')\n{GOOD}".replace("\n    ", "\n"))
    before = sys.stdout, sys.stderr
    odd, good = site.host().plugins
    gc.collect()  # a wrapper closes what it wraps
    assert (odd.status, good.status) == ("ok", "ok"), odd.reason + good.reason
    assert (sys.stdout, sys.stderr) == before
    sys.stdout.write("data\n")
    sys.stderr.write("talk\n")
    out, err = capfd.readouterr()
    assert out == "data\n"
    assert err.endswith("talk\n")


# === Metadata ===


def test_metadata_that_cannot_be_read_is_named_by_its_place(site: PluginSite) -> None:
    site.add("zoo-odd", GOOD)
    (site.folder / "zoo_odd-1.0.dist-info" / "entry_points.txt").write_bytes(b"[zoo]\n\xff = x\n")
    odd = next(p for p in Host().plugins if p.distribution == "zoo_odd")
    assert odd.reason.startswith("its metadata cannot be read: UnicodeDecodeError")
    assert str(site.folder) in odd.remedy


def test_an_entry_point_that_names_no_module_says_so(site: PluginSite) -> None:
    site.add("zoo-odd", GOOD)
    points = site.folder / "zoo_odd-1.0.dist-info" / "entry_points.txt"
    points.write_text("[zoo]\nodd = not a module\n")
    assert site.host().plugins[0].reason == "its entry point, 'not a module', names no module"


def test_of_two_entry_points_the_sound_one_works(site: PluginSite) -> None:
    site.add("zoo-two", GOOD)
    points = site.folder / "zoo_two-1.0.dist-info" / "entry_points.txt"
    points.write_text("[zoo]\nbad = zoo_two.missing\ngood = zoo_two\ntwin = zoo_two\n")
    host = site.host()
    assert [(p.name, p.status) for p in host.plugins] == [
        ("bad", "broken"),
        ("good", "ok"),
        ("twin", "broken"),
    ]
    assert host.plugins[2].reason == "names the same module as zoo-two 1.0 (plugin 'good')"
    assert [p.spec.name for p in host.backbones] == ["vision:good"]
