"""What of the states that were tried is chosen, and by which figure."""

import pytest

from zoo.report.adaptation import (
    LABEL_FREE,
    ORACLE,
    ORACLE_SOURCE_ONLY,
    SOURCE_ONLY,
    Candidate,
    State,
    floor_of,
    gains,
    picked,
)


def state(epoch, risk, score, source, accuracy):
    return State(epoch=epoch, risk=risk, score=score, source=source, metrics={"accuracy": accuracy})


@pytest.fixture
def candidates():
    """The validator is fooled by epoch 2 of the alignment, which has lost the source."""
    plain = [state(0, 0.4, 0.5, 0.90, 0.70), state(1, 0.3, 0.4, 0.90, 0.65)]
    aligned = [
        state(0, 0.4, 0.5, 0.90, 0.70),
        state(1, 0.5, 0.7, 0.88, 0.80),
        state(2, 2.0, 0.9, 0.50, 0.30),
    ]
    return [
        Candidate(method=SOURCE_ONLY, lr=1e-3, states=plain),
        Candidate(method="coral", lr=1e-3, states=aligned),
    ]


def test_risk_chooses_source_only_and_the_validator_the_aligned(candidates):
    floor = floor_of(candidates, rows=100)
    assert floor == pytest.approx(0.9 - 2 * 0.03)
    picks = picked(candidates, "accuracy", floor)
    assert picks[SOURCE_ONLY].state.epoch == 1
    assert picks[LABEL_FREE].state.epoch == 1
    assert picks[ORACLE].state.metrics["accuracy"] == 0.8
    assert picks[ORACLE_SOURCE_ONLY].state.metrics["accuracy"] == 0.7
    assert gains(picks, floor)


def test_a_state_that_has_lost_the_source_is_not_believed(candidates):
    assert picked(candidates, "accuracy")[LABEL_FREE].state.epoch == 2
    del candidates[1].states[:2]
    floor = floor_of(candidates, rows=100)
    assert not gains(picked(candidates, "accuracy", floor), floor)


def test_no_gain_no_alignment(candidates):
    for each in candidates[1].states:
        each.score = 0.4
    picks = picked(candidates, "accuracy")
    assert not gains(picks)


def test_without_labels_there_is_no_oracle(candidates):
    for candidate in candidates:
        for each in candidate.states:
            each.metrics = {}
    assert picked(candidates, "accuracy").keys() == {SOURCE_ONLY, LABEL_FREE}


def test_what_is_no_number_is_chosen_last(candidates):
    candidates[0].states[1].risk = None
    candidates[1].states[2].score = None
    picks = picked(candidates, "accuracy")
    assert picks[SOURCE_ONLY].state.epoch == 0
    assert picks[LABEL_FREE].state.epoch == 1
