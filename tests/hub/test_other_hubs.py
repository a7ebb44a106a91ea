"""Push and pull with hubs that are not ours: less than ours has, and other ways of saying it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

import zoo
from tests.hub.minimal import MinimalHub
from tests.hub.pulling import REPO
from zoo.errors import AccessDenied, HubError, NotAnArtifact, RepoNotFound
from zoo.hub.push import push

TOKEN = "hf_abcdefghij"
ANN = {"type": "user", "name": "me"}
XET = {"X-Xet-Hash": "a" * 64, "X-Xet-Refresh-Route": "http://127.0.0.1:9/token"}
SCOPE = {"entity": {"type": "user", "name": "me"}, "permissions": ["repo.write"]}

HABITS: dict[str, dict[str, Any]] = {
    "the least": {},
    "a first commit": {"first_commit": True},
    "codes of errors": {"codes": True},
    "401 for what is not there": {"missing": 401},
    "weak ETags": {"etag": 'W/"{}"'},
    "bare ETags": {"etag": "{}"},
    "files named by sha256": {"oid": "sha256"},
    "files not named at all": {"oid": "none"},
    "no trees": {"tree": False},
    "contents elsewhere": {"redirects": True},
    "Xet that does not answer": {"headers": XET},
    "Xet and contents elsewhere": {"headers": XET, "redirects": True},
}
WHOAMI: dict[str, Any] = {
    "without organisations": ANN,
    "without an access token": {**ANN, "orgs": [], "auth": {}},
    "with nothing for them": {**ANN, "orgs": None, "auth": None},
    "with other types": {**ANN, "orgs": [{"fullname": "lab"}, "lab"], "auth": "token"},
    "of a token without scopes": {**ANN, "auth": {"accessToken": {"role": "fineGrained"}}},
    "of a token for one owner": {
        **ANN,
        "auth": {"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": [SCOPE]}}},
    },
    "that is a list": [],
}


def round_trip(hub: MinimalHub, artifact: Path) -> None:
    """Push, push the same again, pull from there."""
    done = push(artifact, REPO, endpoint=hub.url)
    count = len(hub.commits[REPO])
    again = push(artifact, REPO, endpoint=hub.url)
    assert (again.commit, again.changed) == (done.commit, ())
    assert len(hub.commits[REPO]) == count
    names = {path.name for path in artifact.iterdir()}
    assert names <= hub.commits[REPO][-1][1].keys()

    pulled, ours = zoo.pull(REPO, endpoint=hub.url), zoo.load(artifact)
    for name, tensor in ours.state_dict().items():
        assert torch.equal(pulled.state_dict()[name], tensor)


@pytest.mark.parametrize("habit", HABITS)
def test_a_model_travels_by_a_hub_with(
    cache: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch, habit: str
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with MinimalHub(**HABITS[habit]) as hub:
        round_trip(hub, artifact)
    assert not constants.HF_HUB_DISABLE_XET


@pytest.mark.parametrize("whoami", WHOAMI)
def test_who_asks_may_be_answered(
    cache: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch, whoami: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with MinimalHub(whoami=WHOAMI[whoami], tokens=(TOKEN,), missing=401) as hub:
        assert push(artifact, REPO, endpoint=hub.url).commit == hub.commits[REPO][-1][0]


@pytest.mark.row(31)
def test_no_token_goes_where_contents_come_from(
    cache: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with MinimalHub(tokens=(TOKEN,), redirects=True, headers=XET) as hub:
        round_trip(hub, artifact)
        elsewhere = [with_token for _, path, with_token in hub.log if path.startswith("/blob/")]
        assert elsewhere
        assert not any(elsewhere)


def test_what_is_there_already_is_sent_without_a_word(
    cache: Path, artifact: Path, other: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with MinimalHub() as hub:
        for each in (artifact, other, artifact):
            push(each, REPO, endpoint=hub.url)
    assert capfd.readouterr() == ("", "")


@pytest.mark.row(35)
def test_what_is_missing_is_told_by_the_address(
    cache: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a hub says 404 and no more."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with MinimalHub() as hub:
        push(artifact, REPO, endpoint=hub.url)
        hub.add("me/empty", {"a.txt": b""})
        with pytest.raises(RepoNotFound, match="There is no public repo me/none on"):
            zoo.pull("me/none", endpoint=hub.url)
        with pytest.raises(RepoNotFound, match="or it has no revision 'v9'") as failure:
            zoo.pull(REPO, revision="v9", endpoint=hub.url)
        assert "Check the spelling" in failure.value.hint
        with pytest.raises(NotAnArtifact, match=r"me/empty at .* has no zoo\.json"):
            zoo.pull("me/empty", endpoint=hub.url)
        hub.add(
            REPO, {k: v for k, v in hub.commits[REPO][-1][1].items() if k != "probe.safetensors"}
        )
        with pytest.raises(HubError, match="A file is not in the repo me/flowers"):
            zoo.pull(REPO, endpoint=hub.url)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "needs a token, and none was found"),
        ("hf_expired123", "The token in HF_TOKEN is not valid"),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("missing", [401, 404])
def test_a_push_without_a_good_token_says_so(
    cache: Path,
    artifact: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    said: str,
    exists: bool,
    missing: int,
) -> None:
    """With a hub that answers neither who asks nor what is allowed."""
    if token is None:
        monkeypatch.delenv("HF_TOKEN", raising=False)
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    with MinimalHub(tokens=(TOKEN,), missing=missing) as hub:
        if exists:
            hub.add(REPO, {"notes.txt": b"mine"})
        with pytest.raises(AccessDenied, match=said):
            push(artifact, REPO, endpoint=hub.url)
        assert len(hub.commits.get(REPO, [])) == exists
