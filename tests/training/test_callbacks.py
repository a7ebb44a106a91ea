"""Callbacks: told of each epoch, given a folder of the run, and never able to harm a fit."""

import functools

import pytest

import zoo
from tests.training.killed import At, killed_fit
from zoo.errors import UnknownName
from zoo.plugin import Callback
from zoo.report.record import read_history

OPTIONS = {"epochs": 2, "lr": 0.003, "batch_size": 16, "patience": 50}


class Diary(Callback):
    def begin(self, folder, request):
        self.file = folder / "diary.txt"
        self.file.write_text(f"{request['model']['backbone']}\n")

    def epoch(self, line):
        with self.file.open("a") as file:
            file.write(f"{line['epoch']} {line['val']['log_loss']}\n")

    def end(self, record):
        with self.file.open("a") as file:
            file.write(record["status"])


def diary_of(run):
    return (run / "diary/diary.txt").read_text().splitlines()


def test_a_callback_is_told_all_and_its_folder_is_in_the_run(make_model, data, tmp_path):
    run = zoo.fit(make_model(), data, tmp_path / "run", callbacks=[Diary()], **OPTIONS)
    lines = diary_of(run.folder)
    assert lines[0] == "vision:digits"
    assert lines[1:-1] == [f"{x['epoch']} {x['val']['log_loss']}" for x in read_history(run.folder)]
    assert lines[-1] == "finished"
    assert not (run.folder / "checkpoint").exists()


def test_after_a_kill_it_is_told_of_every_epoch_once(make_model, data, tmp_path):
    out, options = tmp_path / "run", {**OPTIONS, "checkpoint_steps": 2}
    killed_fit(
        functools.partial(make_model), data, out, At("epoch 2/2", 3), callbacks=[Diary()], **options
    )
    zoo.fit(make_model(), data, out, resume=True, callbacks=[Diary()], **options)
    assert [line.split()[0] for line in diary_of(out)[1:-1]] == ["0", "1", "2"]


class Losses(Callback):
    def begin(self, folder, request):
        self.lines = []

    def step(self, line):
        self.lines.append(line)


def test_who_asks_for_steps_is_told_of_each(make_model, data, tmp_path):
    told = Losses()
    run = zoo.fit(make_model(), data, tmp_path / "run", callbacks=[told], **OPTIONS)
    batches = -(-data.rows["train"] // 16)
    assert [line["step"] for line in told.lines] == list(range(1, 2 * batches + 1))
    assert {line["epoch"] for line in told.lines} == {1, 2}
    assert all(line["loss"] > 0 and line["lr"] >= 0 for line in told.lines)
    assert set(told.lines[0]) == {"epoch", "step", "loss", "lr"}
    assert read_history(run.folder)[-1]["epoch"] == 2


class Broken(Callback):
    def epoch(self, line):
        raise SystemExit("no more")


def test_one_that_breaks_is_told_and_the_fit_goes_on(make_model, data, tmp_path):
    run = zoo.fit(make_model(), data, tmp_path / "run", callbacks=[Broken(), Diary()], **OPTIONS)
    assert diary_of(run.folder)[-1] == "finished"


def test_a_name_that_nobody_provides_is_refused_first(make_model, data, tmp_path):
    with pytest.raises(UnknownName, match="callback 'tensorbord'"):
        zoo.fit(make_model(), data, tmp_path / "run", callbacks=["tensorbord"], **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_has_the_curves(make_model, data, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from zoo_tensorboard.logger import TensorBoard

    run = zoo.fit(make_model(), data, tmp_path / "run", callbacks=[TensorBoard()], **OPTIONS)
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    found = [event.value for event in events.Scalars("val/log_loss")]
    assert found == pytest.approx([x["val"]["log_loss"] for x in read_history(run.folder)])
    assert len(events.Scalars("train/train_loss")) == 2
