"""A fit that was cut short anywhere goes on to the very weights of one that was not."""

import functools
import json
import resource
import shutil
import signal

import pytest

import zoo
from tests.training.killed import At, killed_fit
from zoo.errors import CheckpointInvalid, CheckpointMismatch, NothingToResume
from zoo.progress import Silent
from zoo.report.record import read_history, read_record

OPTIONS = {"epochs": 3, "lr": 0.003, "batch_size": 16, "patience": 50}


def weights(run):
    return {path.name: path.read_bytes() for path in (run / "artifact").glob("*.safetensors")}


def figures(run):
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_history(run)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Features of no other fit: of rows that came in other batches, they differ in their last bits."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    """The run that nothing disturbed, by adapter."""

    @functools.cache
    def make(adapter):
        task = zoo.task("classification", labels=data.labels)
        out = tmp_path_factory.mktemp("runs") / "run"
        zoo.fit(zoo.compose("vision:digits", adapter, task), data, out, **OPTIONS)
        return out

    return make


@pytest.mark.parametrize(
    ("adapter", "at"),
    [
        ("lora", At("features of train", 40)),
        pytest.param("lora", At("epoch 1/3", 3), marks=pytest.mark.soak),
        ("finetune", At("epoch 2/3", 5)),
        # All of its steps, before it is validated.
        pytest.param("lora", At("epoch 3/3", 7), marks=pytest.mark.soak),
        pytest.param("lora", At("evaluating on test"), marks=pytest.mark.soak),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.watched} {value.units}",
)
def test_a_killed_fit_ends_at_the_same_bits(adapter, at, make_model, data, uninterrupted, tmp_path):
    out = tmp_path / "runs" / "run"
    make = functools.partial(make_model, adapter)
    assert killed_fit(make, data, out, at, checkpoint_steps=2, **OPTIONS) == signal.SIGKILL
    assert not (out / "run.json").exists()
    run = zoo.fit(make(), data, out, resume=True, checkpoint_steps=2, **OPTIONS)
    assert weights(out) == weights(uninterrupted(adapter))
    assert figures(out) == figures(uninterrupted(adapter))
    assert run.record.results == read_record(uninterrupted(adapter)).results
    assert run.record.status == "finished"
    assert not (out / "checkpoint").exists()
    assert [path.name for path in out.parent.iterdir()] == ["run"]


def test_ctrl_c_keeps_the_step_it_came_in_and_goes_on_from_there(
    make_model, data, uninterrupted, tmp_path
):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        zoo.fit(
            make_model(), data, out, progress=At("epoch 2/3", 3, number=signal.SIGINT), **OPTIONS
        )
    assert read_record(out).status == "interrupted"
    zoo.load(out)
    steps = Stages()
    zoo.fit(make_model(), data, out, resume=True, progress=steps, **OPTIONS)
    assert [name for name in steps.begun if name.startswith("epoch")] == ["epoch 2/3", "epoch 3/3"]
    assert weights(out) == weights(uninterrupted("lora"))


class Stages(Silent):
    """Remembers what was begun."""

    def __init__(self):
        self.begun = []
        self.notes = []

    def stage(self, name, total):
        self.begun.append(name)
        return super().stage(name, total)

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def killed(own_cache, data, tmp_path_factory):
    """A fit that was killed in its second epoch."""

    def make():
        return zoo.compose("vision:digits", "lora", zoo.task("classification", labels=data.labels))

    out = tmp_path_factory.mktemp("killed") / "run"
    killed_fit(make, data, out, At("epoch 2/3", 3), checkpoint_steps=2, **OPTIONS)
    return out


@pytest.fixture
def begun(killed, tmp_path):
    """The same, to do with what one likes."""
    return shutil.copytree(killed, tmp_path / "run")


def checkpoints(out):
    return sorted(path for path in (out / "checkpoint").iterdir() if path.name.isdecimal())


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(
    begun, make_model, data, uninterrupted, tmp_path
):
    assert len(checkpoints(begun)) == 2
    flip(checkpoints(begun)[-1] / "state.safetensors")
    told = Stages()
    zoo.fit(make_model(), data, begun, resume=True, progress=told, checkpoint_steps=2, **OPTIONS)
    assert any("is damaged" in note and "the one before" in note for note in told.notes)
    assert weights(begun) == weights(uninterrupted("lora"))


def test_where_all_are_damaged_nothing_is_lost_and_it_is_said(begun, make_model, data):
    for folder in checkpoints(begun):
        (folder / "state.safetensors").write_bytes(b"")
    before = sorted(begun.rglob("*"))
    with pytest.raises(CheckpointInvalid, match=r"(?s)is damaged.*--overwrite"):
        zoo.fit(make_model(), data, begun, resume=True, checkpoint_steps=2, **OPTIONS)
    assert sorted(begun.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "is damaged"), ("no json", "is damaged"), ('{"format": 99}', "format 99")],
)
def test_a_request_that_cannot_be_read_is_explained(content, message, begun, make_model, data):
    (begun / "checkpoint" / "request.json").write_text(content)
    with pytest.raises(CheckpointInvalid, match=message):
        zoo.fit(make_model(), data, begun, resume=True, checkpoint_steps=2, **OPTIONS)


def test_nothing_else_is_gone_on_with(begun, make_model, data, digits, tmp_path):
    options = {"resume": True, "checkpoint_steps": 2, **OPTIONS}
    before = sorted(begun.rglob("*"))
    with pytest.raises(CheckpointMismatch, match=r"another model: adapter was \"lora\""):
        zoo.fit(make_model("finetune"), data, begun, **options)
    with pytest.raises(CheckpointMismatch, match="another model: adapter_settings"):
        zoo.fit(make_model(rank=3), data, begun, **options)
    with pytest.raises(CheckpointMismatch, match="another data set: order"):
        zoo.fit(make_model(), zoo.load_data(digits, seed=1), begun, **options)
    fewer = shutil.copytree(digits, tmp_path / "fewer")
    next(fewer.rglob("*.png")).unlink()
    with pytest.raises(CheckpointMismatch, match=r"another data set: rows was \{\"train\": "):
        zoo.fit(make_model(), zoo.load_data(fewer), begun, **options)
    with pytest.raises(CheckpointMismatch, match=r"another training: lr was 0.003 and is 0.02"):
        zoo.fit(make_model(), data, begun, **(options | {"lr": 0.02}))
    assert sorted(begun.rglob("*")) == before


def test_other_weights_are_told_by_their_digest(begun, make_model, data):
    path = begun / "checkpoint" / "request.json"
    request = json.loads(path.read_text())
    request["model"]["weights"] = "f" * 64
    path.write_text(json.dumps(request))
    with pytest.raises(CheckpointMismatch, match=r"another model: weights was f{12}… and is "):
        zoo.fit(make_model(), data, begun, resume=True, checkpoint_steps=2, **OPTIONS)


def test_another_version_of_a_library_is_told(begun, make_model, data, monkeypatch):
    path = begun / "checkpoint" / "request.json"
    request = json.loads(path.read_text())
    request["versions"]["torch"] = "2.0.0"
    path.write_text(json.dumps(request))
    run = zoo.fit(make_model(), data, begun, resume=True, checkpoint_steps=2, **OPTIONS)
    assert any("torch 2.0.0 (now " in note for note in run.record.notes)


def test_where_there_is_nothing_to_do_that_is_said(make_model, data, uninterrupted, tmp_path):
    with pytest.raises(NothingToResume, match="no fit that was begun"):
        zoo.fit(make_model(), data, tmp_path / "none", resume=True, **OPTIONS)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NothingToResume, match="is a finished run"):
        zoo.fit(make_model(), data, uninterrupted("lora"), resume=True, **OPTIONS)


class CtrlCInTheEnd(Silent):
    """Ctrl-C while the run is being written, once or twice."""

    def __init__(self, times):
        self.times = times

    def press(self, *arguments, **options):
        for _ in range(self.times):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_the_run_is_written_does_not_lose_it(
    times, make_model, data, uninterrupted, tmp_path, monkeypatch
):
    from zoo.training import fit as module

    out, press = tmp_path / "run", CtrlCInTheEnd(times).press
    real = module.write_report
    monkeypatch.setattr(module, "write_report", lambda folder: (press(), real(folder)))
    with pytest.raises(KeyboardInterrupt):
        zoo.fit(make_model(), data, out, **OPTIONS)
    monkeypatch.undo()
    if times == 2:
        assert not (out / "run.json").exists()
        zoo.fit(make_model(), data, out, resume=True, **OPTIONS)
    assert read_record(out).status == "finished"
    assert weights(out) == weights(uninterrupted("lora"))


def test_an_earlier_run_stays_until_the_new_one_is_finished(make_model, data, tmp_path):
    out = tmp_path / "run"
    zoo.fit(make_model("linear-probe"), data, out)
    before = (out / "run.json").read_bytes()
    at = At("epoch 2/3", 3)
    killed_fit(make_model, data, out, at, overwrite=True, checkpoint_steps=2, **OPTIONS)
    assert (out / "run.json").read_bytes() == before
    zoo.load(out)
    zoo.fit(make_model(), data, out, resume=True, checkpoint_steps=2, **OPTIONS)
    assert read_record(out).adapter == "lora"


def test_without_room_for_checkpoints_training_goes_on_and_says_so(
    make_model, data, uninterrupted, tmp_path
):
    out = tmp_path / "run"
    disk = FullDisk("epoch 1/3", until="epoch 3/3")
    assert killed_fit(make_model, data, out, disk, checkpoint_steps=1, **OPTIONS) == 0
    assert any("No checkpoint could be written" in note for note in read_record(out).notes)
    assert weights(out) == weights(uninterrupted("lora"))


class FullDisk(Silent):
    """No file can grow beyond 10 kB from one stage until another."""

    def __init__(self, stage, until):
        self.limits = {stage: 10_000, until: resource.RLIM_INFINITY}

    def stage(self, name, total):
        if name in self.limits:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limits[name], hard))
        return super().stage(name, total)
