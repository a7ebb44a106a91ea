"""`zoo push`, `pull`, `verify`, and every other command on a repo's name."""

import json
import shutil

import pytest
from huggingface_hub import constants

import zoo as library
from tests.cli.commands import zoo
from zoo.hub.server import EmbeddedHub

pytestmark = pytest.mark.usefixtures("opened_here")


@pytest.fixture
def speak_to(monkeypatch):
    """Set HF_ENDPOINT as if before the start: huggingface_hub reads it when it is imported."""

    def speak(url):
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    return speak


@pytest.fixture
def hub(tmp_path, monkeypatch, speak_to):
    """A hub that HF_ENDPOINT names, and an empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with EmbeddedHub(tmp_path / "hub") as running:
        speak_to(running.url)
        yield running


def test_what_is_pushed_is_pulled_and_answers_the_same(hub, run, digits, tmp_path):
    pushed = zoo("push", run, "me/digits", "--tag", "v1")
    assert pushed.code == 0, pushed.err
    assert len(pushed.out.strip()) == 40
    assert "`zoo pull me/digits --revision v1`" in pushed.err
    again = zoo("push", run, "me/digits", "--json")
    assert again.data["changed"] == []
    assert again.data["commit"] == pushed.out.strip()

    out = tmp_path / "pulled"
    pulled = zoo("pull", "me/digits", "--revision", "v1", "--out", out)
    assert pulled.code == 0, pulled.err
    assert "5, 6, 7, 8, 9" in pulled.out
    assert (out / "zoo.json").is_file()

    here = zoo("predict", run, digits / "5", "--json").data
    for source in (out, "me/digits"):
        there = zoo("predict", source, digits / "5", "--json").data
        assert [a["label"] for a in there] == [a["label"] for a in here]
        assert [a["score"] for a in there] == pytest.approx([a["score"] for a in here], abs=1e-5)

    shown = zoo("show", "me/digits", "--json").data
    assert shown["adapter"] == json.loads((out / "zoo.json").read_text())["adapter"]
    verified = zoo("verify", "me/digits", "--json").data
    assert verified["difference"] <= verified["tolerance"]
    assert "adapter_model.safetensors" in verified["files"]


def test_a_model_of_several_tasks_is_pushed_and_pulled(hub, tmp_path):
    tasks = [
        library.task("classification", labels=["odd", "even"], name="parity"),
        library.task("regression", labels=["size"], name="size"),
    ]
    library.save(library.compose("digits", "linear-probe", tasks), tmp_path / "artifact")
    assert zoo("push", tmp_path / "artifact", "me/several").code == 0
    pulled = zoo("pull", "me/several", "--json")
    assert pulled.code == 0, pulled.err
    assert pulled.data["tasks"] == {"parity": ["odd", "even"], "size": ["size"]}
    assert "odd, even; size" in zoo("pull", "me/several").out


def test_a_flipped_byte_is_found(run, tmp_path):
    copy = tmp_path / "artifact"
    shutil.copytree(run / "artifact", copy)
    assert zoo("verify", copy).code == 0
    weights = bytearray((copy / "adapter_model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "adapter_model.safetensors").write_bytes(weights)
    ended = zoo("verify", copy)
    assert ended.code == 1
    assert "adapter_model.safetensors" in ended.err
    assert len(ended.err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["pull", "me/nothing"], 1, "me/nothing"),
        (["show", "me/nothing"], 1, "me/nothing"),
        (["pull", "nothing"], 2, "nothing"),
        (["push", "nowhere", "me/x"], 2, "There is no nowhere."),
    ],
)
def test_what_is_not_there_is_said_in_two_lines(hub, words, code, message):
    ended = zoo(*words)
    assert ended.code == code, ended.err
    error = ended.err[ended.err.index("Error: ") :]
    assert message in error
    assert len(error.splitlines()) <= 2


def test_without_a_token_a_hub_that_wants_one_refuses_the_push(run, tmp_path, speak_to):
    with EmbeddedHub(tmp_path / "hub", tokens={"secret-token": "write"}) as running:
        speak_to(running.url)
        ended = zoo("push", run, "me/digits")
    assert ended.code == 1
    assert "token" in ended.err
    assert "secret-token" not in ended.err
