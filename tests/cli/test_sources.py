"""What a word means: a directory, or a repo; and that neither is taken for the other where it matters."""

import shutil
from pathlib import Path

import pytest

from tests.artifact.signing_keys import make_key
from tests.cli.commands import zoo
from zoo.cli import sources
from zoo.errors import BadSetting, PolicyInvalid

FORMAT = Path(__file__).parents[1] / "artifact/formats/0.0"
COMMANDS = {
    "show": ("show",),
    "verify": ("verify",),
    "predict": ("predict", "x.png"),
    "evaluate": ("evaluate", "data"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an artifact that is called as a repo may be."""
    folder = tmp_path / "project"
    shutil.copytree(FORMAT, folder / "me/model")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's trust policy: what `me` publishes is signed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config/zoo/trust.toml"
    make_key(path.parent, "ann")
    path.write_text('[keys]\nann = "ann.pub"\n[owners]\nMe = ["ann"]\n')
    return path


def test_a_directory_is_opened_where_nothing_else_matters(project: Path) -> None:
    assert sources.artifact("me/model") == Path("me/model")
    assert sources.artifact("me/other") == "me/other"
    assert zoo("show", "me/model").code == 0


@pytest.mark.parametrize(
    "words",
    [(*COMMANDS[name][:1], "me/model@v1", *COMMANDS[name][1:]) for name in COMMANDS]
    + [("pull", "me/model@v1")],
)
def test_a_revision_goes_beside_a_repo(words: tuple[str, ...]) -> None:
    ended = zoo(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "'me/model@v1' is not the name of a repo." in ended.err
    assert "--revision v1`" in ended.err


def test_an_older_format_is_shown_as_it_was_written(project: Path) -> None:
    assert zoo("show", "me/model", "--json").data["format"] == "0"
    assert "format    0\n" in zoo("show", "me/model").out


def test_what_is_not_there_is_said_to_be_neither(project: Path) -> None:
    assert "There is no ./none." in zoo("show", "./none").err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("word", ["me/model", "./me/model"])
@pytest.mark.parametrize("revision", ["v1", ""])
def test_a_path_has_no_revision(project: Path, command: str, word: str, revision: str) -> None:
    name, *rest = COMMANDS[command]
    ended = zoo(name, word, *rest, "--revision", revision)
    assert (ended.code, ended.out) == (2, "")
    assert f"--revision is for repos, and {word} is a path." in ended.err
    assert ("Give ./me/model for the directory" in ended.err) is (word == "me/model")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_project_cannot_put_a_directory_in_the_place_of_a_repo_that_a_policy_is_about(
    project: Path, policy: Path, command: str
) -> None:
    name, *rest = COMMANDS[command]
    ended = zoo(name, "me/model", *rest)
    assert (ended.code, ended.out) == (2, "")
    assert "me/model is a directory here and may be a repo" in ended.err
    assert "./me/model" in ended.err


def test_a_policy_says_nothing_of_paths_and_other_owners(project: Path, policy: Path) -> None:
    assert sources.artifact("./me/model") == Path("./me/model")
    assert zoo("show", project / "me/model").code == 0
    shutil.copytree("me", "runs")
    assert sources.artifact("runs/model") == Path("runs/model")
    policy.write_text('unsigned = "refuse"\n')
    with pytest.raises(BadSetting, match="may be a repo"):
        sources.artifact("runs/model")
    policy.write_text("nonsense")
    with pytest.raises(PolicyInvalid):
        sources.artifact("runs/model")


@pytest.mark.parametrize(
    "words",
    [
        ("show", "me/none", "--revision", ""),
        ("pull", "me/none", "--revision", ""),
        ("verify", "me/none", "--revision", ""),
        ("predict", "me/none", "x", "--revision", ""),
        ("lock", "add", "me/none@"),
        ("lock", "add", "me/none", "--revision", ""),
    ],
    ids=" ".join,
)
def test_a_revision_that_is_empty_is_not_the_main_branch(words: tuple[str, ...]) -> None:
    ended = zoo(*words)
    assert ended.code == 2
    assert "'' is not the name of a branch, tag or commit." in ended.err


def test_a_name_that_is_no_repo_has_no_revision() -> None:
    ended = zoo("show", "linear-probe", "--revision", "v1")
    assert ended.code == 2
    assert "--revision is for repos, and linear-probe is none." in ended.err


@pytest.mark.parametrize(
    "words", [("--revision", ""), ("--revision", "v1", "--weights", "folder")], ids=" ".join
)
def test_a_folder_of_weights_has_no_revision(
    tmp_path: Path, digits: Path, words: tuple[str, ...]
) -> None:
    ended = zoo("embed", "digits", digits, "--out", tmp_path / "x.npz", *words)
    assert ended.code == 2
    assert "is for weights from a Hub repo" in ended.err
