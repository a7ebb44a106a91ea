"""What the tests of the server send, and how they ask."""

import http.client
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    HfApi,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
)

from zoo.hub.server import EmbeddedHub

LARGE = bytes(range(256)) * 1_000  # of a kind that takes the LFS route
CARD = "---\nlicense: mit\nlibrary_name: zoo\ntags: [flowers]\nbase_model: a/b\n---\n# Hello\n"


def head(api: HfApi, repo: str, revision: str = "main") -> str:
    sha = api.model_info(repo, revision=revision).sha
    assert sha is not None
    return sha


def status(failure: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return failure.value.response.status_code


def raw(hub: EmbeddedHub, method: str, path: str, **headers: str) -> tuple[int, bytes, dict]:
    """A request that the client library would not send."""
    connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    result = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return result
