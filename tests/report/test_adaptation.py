"""What of the states that were tried is chosen, and by which figure."""

import pytest

from zoo.report.adaptation import (
    LABEL_FREE,
    ORACLE,
    ORACLE_SOURCE_ONLY,
    SOURCE_ONLY,
    Candidate,
    Floor,
    State,
    best_alone,
    floor_of,
    gains,
    picked,
    reaches,
)

ROWS = {"validation": 100, "training": 1800, "target": 450, "classes": 3}


def state(epoch, risk, score, source, accuracy, reverse=None):
    metrics = {"accuracy": accuracy}
    return State(
        epoch=epoch, risk=risk, score=score, source=source, reverse=reverse, metrics=metrics
    )


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
    floor = floor_of(candidates, **ROWS)
    assert floor == Floor(pytest.approx(0.9 - 2 * 0.03))
    picks = picked(candidates, "accuracy", floor)
    assert picks[SOURCE_ONLY].state.epoch == 1
    assert picks[LABEL_FREE].state.epoch == 1
    assert picks[ORACLE].state.metrics["accuracy"] == 0.8
    assert picks[ORACLE_SOURCE_ONLY].state.metrics["accuracy"] == 0.7
    assert gains(candidates, picks, floor)


def test_a_state_that_has_lost_the_source_is_not_believed(candidates):
    assert picked(candidates, "accuracy", Floor())[LABEL_FREE].state.epoch == 2
    del candidates[1].states[:2]
    floor = floor_of(candidates, **ROWS)
    picks = picked(candidates, "accuracy", floor)
    assert not gains(candidates, picks, floor)
    assert not reaches(picks[LABEL_FREE], floor)


def floor_where(candidates, measure, *, alone, aligned):
    """The floor where states have these values of a measure, and all know the source."""
    for each in candidates[0].states:
        setattr(each, measure, alone)
    for each, value in zip(candidates[1].states, aligned, strict=True):
        setattr(each, measure, value)
        each.source = 0.9
    return floor_of(candidates, **ROWS)


def test_labels_of_the_target_that_do_not_lead_back_to_the_sources_are_not_believed(candidates):
    """As where predictions are sure and of other clusters than classes."""
    floor = floor_where(candidates, "reverse", alone=0.9, aligned=(0.9, 0.885, 0.87))
    assert floor.reverse == pytest.approx(0.9 - 2 * (2 * 0.9 * 0.1 / 1800) ** 0.5)
    assert picked(candidates, "accuracy", Floor())[LABEL_FREE].state.epoch == 2
    assert picked(candidates, "accuracy", floor)[LABEL_FREE].state.epoch == 1


def test_classes_of_the_target_that_are_nearly_all_one_are_not_believed(candidates):
    """As where an alignment makes more and more of a mistake that was there without it."""
    floor = floor_where(candidates, "balance", alone=0.8, aligned=(0.8, 0.75, 0.72))
    assert floor.balance == pytest.approx(0.8 - (2 * (1 / 450 + 1 / 1800)) ** 0.5)
    assert picked(candidates, "accuracy", floor)[LABEL_FREE].state.epoch == 1


def test_what_longer_training_alone_reaches_is_no_gain(candidates):
    """Any state without the alignment counts, not only the one that the source's risk chose."""
    floor = floor_of(candidates, **ROWS)
    picks = picked(candidates, "accuracy", floor)
    candidates[0].states.append(state(2, 0.6, 0.75, 0.9, 0.6))
    assert picked(candidates, "accuracy", floor) == picks
    assert not gains(candidates, picks, floor)
    assert reaches(picks[LABEL_FREE], floor)
    assert best_alone(candidates) == 0.75


def test_no_gain_no_alignment(candidates):
    for each in candidates[1].states:
        each.score = 0.4
    assert not gains(candidates, picked(candidates, "accuracy", Floor()), Floor())


def test_without_labels_there_is_no_oracle(candidates):
    for candidate in candidates:
        for each in candidate.states:
            each.metrics = {}
    assert picked(candidates, "accuracy", Floor()).keys() == {SOURCE_ONLY, LABEL_FREE}


def test_what_is_no_number_is_chosen_last(candidates):
    candidates[0].states[1].risk = None
    candidates[1].states[2].score = None
    picks = picked(candidates, "accuracy", Floor())
    assert picks[SOURCE_ONLY].state.epoch == 0
    assert picks[LABEL_FREE].state.epoch == 1
