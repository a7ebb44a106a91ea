"""``zoo plugin new`` and ``check``: names, refusals, verdicts, exit codes."""

import sys

import pytest

from tests.cli.commands import zoo
from zoo.host import GROUP
from zoo.testing.source import on_path

HOOKS = """
from zoo.plugin import TaskSpec, hookimpl


@hookimpl
def zoo_tasks():
    return [TaskSpec(name="{name}", loader="{package}.task:Mine", summary="one line")]
"""
TASK = """
from zoo_tasks.classification import Classification


class Mine(Classification):
    def __init__(self, spec, labels, settings, name):
        super().__init__(spec, labels, {{"class_weights": "none", "label_smoothing": 0.0}}, name)

    def metrics(self, logits, targets):
        print("a plugin that prints")
        found = super().metrics(logits, targets)
        return found | {{"accuracy": {accuracy}}}
"""


@pytest.fixture
def tree(tmp_path):
    """Write a source tree with a task, sound or not; each has names of its own."""

    def write(name, accuracy):
        package = f"author_{name}"
        folder = tmp_path / name
        (folder / package).mkdir(parents=True)
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "author-{name}"\nversion = "1.0"\n'
            f'[project.entry-points.zoo]\n{name} = "{package}.hooks"\n'
        )
        names = {"name": name, "package": package, "accuracy": accuracy}
        (folder / package / "__init__.py").touch()
        (folder / package / "hooks.py").write_text(HOOKS.format(**names))
        (folder / package / "task.py").write_text(TASK.format(**names))
        return folder

    return write


def test_a_sound_source_tree_passes(tree):
    before = list(sys.path)
    folder = tree("sound", 'found["accuracy"]')
    ended = zoo("plugin", "check", folder, "--adapter", "linear-probe")
    assert ended.code == 0, ended.err
    assert "task sound" in ended.out
    assert "a plugin that prints" not in ended.out
    assert ", 0 failed." in ended.err
    assert sys.path == before


def test_a_broken_rule_is_named_with_what_it_demands_and_ends_with_1(tree):
    folder = tree("wrong", '1 - found["accuracy"]')
    ended = zoo("plugin", "check", folder, "--adapter", "linear-probe", "--json")
    assert ended.code == 1
    failed = [v for v in ended.data if v["status"] == "failed"]
    assert [v["rule"] for v in failed] == ["metrics_tell_good_from_bad"]
    assert "accuracy is 0 when learnt" in failed[0]["reason"]
    assert {"subject", "rule", "sentence", "status", "reason", "seconds"} == ended.data[0].keys()
    assert "task wrong: A head trained on separable features beats the majority" in ended.err
    assert "1 failed." in ended.err


def test_an_installed_plugin_is_found_by_plugin_and_by_distribution():
    few = ("--adapter", "linear-probe", "--json")
    by_name, by_distribution = (zoo("plugin", "check", n, *few) for n in ("tasks", "zoo-tasks"))
    assert by_name.code == by_distribution.code == 0
    assert [v["rule"] for v in by_name.data] == [v["rule"] for v in by_distribution.data]


def test_a_folder_called_like_an_installed_plugin_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert zoo("plugin", "check", "tasks", "--adapter", "linear-probe").code == 0
    written = zoo("plugin", "check", "./tasks")
    assert written.code == 2
    assert "declares no plugin of zoo" in written.err


def test_a_source_tree_beside_is_meant_where_no_plugin_is_called_so(tree, monkeypatch):
    monkeypatch.chdir(tree("beside", 'found["accuracy"]').parent)
    ended = zoo("plugin", "check", "beside", "--adapter", "linear-probe")
    assert ended.code == 0, ended.err
    assert "task beside" in ended.out


def test_a_folder_that_is_no_project_is_no_source_tree(tmp_path, monkeypatch):
    (tmp_path / "taks").mkdir()
    monkeypatch.chdir(tmp_path)
    ended = zoo("plugin", "check", "taks")
    assert ended.code == 2
    assert "Unknown plugin 'taks'" in ended.err


def test_a_name_that_is_not_installed_is_refused_with_a_near_one():
    ended = zoo("plugin", "check", "zoo-taks")
    assert ended.code == 2
    assert "Unknown plugin 'zoo-taks'. Did you mean 'zoo-tasks'" in ended.err


def test_an_adapter_that_is_not_installed_is_refused():
    ended = zoo("plugin", "check", "zoo-tasks", "--adapter", "lorra")
    assert ended.code == 2
    assert "Did you mean 'lora'" in ended.err


def test_another_plugins_backbone_is_refused():
    ended = zoo("plugin", "check", "zoo-tasks", "--backbone", "digits")
    assert ended.code == 2
    assert "vision:digits is of zoo-digits" in ended.err
    assert "zoo plugin check zoo-digits" in ended.err


def test_weights_that_nothing_could_have_are_refused(tmp_path):
    ended = zoo("plugin", "check", "zoo-tasks", "--weights", tmp_path)
    assert ended.code == 2
    assert "zoo-tasks has no backbone that could have the weights in" in ended.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "holds no pyproject.toml"),
        ("[project", "is not TOML"),
        ('[project]\nname = "x"\n', "declares no plugin of zoo"),
    ],
)
def test_a_folder_that_is_no_source_tree_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    ended = zoo("plugin", "check", tmp_path)
    assert ended.code == 2
    assert message in ended.err


def new(tmp_path, name, kind="task"):
    return zoo("plugin", "new", name, "--kind", kind, "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("typed", "distribution", "package"),
    [
        ("zoo-birds", "zoo-birds", "zoo_birds"),
        ("My Birds!", "my-birds", "my_birds"),
        ("Zoo_Birds", "zoo-birds", "zoo_birds"),
        ("--birds--", "birds", "birds"),
        ("Vögel", "vogel", "vogel"),
    ],
)
def test_names_are_made_ones_that_pip_and_python_take(tmp_path, typed, distribution, package):
    if typed.startswith("-"):
        ended = zoo("plugin", "new", "--kind", "task", "--out", tmp_path / "out", "--", typed)
    else:
        ended = new(tmp_path, typed)
    assert ended.code == 0, ended.err
    assert f'name = "{distribution}"' in (tmp_path / "out" / "pyproject.toml").read_text()
    assert (tmp_path / "out" / package / "hooks.py").is_file()
    assert (f"Called {distribution}" in ended.err) == (typed != distribution)


@pytest.mark.parametrize("name", ["", "!!!", "3d", "中文", "x" * 61])
def test_names_that_nothing_can_be_made_of_are_refused(tmp_path, name):
    ended = new(tmp_path, name)
    assert ended.code == 2
    assert "No plugin can be called" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["zoo", "zoo-", "tests", "json", "class"])
def test_names_that_would_hide_a_package_are_refused(tmp_path, name):
    ended = new(tmp_path, name)
    assert ended.code == 2
    assert "would hide" in ended.err
    assert "zoo plugin new zoo-" in ended.err


@pytest.mark.parametrize("name", ["src", "build", "Dist"])
def test_names_of_folders_that_tools_use_are_refused(tmp_path, name):
    ended = new(tmp_path, name)
    assert ended.code == 2
    assert f"take a folder {name.lower()!r} for their own" in ended.err
    assert f"zoo plugin new zoo-{name.lower()}" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_package_called_src_is_no_src_layout(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "mine"\n[project.entry-points.{GROUP}]\nmine = "src.hooks"\n'
    )
    (tmp_path / "src").mkdir()
    with on_path(tmp_path):
        assert sys.path[1] == str(tmp_path / "src")
    (tmp_path / "src/__init__.py").touch()
    with on_path(tmp_path):
        assert sys.path[1] == str(tmp_path)


@pytest.mark.parametrize("name", ["torch", "peft", "scikit-learn"])
def test_names_that_would_hide_a_library_are_refused(tmp_path, name):
    ended = new(tmp_path, name)
    assert ended.code == 2
    assert f"{name!r} would hide an installed package" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["lora", "linear-probe", "vision", "classification"])
def test_names_that_a_plugin_has_are_refused_with_whose_they_are(tmp_path, name):
    ended = new(tmp_path, name, kind="adapter")
    assert ended.code == 2
    assert f"{name!r} is a name of zoo-" in ended.err
    assert f"zoo plugin new zoo-my-{name}" in ended.err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    ended = new(tmp_path, "zoo-birds")
    assert ended.code == 2
    assert "exists already; nothing was written" in ended.err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]


def test_an_unknown_kind_is_refused_with_those_there_are(tmp_path):
    ended = new(tmp_path, "zoo-birds", kind="ranker")
    assert ended.code == 2
    assert "backbone" in ended.err


@pytest.mark.parametrize("kind", ["backbone", "adapter", "task"])
def test_what_is_printed_is_what_was_written(tmp_path, kind):
    ended = new(tmp_path, "zoo-birds", kind)
    printed = set(ended.out.splitlines())
    assert printed == {str(p) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert "{{" not in "".join(
        p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file() and p.suffix != ".yml"
    )
    compile((tmp_path / "out" / "zoo_birds" / "hooks.py").read_text(), "hooks.py", "exec")
