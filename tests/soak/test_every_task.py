"""Every task under every adapter that its spec allows: pushed, and pulled in a fresh process."""

import pytest

from tests.plugins.tasks import matrix
from zoo.hub import preflight

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("task", matrix.TASKS)
def test_it_says_the_same_after_a_push_and_a_pull(task, tmp_path, monkeypatch):
    # One fresh process pulls all of them; another for each push would take most of the time.
    monkeypatch.setattr(preflight, "open_elsewhere", preflight.open_here)
    allowed = [a for a in matrix.ADAPTERS if not matrix.why_not(task, a)]
    before, after = matrix.there_and_back([(task, adapter) for adapter in allowed], tmp_path)
    assert len(before) == len(allowed)
    assert after == before
    silent = [repo for repo, said in after.items() if len({str(answer) for answer in said}) < 2]
    assert not silent  # those who say one thing of everything agree by nature
