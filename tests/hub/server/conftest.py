"""The stock client, and a repo."""

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    HfApi,
    constants,
)

from tests.hub.server.asking import CARD, LARGE


@pytest.fixture(autouse=True)
def stock_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_DISABLE_XET=1 before the client is imported."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)


@pytest.fixture
def repo(api: HfApi) -> str:
    """A repo with a small and a large file and a card."""
    api.create_repo("me/flowers")
    api.create_commit(
        "me/flowers",
        [
            CommitOperationAdd("README.md", CARD.encode()),
            CommitOperationAdd("deep/er/config.json", b'{"a": 1}'),
            CommitOperationAdd("model.safetensors", LARGE),
        ],
        commit_message="First",
    )
    return "me/flowers"
