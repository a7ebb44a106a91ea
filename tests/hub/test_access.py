"""Who may push where, and what those are told who may not: before anything is opened or made."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from tests.hub.faulty import FaultyHub
from zoo.errors import AccessDenied, RepoNotFound
from zoo.hub import access, client, pull, push
from zoo.hub.client import Client, connect, shown_endpoint
from zoo.hub.server import Access
from zoo.hub.translate import reason

WRITE, READ, SCOPED = "hf_writewritewrite", "hf_readreadread", "hf_scopedscoped"


@pytest.fixture
def hub(tmp_path: Path, cache: Path) -> Iterator[FaultyHub]:
    """A hub where ann may write to her own repos and those of her lab."""
    tokens = {
        WRITE: Access("write", user="ann", namespaces=("ann", "lab")),
        READ: Access("read", user="ann", namespaces=("ann", "lab")),
        SCOPED: Access("write", user="ann", namespaces=("ann",), repos=("ann/one",)),
    }
    with FaultyHub(tmp_path / "guarded", tokens=tokens) as running:
        yield running


def log_in(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    if token is None:
        monkeypatch.delenv("HF_TOKEN", raising=False)
    else:
        monkeypatch.setenv("HF_TOKEN", token)


@pytest.mark.row(8)
@pytest.mark.parametrize(
    ("token", "repo", "said", "advice"),
    [
        (None, "ann/x", "ann/x on {url} needs a token, and none was found", "set HF_TOKEN"),
        ("hf_expired1", "ann/x", "The token in HF_TOKEN is not valid on {url}", "set HF_TOKEN"),
        (READ, "ann/x", "The token of ann can only read on {url}", "one that can write"),
        (WRITE, "bob/x", "bob is not one of the token's namespaces on {url} (ann, lab)", "ann/x"),
        (SCOPED, "ann/x", "The token of ann may write to ann/one on {url}, not to", "ann/x"),
    ],
)
def test_each_reason_has_its_own_message(
    hub: FaultyHub,
    artifact: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    repo: str,
    said: str,
    advice: str,
) -> None:
    log_in(monkeypatch, token)
    (artifact / "heads.safetensors").write_bytes(b"")  # which nobody gets to see
    with pytest.raises(AccessDenied) as failure:
        push.push(artifact, repo, endpoint=hub.url)
    assert failure.value.message.startswith(said.format(url=hub.url))
    assert advice in failure.value.hint
    assert token is None or token not in str(failure.value)
    assert not [r for r in hub.log if r.method != "GET"]


@pytest.mark.parametrize(
    ("token", "repo"), [(WRITE, "ann/x"), (WRITE, "lab/x"), (SCOPED, "ann/one")]
)
def test_those_who_may_write_do(
    hub: FaultyHub, artifact: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo: str
) -> None:
    log_in(monkeypatch, token)
    done = push.push(artifact, repo, private=True, endpoint=hub.url)
    api = HfApi(endpoint=hub.url, token=WRITE)
    assert api.list_repo_commits(repo)[0].authors == ["ann"]
    assert pull.pull(repo, endpoint=hub.url)
    assert done.commit == api.model_info(repo).sha


def test_a_hub_that_does_not_answer_such_questions_decides_itself(
    hub: FaultyHub, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in ("whoami-v2", "auth-check"):
        hub.fail(question, 404, method="GET", times=99)
    log_in(monkeypatch, READ)
    with pytest.raises(AccessDenied, match=r"refused access to ann/x \(You don't have the rights"):
        push.push(artifact, "ann/x", endpoint=hub.url)
    log_in(monkeypatch, WRITE)
    assert push.push(artifact, "ann/x", endpoint=hub.url).commit


def test_private_and_gated_repos_say_what_they_need(
    hub: FaultyHub, artifact: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    log_in(monkeypatch, WRITE)
    push.push(artifact, "lab/x", private=True, endpoint=hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache.with_name("strangers")))
    log_in(monkeypatch, None)
    with pytest.raises(RepoNotFound, match=r"no public repo lab/x") as missing:
        pull.pull("lab/x", endpoint=hub.url)
    assert missing.value.hint == "Check the spelling; if it is private, set HF_TOKEN first."
    log_in(monkeypatch, SCOPED)
    with pytest.raises(RepoNotFound, match=r"no repo lab/x on .* that your token may see"):
        pull.pull("lab/x", endpoint=hub.url)
    HfApi(endpoint=hub.url, token=WRITE).update_repo_settings(
        "lab/x", private=False, gated="manual"
    )
    log_in(monkeypatch, None)
    with pytest.raises(AccessDenied, match="The repo lab/x is gated") as gated:
        pull.pull("lab/x", endpoint=hub.url)
    assert f"{hub.url}/lab/x" in gated.value.hint
    log_in(monkeypatch, "hf_expired1")
    with pytest.raises(AccessDenied, match="The token in HF_TOKEN is not valid"):
        pull.pull("lab/x", endpoint=hub.url)


class TestDefaultHub:
    """What is decided without asking: the rules of the Hub itself are known."""

    def test_asks_for_a_token_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log_in(monkeypatch, None)
        with pytest.raises(AccessDenied, match="ann/x needs a token, and none was found"):
            access.require_write(Client("https://huggingface.co"), "ann/x")

    def test_knows_that_nobody_pushes_for_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log_in(monkeypatch, WRITE)
        answer = {"name": "ann", "orgs": [], "auth": {"accessToken": {"role": "write"}}}
        monkeypatch.setattr(Client, "ask", lambda *_: answer)
        with pytest.raises(AccessDenied, match=r"bob is not one of the token's namespaces \(ann\)"):
            access.require_write(Client("https://huggingface.co"), "bob/x")
        access.require_write(Client("https://huggingface.co"), "ann/x")


class TestEndpoint:
    def test_gets_no_saved_token_over_plain_http(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log_in(monkeypatch, None)
        monkeypatch.setattr(client, "get_token", lambda: WRITE)
        notes: list[str] = []
        told = type("Told", (), {"note": lambda _, text: notes.append(text)})()
        far = connect("http://hub.example:8080", told)
        assert far.token is False
        assert not far.has_token
        assert notes == [
            "http://hub.example:8080 is plain http: what is sent can be read, so the saved token "
            "is not sent."
        ]

    def test_gets_a_saved_token_only_where_it_was_saved_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_in(monkeypatch, None)
        assert connect("https://huggingface.co/").token is None  # the client library's saved one
        for other in ("http://127.0.0.1:1", "http://[::1]:1", "https://a.b", "https://HF.co"):
            assert connect(other).token is False

    def test_gets_the_token_that_was_put_there_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_in(monkeypatch, READ)
        assert connect("http://hub.example:8080").token == READ

    def test_is_shown_without_its_password(self) -> None:
        assert shown_endpoint("https://ann:secret@hub.example/x") == "https://hub.example/x"
        assert "secret" not in Client("https://ann:secret@hub.example").where

    def test_is_silent_about_secrets_in_what_it_quotes(self) -> None:
        said = reason(f"\nfailed for {WRITE} at https://a:b@c/x?signature=abc \x1b[31m\nmore")
        assert said == "failed for … at https://…c/x?…  [31m"
