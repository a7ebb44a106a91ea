"""Every task under every adapter that its spec allows: pushed, and pulled in a fresh process."""

import pytest

from tests.plugins.tasks import matrix

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("task", matrix.TASKS)
def test_it_says_the_same_after_a_push_and_a_pull(task, tmp_path):
    allowed = [a for a in matrix.ADAPTERS if not matrix.why_not(task, a)]
    before, after = matrix.there_and_back([(task, adapter) for adapter in allowed], tmp_path)
    assert len(before) == len(allowed)
    assert after == before
