"""A task goes through a hub under an adapter, and what the specs do not allow is refused."""

import pytest

import zoo
from tests.plugins.tasks import matrix
from zoo.errors import Incompatible

SOME = [("token-classification", "lora")]  # all of them are in the soak


def test_what_is_pulled_in_a_fresh_process_says_what_was_pushed(tmp_path):
    before, after = matrix.there_and_back(SOME, tmp_path)
    assert len(before) == len(SOME)
    assert after == before
    assert all(len({str(answer) for answer in said}) > 1 for said in before.values())


@pytest.mark.parametrize("task", matrix.TASKS)
def test_what_the_specs_do_not_allow_is_refused(task, tmp_path):
    adapters = [adapter for adapter in matrix.ADAPTERS if matrix.why_not(task, adapter)]
    for adapter in adapters:
        with pytest.raises(Incompatible):
            matrix.fitted(task, adapter, matrix.backbone_of(task, tmp_path))


def test_what_trains_no_backbone_trains_no_language_head():
    for name in matrix.ADAPTERS:
        adapter = zoo.adapter(name)
        assert adapter.trains_backbone or not adapter.spec.language
