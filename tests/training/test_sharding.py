"""Parameters held in parts by two processes: what is trained is what one process trains."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed.fsdp import FSDPModule

import zoo
from tests.training import in_parts
from tests.training.in_parts import FAILED, INTERRUPTED, KILLED, TRAININGS
from tests.training.test_processes import OPTIONS, epochs, run
from zoo.errors import BadSetting, CheckpointMismatch, Incompatible
from zoo.progress import Silent
from zoo.training.config import FitConfig
from zoo.training.processes import Processes
from zoo.training.request import Request
from zoo.training.sharding import Sharding, require_shardable

# Last bits of features may decide how the head is penalised at the start.
pytestmark = pytest.mark.usefixtures("own_cache")


def free_port():
    with socket.socket() as open_socket:
        open_socket.bind(("127.0.0.1", 0))
        return str(open_socket.getsockname()[1])


@pytest.fixture(scope="module")
def pair(digits, tmp_path_factory):
    """What two processes saw, and the folder of their results."""
    folder = tmp_path_factory.mktemp("pair")
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.in_parts", str(digits), str(folder)],
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [each.communicate(timeout=240)[1] for each in reversed(started)]
    assert [each.returncode for each in started] == [0, 0], said
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)], folder


@pytest.fixture(scope="module")
def alone(pair, data, tmp_path_factory):
    """The first of the trainings as a fit by one process, on the features that the two have kept."""
    return in_parts.fitted(data, tmp_path_factory.mktemp("alone") / "run").folder


def assert_near(ours, theirs):
    """Adam takes a gradient of nothing but rounding for a whole step, so single weights may part."""
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        apart = (tensor.float() - theirs[name].float()).norm()
        assert apart <= 1e-3 * tensor.float().norm() + 1e-5, name


def assert_same_run(ours, theirs):
    for line, other in zip(epochs(ours), epochs(theirs), strict=True):
        assert line["val"] == pytest.approx(other["val"], rel=1e-4, abs=1e-5)
    for path in (ours / "artifact").glob("*.safetensors"):
        assert_near(load_file(path), load_file(theirs / "artifact" / path.name))


@pytest.mark.parametrize("name", TRAININGS)
def test_what_is_trained_in_parts_is_what_one_process_trains(name, pair, data):
    (seen, _), folder = pair
    outcome, made = in_parts.trained(data, name)
    for line, other in zip(outcome.history, seen[name]["history"], strict=True):
        assert line["val"] == pytest.approx(other["val"], rel=1e-4, abs=1e-5)
    assert_near(dict(made.state_dict()), load_file(folder / f"{name}.safetensors"))


@pytest.mark.parametrize("name", TRAININGS)
def test_each_process_holds_half_of_the_blocks_and_of_what_the_optimizer_keeps(name, pair, data):
    seen, _ = pair
    made = in_parts.model(data.labels, *TRAININGS[name][:2])
    blocks = sum(p.numel() for p in made.backbone.parameters())
    heads = sum(p.numel() for p in made.heads.parameters())
    trained = sum(p.numel() for p in made.trainable().values())
    for mine in seen:
        assert mine[name]["held"][-1] == pytest.approx(blocks / 2 + heads, rel=0.01)
        # Two moments for each parameter; those of heads are whole.
        assert mine[name]["states"][-1] == pytest.approx(trained - heads + 2 * heads, rel=0.02)
    assert sum(mine[name]["held"][0] - heads for mine in seen) == blocks
    assert seen[0][name]["notes"] == [
        f"While it was trained, 2 processes held parts of {blocks:,} of {blocks + heads:,} parameters."
    ]


def test_ctrl_c_on_one_of_them_stops_both_and_they_go_on_to_the_same_end(pair, alone):
    seen, folder = pair
    assert [mine[INTERRUPTED] for mine in seen] == ["stopped", "stopped"]
    assert_same_run(folder / INTERRUPTED, alone)


def test_a_loss_that_is_no_number_on_one_of_them_is_told_by_both(pair):
    seen, _ = pair
    assert seen[0][FAILED] == seen[1][FAILED]
    assert seen[0][FAILED].startswith(
        "The loss became nan in epoch 2, batch 3 of 9, in the loss of sound outputs.\n"
    )


def test_out_of_memory_ends_them_and_what_was_kept_is_whole(pair, alone, data):
    (first, second), folder = pair
    assert first[KILLED].startswith("Another process ended in epoch 2, batch 3 of 9, and this one")
    assert second[KILLED] == (
        "Out of memory in epoch 2, batch 3 of 9 with 3 rows at a time, and parameters in parts allow "
        "no second try.\nBegin again with `--micro-batch 1 --overwrite`."
    )
    in_parts.fitted(data, folder / KILLED, resume=True, checkpoint_steps=5)  # by one, unsharded
    assert_same_run(folder / KILLED, alone)


@pytest.mark.parametrize(
    ("adapter", "settings", "options", "adapting", "what"),
    [
        ("lora", {}, {"compile": True}, False, "compile=true"),
        ("lora", {}, {"precision": "fp16"}, False, "precision=fp16"),
        ("lora", {}, {"weighting": "gradnorm"}, False, "weighting=gradnorm"),
        ("lora", {}, {}, True, "a target to adapt to"),
        ("finetune", {"l2_sp": 0.01}, {}, False, "the penalty of finetune"),
    ],
)
def test_what_needs_whole_parameters_is_refused(adapter, settings, options, adapting, what, data):
    made = in_parts.model(data.labels, adapter, settings)
    config = FitConfig.resolve({}, {"sharded": True, **options})
    with pytest.raises(BadSetting, match=f"in parts, and {what} needs them whole") as caught:
        require_shardable(made, config, adapting=adapting)
    assert caught.value.hint.startswith("Leave one of them out.")


def test_an_adapter_that_takes_no_steps_is_refused(data, tmp_path):
    made = in_parts.model(data.labels, "linear-probe", {})
    with pytest.raises(BadSetting, match=r"while steps are taken, and linear-probe takes none"):
        zoo.fit(made, data, tmp_path / "run", sharded=True)
    assert not any(tmp_path.iterdir())


def test_a_torch_that_takes_means_of_gradients_is_refused(data, monkeypatch):
    monkeypatch.delattr(FSDPModule, "set_force_sum_reduction_for_comms")
    made, config = in_parts.model(data.labels, "lora", {}), FitConfig(sharded=True)
    with pytest.raises(Incompatible, match=r"needs a later torch than .* its FSDP2 cannot add up"):
        require_shardable(made, config, adapting=False)


def test_an_adapter_for_each_task_is_refused(data):
    tasks = [zoo.task("classification", labels=data.labels, name=name) for name in ("a", "b")]
    made = zoo.compose("vision:digits", "lora", tasks, adapter_per_task=True)
    config = FitConfig.resolve({}, {"sharded": True})
    with pytest.raises(BadSetting, match="an adapter for each task needs them whole"):
        require_shardable(made, config, adapting=False)


def test_an_option_that_does_not_go_with_parts_is_told_before_training(data, tmp_path):
    made = in_parts.model(data.labels, "finetune", {"l2_sp": 0.01})
    with pytest.raises(BadSetting, match="the penalty of finetune"):
        zoo.fit(made, data, tmp_path / "run", progress=Silent(), sharded=True)
    assert not (tmp_path / "run").exists()


def test_one_process_has_nothing_to_hold_in_parts_and_says_so(data):
    outcome, _ = in_parts.trained(data, "a frozen block in front", sharded=True, epochs=1)
    assert outcome.notes == ["sharded=true held nothing in parts: there is one process."]


def test_where_parameters_are_held_is_no_part_of_what_a_checkpoint_is_of(data):
    made = in_parts.model(data.labels, "lora", {})
    first, second, third = (
        Request.of(made, data, FitConfig.resolve({}, options))
        for options in ({}, {"sharded": True}, {"clip": 2.0})
    )
    assert first.require_same(second) == []
    with pytest.raises(CheckpointMismatch):
        first.require_same(third)


class TestLaunchers:
    """What accelerate's launcher sets in the environment."""

    def test_asking_for_the_second_version_is_asking_for_parts(self, monkeypatch):
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        monkeypatch.setenv("FSDP_VERSION", "2")
        assert Processes().shards_asked
        assert "ACCELERATE_USE_FSDP" not in os.environ  # else accelerate would shard as well
        assert not Processes().shards_asked

    @pytest.mark.parametrize(
        ("variable", "what"),
        [
            ("ACCELERATE_USE_FSDP", "the first version of FSDP"),
            ("ACCELERATE_USE_DEEPSPEED", "DeepSpeed"),
            ("ACCELERATE_USE_MEGATRON_LM", "Megatron-LM"),
        ],
    )
    def test_asking_for_anything_else_is_refused(self, variable, what, monkeypatch):
        monkeypatch.setenv(variable, "true")
        with pytest.raises(Incompatible) as caught:
            Processes()
        assert caught.value.message.startswith(
            f"The launcher was asked for {what} ({variable} is set)"
        )
        assert "`accelerate launch --use_fsdp --fsdp_version 2 -m zoo fit …`" in caught.value.hint


def test_without_blocks_everything_is_whole():
    sharding, parameter = Sharding(), torch.nn.Parameter(torch.ones(3))
    parameter.grad = torch.full((3,), 2.0)
    with sharding.applied(), sharding.whole():
        assert sharding.plain([parameter]) == [parameter]
        assert sharding.norm([parameter]) == pytest.approx(12**0.5)
        assert sharding.together(parameter, sharding.part(parameter, parameter)) is parameter


@pytest.mark.soak
@pytest.mark.parametrize("asked", ["option", "launcher"])
def test_the_command_and_a_launcher_ask_for_it(asked, digits, tmp_path, monkeypatch):
    options = ["--sharded"]
    if asked == "launcher":
        options = []
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        monkeypatch.setenv("FSDP_VERSION", "2")
    assert run("fit", digits, *OPTIONS, "--out", tmp_path / "alone")[0] == 0
    out = tmp_path / "run"
    code, printed, said = run(
        "fit", digits, *OPTIONS, *options, "--processes", 2, "--out", out, "--json"
    )
    assert code == 0, said
    assert "warn" not in said.lower()
    assert ("sharded = true" in (out / "fit.toml").read_text()) == (asked == "option")
    assert any("2 processes held parts of" in note for note in json.loads(printed)["notes"])
    assert_same_run(out, tmp_path / "alone")
