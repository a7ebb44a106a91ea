"""Commands that plugins add, and the options that decide about plugins."""

import json
import os
import subprocess
import sys

import pytest

from tests.cli.commands import zoo
from zoo.cli import listing
from zoo.host import installed

GREETS = """
    from zoo.plugin import BadSetting, CommandSpec

    @hookimpl
    def zoo_commands():
        return [CommandSpec(name="greet", loader="zoo_greeter_cli:greet", summary="Say hello.")]
"""
CLI = """
import typer
from zoo.plugin import BadSetting

def greet(name: str = "you", fail: str = ""):
    if fail == "odd":
        raise KeyError("heart")
    if fail == "base":
        raise BaseException("deep")
    if fail == "bad":
        raise BadSetting("There is nobody.", hint="Name somebody.")
    if fail == "leave":
        raise SystemExit(7)
    if fail == "no":
        raise typer.Abort
    print(f"hello {name}")

app = typer.Typer()

@app.command()
def one():
    print("one")

@app.command()
def two():
    print("two")
"""


@pytest.fixture
def greeter(site):
    """A plugin with a command."""
    site.add("zoo-greeter", GREETS)
    (site.folder / "zoo_greeter_cli.py").write_text(CLI)
    installed.cache_clear()
    yield site
    installed.cache_clear()


def test_a_plugins_command_is_run_with_its_options(greeter):
    ended = zoo("greet", "--name", "Ada")
    assert (ended.code, ended.out) == (0, "hello Ada\n")


def test_the_help_shows_it_without_importing_it(greeter):
    (greeter.folder / "zoo_greeter_cli.py").write_text("raise RuntimeError('imported')")
    ended = zoo("--help")
    assert ended.code == 0
    assert "Say hello. (zoo-greeter)" in ended.out
    broken = zoo("greet")
    assert broken.code == 1
    assert broken.err.startswith(
        "Error: zoo-greeter 1.0 (plugin 'zoo-greeter') cannot load 'greet': RuntimeError: imported"
    )


def test_what_stands_in_brackets_is_no_markup(greeter):
    source = (greeter.folder / "zoo_greeter.py").read_text()
    source = source.replace("Say hello.", "Say [hello] [/red] [bold]\\x1b[2J")
    (greeter.folder / "zoo_greeter.py").write_text(source)
    for ended in (zoo("--help"), zoo("greet", "--help")):
        assert (ended.code, ended.err) == (0, "")
        assert r"Say [hello] [/red] [bold]\x1b[2J" in ended.out


def test_it_may_be_a_group_with_commands_of_its_own(greeter):
    source = (greeter.folder / "zoo_greeter.py").read_text()
    (greeter.folder / "zoo_greeter.py").write_text(source.replace("cli:greet", "cli:app"))
    assert zoo("greet", "two").out == "two\n"
    assert "one" in zoo("greet", "--help").out


@pytest.mark.parametrize(
    ("fail", "code", "message"),
    [
        (
            "odd",
            1,
            "Error: zoo-greeter 1.0 (plugin 'zoo-greeter'): its command 'greet' raised KeyE",
        ),
        (
            "base",
            1,
            "Error: zoo-greeter 1.0 (plugin 'zoo-greeter'): its command 'greet' raised Base",
        ),
        ("bad", 2, "Error: There is nobody.\nName somebody.\n"),
        ("leave", 7, ""),
        ("no", 130, "Interrupted.\n"),
    ],
)
def test_its_failures_are_its_own(greeter, fail, code, message):
    ended = zoo("greet", "--fail", fail)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(message)


def test_what_is_typed_wrongly_is_a_usage_error(greeter):
    assert zoo("greet", "--nmae", "x").code == 2
    assert zoo("gret").code == 2


def test_no_plugin_can_have_one_of_zoos_own_names(greeter):
    source = (greeter.folder / "zoo_greeter.py").read_text()
    (greeter.folder / "zoo_greeter.py").write_text(source.replace('"greet"', '"adapters"'))
    assert zoo("adapters", "--json").data
    assert "Say hello." not in zoo("--help").out
    (found,) = [p for p in zoo("plugins", "--json").data if p["name"] == "zoo-greeter"]
    assert (found["status"], found["reason"]) == (
        "broken",
        "its command 'adapters' would hide zoo's own",
    )


def test_one_command_of_two_plugins_is_an_error_that_names_both(greeter):
    greeter.add("zoo-other", GREETS)
    ended = zoo("greet")
    assert ended.code == 2
    assert "The command 'greet' is provided by zoo-greeter 1.0" in ended.err
    assert "zoo-other 1.0" in ended.err
    assert "The command 'greet' is provided by" in zoo("plugins").err


# === What plugins do while a command of zoo's works ===


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("None.heart", "AttributeError: 'NoneType' object has no attribute 'heart'"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise BaseException('deep')", "BaseException: deep"),
    ],
)
def test_what_a_plugin_raises_at_work_names_it(greeter, monkeypatch, deed, told):
    (greeter.folder / "zoo_greeter.py").open("a").write(f"\ndef work(*_, **__):\n    {deed}\n")
    monkeypatch.setattr(listing, "emit_table", lambda *_, **__: sys.modules["zoo_greeter"].work())
    ended = zoo("adapters")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"Error: zoo-greeter 1.0 (plugin 'zoo-greeter') failed: {told}\n"
        "`--debug` shows where. Report it to the authors of zoo-greeter.\n"
    )


def test_what_the_system_refuses_a_plugin_names_it_and_is_not_called_its_mistake(
    greeter, monkeypatch
):
    (greeter.folder / "zoo_greeter.py").open("a").write("\ndef work(*_):\n    open('/gone/x')\n")
    monkeypatch.setattr(listing, "emit_table", lambda *_, **__: sys.modules["zoo_greeter"].work())
    ended = zoo("adapters")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Error: zoo-greeter 1.0 (plugin 'zoo-greeter') met FileNotFoundError: "
        "[Errno 2] No such file or directory: '/gone/x'\n`--debug` shows where.\n"
    )


def test_what_a_plugin_prints_at_work_or_at_the_end_is_no_data(greeter):
    (greeter.folder / "zoo_greeter.py").open("a").write(
        "\nimport atexit, os\natexit.register(lambda: print('late'))\n"
        "def work():\n    print('printed')\n    os.write(1, b'written')\n"
    )
    script = (
        "import sys, zoo.cli\nfrom zoo.cli import plugins\nemit = plugins.emit_json\n"
        "def working(found):\n    sys.modules['zoo_greeter'].work()\n    emit(found)\n"
        "plugins.emit_json = working\nzoo.cli.main(['plugins', '--json'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(greeter.folder)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "zoo-greeter" in {plugin["name"] for plugin in json.loads(ended.stdout)}
    assert all(text in ended.stderr for text in ("printed", "written", "late"))


# === Options about plugins ===


@pytest.mark.parametrize(
    "words",
    [
        ["--disable-plugins", "zoo-greeter", "plugins", "--json"],
        ["plugins", "--json", "--disable-plugins=zoo-greeter"],
        ["plugins", "--disable-plugins", "a", "--json", "--disable-plugins", "zoo-greeter"],
        ["plugins", "--json", "--allow-plugins", "digits,tasks"],
    ],
)
def test_plugins_are_disabled_by_options_anywhere(greeter, words):
    found = {plugin["name"]: plugin["status"] for plugin in zoo(*words).data}
    assert found["zoo-greeter"] == "disabled"
    assert found["digits"] == "ok"
    assert "ZOO_DISABLE_PLUGINS" not in os.environ


def test_a_name_that_no_plugin_has_is_told(greeter):
    ended = zoo("plugins", "--disable-plugins", "gretter,zoo-greeter,x*")
    assert (
        "ZOO_DISABLE_PLUGINS or --disable-plugins names 'gretter', which is no plugin and no "
        "distribution here." in ended.err.replace("\n", " ")
    )
    assert "names 'zoo-greeter'" not in ended.err
    assert "names 'x*'" not in ended.err


def test_options_behind_a_double_dash_are_left_alone(greeter):
    ended = zoo("greet", "--", "--trace")
    assert ended.code == 2
    assert "trace: " not in ended.err


def test_trace_is_talk_and_leaves_the_data_clean(greeter):
    ended = zoo("plugins", "--json", "--trace")
    assert ended.data
    assert "trace: zoo_commands() zoo-greeter 1.0 (plugin 'zoo-greeter'): " in ended.err


def test_strict_stops_at_the_first_broken_plugin(greeter):
    greeter.add("zoo-wreck", "raise RuntimeError('no such device')")
    ended = zoo("plugins", "--strict")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: zoo-wreck 1.0 (plugin 'zoo-wreck'): RuntimeError: no such")
    assert "Traceback" in zoo("plugins", "--strict", "--debug").err


def test_the_help_works_where_the_registry_does_not(greeter, tmp_path, monkeypatch):
    (tmp_path / ".zoo").mkdir()
    (tmp_path / ".zoo" / "registry.toml").write_text("plugins = 3\n")
    monkeypatch.chdir(tmp_path)
    ended = zoo("--help")
    assert ended.code == 0
    assert "doctor" in ended.out
    assert "Commands of plugins are not shown. .zoo/registry.toml cannot be used" in ended.err
    doctor = zoo("doctor", "--json")
    assert doctor.code == 1
    assert "registry" in [c["name"] for c in doctor.data["checks"] if c["status"] == "broken"]
