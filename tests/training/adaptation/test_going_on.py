"""A fit for a target that is killed goes on to the same choice, and tells who listens of every step."""

import contextlib
import functools
import signal

import pytest

import zoo
from tests.training.killed import At, killed_fit
from zoo.plugin import Callback
from zoo.progress import Silent
from zoo.training.adaptation.adapt import Adapt

pytestmark = pytest.mark.usefixtures("own_cache")
OPTIONS = {"epochs": 2, "batch_size": 16, "checkpoint_steps": 2}
STEPS = 2 * 9  # of one candidate: 140 rows in batches of 16


class InCandidate(At):
    """As ``At``, from the beginning of one candidate on."""

    def __init__(self, candidate, stage, units):
        super().__init__(stage, units)
        self.words, self.begun = f"Training candidate {candidate}/", False

    def note(self, text):
        self.begun = self.begun or text.startswith(self.words)

    @contextlib.contextmanager
    def stage(self, name, total):
        with super().stage(name if self.begun else "", total) as advance:
            yield advance


class Steps(Callback):
    def begin(self, folder, request):
        self.steps, self.epochs = [], []

    def step(self, line):
        self.steps.append((line["candidate"], line["step"]))

    def epoch(self, line):
        self.epochs.append(line["epoch"])


def weights(run):
    return {path.name: path.read_bytes() for path in (run / "artifact").glob("*.safetensors")}


@pytest.fixture(scope="module")
def dann(target):
    return Adapt(target, "dann", {"hidden": 16}, tries=1)


@pytest.fixture(scope="module")
def whole(data, dann, tmp_path_factory):
    """The run that nothing disturbed, and who listened to it."""
    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose("vision:digits", "bottleneck", task)
    told, out = Steps(), tmp_path_factory.mktemp("runs") / "run"
    run = zoo.fit(model, data, out, adapt=dann, callbacks=[told], progress=Silent(), **OPTIONS)
    return run, told


def test_every_step_of_every_candidate_is_told_and_the_epochs_of_the_chosen(whole):
    run, told = whole
    each = range(1, STEPS + 1)
    assert told.steps == [(candidate, step) for candidate in (1, 2) for step in each]
    assert told.epochs == [0, 1, 2]
    assert run.record.status == "finished"


@pytest.mark.parametrize(
    "at",
    [
        InCandidate(2, "epoch 2/2", 3),
        pytest.param(InCandidate(1, "epoch 1/2", 5), marks=pytest.mark.soak),
    ],
    ids=["with the alignment", "source-only"],
)
def test_a_killed_fit_chooses_and_ends_the_same(at, make_model, data, dann, whole, tmp_path):
    out = tmp_path / "run"
    make = functools.partial(make_model)
    assert killed_fit(make, data, out, at, adapt=dann, **OPTIONS) == signal.SIGKILL
    run = zoo.fit(make(), data, out, adapt=dann, resume=True, progress=Silent(), **OPTIONS)
    assert run.record.adaptation == whole[0].record.adaptation
    assert weights(out) == weights(whole[0].folder)
