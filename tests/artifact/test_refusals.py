"""What an artifact can have wrong with it, and what is said of each."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import zoo
from tests.artifact import tampering
from tests.artifact.conftest import Compose
from zoo.artifact.manifest import FORMAT
from zoo.artifact.verify import verify
from zoo.errors import (
    ArtifactError,
    BackboneMismatch,
    BackboneMisstated,
    CorruptFile,
    MissingPlugin,
    NewerFormat,
    ProbeMismatch,
    TensorMismatch,
    UnsafeFile,
)

LISTED = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "heads.safetensors",
    "probe.safetensors",
)
CONFIG, ADAPTER, HEADS, PROBE = LISTED


@pytest.fixture
def artifact(compose: Compose, tmp_path: Path) -> Path:
    """A good one, to be spoilt."""
    zoo.save(compose(), tmp_path / "artifact")
    return tmp_path / "artifact"


def refusal(folder: Path, kind: type[Exception], **options: Any) -> str:
    """The message with which loading and verifying refuse ``folder``, which says where it is."""
    with pytest.raises(kind) as loading:
        zoo.load(folder, **options)
    with pytest.raises(kind) as verifying:
        verify(folder, **options)
    assert type(loading.value) is kind
    assert str(loading.value) == str(verifying.value)
    assert len(str(loading.value).splitlines()) <= 2
    return str(loading.value).replace(str(folder), "<artifact>")


# === Files ===


@pytest.mark.row(27)
@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_flipped_byte(artifact: Path, name: str, share: float) -> None:
    path = artifact / name
    tampering.flip(path, int(share * (path.stat().st_size - 1)))

    message = refusal(artifact, CorruptFile)
    assert message.startswith(f"<artifact>/{name} was changed or damaged: its sha256 is ")
    assert message.endswith("….\nPull it again, or save the model again.")


@pytest.mark.row(50)
@pytest.mark.parametrize("name", LISTED)
def test_a_cut_file(artifact: Path, name: str) -> None:
    path = artifact / name
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])

    assert f"{name} has {size - 1} bytes; the manifest says {size}." in refusal(
        artifact, CorruptFile
    )


@pytest.mark.parametrize("name", LISTED)
def test_a_missing_file(artifact: Path, name: str) -> None:
    (artifact / name).unlink()

    assert f"{name} is missing; the manifest lists it." in refusal(artifact, CorruptFile)


@pytest.mark.row(55)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("protocol", [2, 4, "torch"])
def test_a_pickle_in_place_of_safetensors(
    artifact: Path, tmp_path: Path, protocol: int | str, signed: bool
) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "torch.pt")
    content = (tmp_path / "torch.pt").read_bytes()
    if isinstance(protocol, int):
        content = pickle.dumps({"weight": [1.0]}, protocol)
    if signed:
        tampering.put(artifact, ADAPTER, content)
    else:
        (artifact / ADAPTER).write_bytes(content)

    assert refusal(artifact, UnsafeFile) == (
        f"<artifact>: '{ADAPTER}' is a pickle, where {ADAPTER} must be safetensors. zoo never "
        "opens pickles: they can run code.\nAsk for the artifact as safetensors."
    )


@pytest.mark.row(55)
def test_a_pickle_beside_missing_safetensors(artifact: Path) -> None:
    (artifact / ADAPTER).rename(artifact / "adapter_model.bin")

    assert "'adapter_model.bin' is a pickle" in refusal(artifact, UnsafeFile)


@pytest.mark.row(55)
def test_a_manifest_that_lists_a_pickle(artifact: Path) -> None:
    tampering.put(artifact, "adapter_model.bin", b"anything")

    assert "lists adapter_model.bin, a pickle" in refusal(artifact, UnsafeFile)


def test_a_header_length_that_looks_like_a_pickle_is_none(artifact: Path) -> None:
    """0x0280 is a length that a header can well have, and how a pickle of protocol 2 begins."""
    header = b'{"__metadata__":{"format":"pt"}}'.ljust(0x0280)
    tampering.put(artifact, HEADS, len(header).to_bytes(8, "little") + header)

    assert "lacks 'classification.bias'" in refusal(artifact, TensorMismatch)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.row(50)
@pytest.mark.parametrize("name", [*LISTED, "zoo.json"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_link, "is a symbolic link"),
        (_fifo, "is not a regular file"),
        (_directory, "is a directory"),
    ],
)
def test_no_regular_file(
    artifact: Path, name: str, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(artifact / name)

    assert f"{name} {said}; zoo opens regular files only." in refusal(artifact, UnsafeFile)


@pytest.mark.row(50)
def test_the_snapshot_of_a_hub_cache_is_opened(artifact: Path, tmp_path: Path) -> None:
    """Its files are links into the blobs of the same repo."""
    repo = tmp_path / "models--me--insects"
    snapshot = repo / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repo / "blobs").mkdir()
    for number, path in enumerate(artifact.iterdir()):
        shutil.copy(path, repo / "blobs" / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")

    assert verify(snapshot).difference == 0.0

    (snapshot / ADAPTER).unlink()
    (snapshot / ADAPTER).symlink_to(artifact / ADAPTER)
    assert "is a symbolic link" in refusal(snapshot, UnsafeFile)


@pytest.mark.row(58)
@pytest.mark.parametrize("name", ["extra.json", "chat_template.jinja", "prompt.txt"])
def test_a_file_that_no_model_reads(artifact: Path, name: str) -> None:
    tampering.put(artifact, name, b"{{ 1 / 0 }}")

    assert f"lists {name}, which no model of lora reads" in refusal(artifact, CorruptFile)


def test_a_file_that_is_not_listed(artifact: Path) -> None:
    tampering.edit_manifest(artifact, lambda data: data["files"].pop(HEADS))

    assert f"does not list {HEADS}, which a model of lora has" in refusal(artifact, CorruptFile)


# === Tensors ===


def _first(tensors: dict[str, torch.Tensor]) -> str:
    return sorted(tensors)[0]


def _without_first(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[_first(tensors)]


def _with_extra(tensors: dict[str, torch.Tensor]) -> None:
    tensors["extra"] = torch.zeros(1)


def _renamed(tensors: dict[str, torch.Tensor]) -> None:
    tensors["renamed"] = tensors.pop(_first(tensors))


def _other_shape(tensors: dict[str, torch.Tensor]) -> None:
    tensors[_first(tensors)] = torch.zeros(1, 2)


def _other_type(tensors: dict[str, torch.Tensor]) -> None:
    tensors[_first(tensors)] = tensors[_first(tensors)].half()


def _with_nan(tensors: dict[str, torch.Tensor]) -> None:
    tensors[_first(tensors)].view(-1)[0] = float("nan")


def _with_infinity(tensors: dict[str, torch.Tensor]) -> None:
    tensors[_first(tensors)].view(-1)[-1] = float("-inf")


@pytest.mark.row(51)
@pytest.mark.parametrize("name", [ADAPTER, HEADS])
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_without_first, "it lacks {first}"),
        (_with_extra, "it has 'extra' that the model has not"),
        (_renamed, "it lacks {first}; it has 'renamed' that the model has not"),
        (_other_shape, "it has {first} as float32 [1, 2] where the model has float32 ["),
        (_other_type, "it has {first} as float16 ["),
        (_with_nan, "{first} holds NaN or infinite values"),
        (_with_infinity, "{first} holds NaN or infinite values"),
    ],
)
def test_tensors_that_are_not_the_models(
    artifact: Path, name: str, edit: Callable[[dict[str, torch.Tensor]], None], said: str
) -> None:
    first = {ADAPTER: "'base_model.model.4.lora_A.weight'", HEADS: "'classification.bias'"}[name]
    tampering.edit_tensors(artifact, name, edit)

    message = refusal(artifact, TensorMismatch)
    assert f"<artifact>/{name}" in message
    assert said.format(first=first) in message


@pytest.mark.row(51)
def test_a_message_names_three_tensors_and_counts_the_rest(artifact: Path) -> None:
    many = {f"t{number:03}": torch.zeros(1) for number in range(500)}
    tampering.edit_tensors(artifact, HEADS, lambda tensors: tensors.update(many))

    assert "it has 't000', 't001', 't002' and 497 more that the model has not" in refusal(
        artifact, TensorMismatch
    )


@pytest.mark.row(59)
def test_another_number_of_labels_than_rows_in_the_head(artifact: Path) -> None:
    tampering.edit_manifest(artifact, lambda data: data["tasks"][0]["labels"].pop())

    assert "'classification.bias' as float32 [3] where the model has float32 [2]" in refusal(
        artifact, TensorMismatch
    )


# === Configurations that stock libraries read ===


def edit_config(artifact: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    config = json.loads((artifact / CONFIG).read_text(encoding="utf-8"))
    edit(config)
    tampering.put(artifact, CONFIG, json.dumps(config).encode())


@pytest.mark.row(45, 52, 53, 57)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_mapping", {"base_model_class": "X", "parent_library": "os"}),
        ("auto_map", {"AutoModel": "evil.py--Model"}),
        ("trust_remote_code", True),
        ("_attn_implementation", "evil/kernel"),
        ("quantization_config", {"quant_method": "evil"}),
        ("target_modules", "(a+)+$"),
        ("target_modules", "all-linear"),
        ("modules_to_save", ["0"]),
        ("r", 10**9),
        ("r", 8.0),
        ("inference_mode", 1),
        ("base_model_name_or_path", "/etc/passwd"),
        ("base_model_name_or_path", "someone/else"),
        ("revision", "main"),
        ("peft_type", "LOHA"),
        ("peft_version", "__import__('os')"),
        ("peft_version", ["0.1"]),
        ("a number", 0),
        ("a word", "x"),
    ],
)
def test_a_configuration_says_what_the_model_says(artifact: Path, key: str, value: Any) -> None:
    edit_config(artifact, lambda config: config.update({key: value}))

    message = refusal(artifact, CorruptFile)
    assert message.startswith(f"<artifact>/{CONFIG} says {key!r} = ")
    assert "was tampered with, or written by another version" in message


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_keys_of_other_versions_without_a_value_are_let_be(artifact: Path, value: Any) -> None:
    edit_config(artifact, lambda config: config.update(news=value, peft_version="99.1.dev0+x"))
    edit_config(artifact, lambda config: config.pop("lora_bias"))

    assert zoo.load(artifact)


@pytest.mark.row(54)
def test_a_configuration_that_is_no_object(artifact: Path) -> None:
    for content, said in (
        (b"[]", "is not a JSON object"),
        (b'{"r": 1, "r": 1}', "is not valid JSON: a key occurs twice"),
        (b" " * (1 << 20) + b"{}", "is larger than 1048576 bytes"),
    ):
        tampering.put(artifact, CONFIG, content)
        assert said in refusal(artifact, CorruptFile)


# === Plugins, settings, format ===


@pytest.mark.row(56)
@pytest.mark.parametrize("part", ["backbone", "adapter", "task"])
def test_a_missing_plugin(artifact: Path, part: str) -> None:
    def edit(data: dict[str, Any]) -> None:
        entry = data["tasks"][0] if part == "task" else data[part]
        entry["kind" if part == "task" else "name"] = "absent:thing"
        entry["provider"] = "zoo-absent 2.1"

    tampering.edit_manifest(artifact, edit)

    assert refusal(artifact, MissingPlugin) == (
        "This artifact needs 'absent:thing', which no installed plugin provides; it came from "
        "zoo-absent 2.1.\nIf you trust it, install it: `pip install zoo-absent`."
    )


@pytest.mark.row(52, 57)
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rank": 1_000_000_000}, "lora: rank='1000000000' is not valid"),
        ({"target_modules": "(a+)+$"}, "lora has no setting 'target_modules'"),
        ({"roles": ["conv"]}, "has no layers of role conv"),
    ],
)
def test_settings_that_the_adapter_does_not_allow(
    artifact: Path, settings: dict[str, Any], said: str
) -> None:
    tampering.edit_manifest(artifact, lambda data: data["adapter"]["settings"].update(settings))

    message = refusal(artifact, CorruptFile)
    assert message.startswith("<artifact>/zoo.json asks for what cannot be: ")
    assert said in message
    assert "It was written with " in message
    assert "'zoo-lora 0.1.0'" in message


@pytest.mark.parametrize("name", ["labels", "name", "kind"])
def test_a_setting_cannot_pass_for_another_argument(artifact: Path, name: str) -> None:
    tampering.edit_manifest(artifact, lambda data: data["tasks"][0]["settings"].update({name: "x"}))

    assert f"classification has no setting {name!r}" in refusal(artifact, CorruptFile)


@pytest.mark.parametrize("name", ["a.b", "keys"])
def test_a_task_that_cannot_be_called_so(artifact: Path, name: str) -> None:
    tampering.edit_manifest(artifact, lambda data: data["tasks"][0].update(name=name))

    assert f"A task cannot be called {name!r}" in refusal(artifact, CorruptFile)


def test_a_pooling_the_backbone_has_not(artifact: Path) -> None:
    tampering.edit_manifest(artifact, lambda data: data["backbone"].update(pooling="max"))

    assert "toy:image has no pooling 'max'" in refusal(artifact, CorruptFile)


@pytest.mark.row(60)
def test_a_newer_format(artifact: Path) -> None:
    tampering.edit_manifest(artifact, lambda data: data.update(format=7, news={}))

    assert refusal(artifact, NewerFormat) == (
        f"<artifact>/zoo.json has format 7.0; this zoo reads up to {FORMAT}.\n"
        "Upgrade: `pip install --upgrade zoo`."
    )


# === Backbone and probe ===


@pytest.mark.row(46)
def test_another_backbone_of_equal_shape(artifact: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    state = zoo.load_backbone("toy:image").module.state_dict()
    state["0.weight"].view(-1)[0] += 1e-3
    save_file(state, other / "model.safetensors")

    message = refusal(artifact, BackboneMismatch, weights=other)
    digest = tampering.manifest(artifact)["backbone"]["digest"]
    assert message.startswith(
        f"The backbone in {other} is not the one this model was trained on: its digest is "
    )
    assert f"the manifest says {digest[:12]}… (toys/image at c0ffeec0ffee)." in message
    assert "Another model of the same shape is not accepted" in message


@pytest.mark.row(46)
def test_the_name_of_another_backbone(artifact: Path) -> None:
    tampering.edit_manifest(artifact, lambda data: data["backbone"].update(name="toy:grey"))

    assert "is not the one this model was trained on" in refusal(artifact, BackboneMismatch)


def test_tensors_that_answer_differently(artifact: Path) -> None:
    def shift(tensors: dict[str, torch.Tensor]) -> None:
        tensors["classification.weight"] *= 1.01

    tampering.edit_tensors(artifact, HEADS, shift)

    message = refusal(artifact, ProbeMismatch)
    assert "The model answers differently from the one that was saved: its logits of" in message
    assert "where " in message
    assert "is allowed" in message
    zoo.load(artifact, verify=False)


def test_preprocessing_that_has_changed_is_named(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import toy_parts

    monkeypatch.setattr(
        toy_parts,
        "ImagePreprocess",
        lambda channels, original=toy_parts.ImagePreprocess: original(channels, scale=128.0),
    )

    said = "the preprocessing.'scale' of the backbone 'toy:image' is '255.0', and"
    assert said in refusal(artifact, BackboneMisstated)


@pytest.mark.row(45, 53)
@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (["source"], "evil/repo", "source of the backbone 'toy:image' is '\"evil/repo\"', and"),
        (["source"], "", "of the one opened is '\"toys/image\"'"),
        (["commit"], "a" * 40, "commit of the backbone 'toy:image' is '\"aaaa"),
        (
            ["contract", "channels"],
            1,
            "contract.'channels' of the backbone 'toy:image' is '1', and",
        ),
        (
            ["contract", "modality"],
            "text",
            "is '\"text\"', and that of the one opened is '\"image\"'",
        ),
        (["preprocessing", "scale"], 1.0, "is '1.0', and that of the one opened is '255.0'"),
    ],
)
def test_a_base_that_is_another_than_the_manifest_says(
    artifact: Path, keys: list[str], value: object, said: str
) -> None:
    def edit(data: dict[str, Any]) -> None:
        place = data["backbone"]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    tampering.edit_manifest(artifact, edit)
    assert said in refusal(artifact, BackboneMisstated)


@pytest.mark.row(53)
@pytest.mark.parametrize(
    ("name", "value"),
    [("rank", "4"), ("rank", 4.0), ("rank", True), ("dropout", "0"), ("roles", "mlp")],
)
def test_a_setting_of_another_type(artifact: Path, name: str, value: object) -> None:
    tampering.edit_manifest(artifact, lambda d: d["adapter"]["settings"].update({name: value}))
    said = refusal(artifact, CorruptFile)
    assert "asks for what cannot be" in said
    assert name in said


def test_what_an_older_plugin_did_not_state_is_no_contradiction(artifact: Path) -> None:
    def edit(data: dict[str, Any]) -> None:
        del data["backbone"]["contract"]["value_range"], data["backbone"]["preprocessing"]["size"]
        data["backbone"] |= {"commit": None}

    tampering.edit_manifest(artifact, edit)
    zoo.load(artifact)


def test_a_probe_that_tells_nothing(artifact: Path) -> None:
    """A diverged model gives constant logits, and then every comparison is equal."""

    def silence(tensors: dict[str, torch.Tensor]) -> None:
        for tensor in tensors.values():
            tensor.zero_()

    tampering.edit_tensors(artifact, HEADS, silence)
    tampering.edit_tensors(artifact, PROBE, lambda t: t["logits.classification"].fill_(1.5))

    assert "are the same for every input" in refusal(artifact, ProbeMismatch)


def _drop_input(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["input.3"]


def _huge_image(tensors: dict[str, torch.Tensor]) -> None:
    tensors["input.0"] = torch.zeros(2000, 4, 3, dtype=torch.uint8)


def _grey_image(tensors: dict[str, torch.Tensor]) -> None:
    tensors["input.0"] = torch.zeros(4, 4, dtype=torch.uint8)


def _much(tensors: dict[str, torch.Tensor]) -> None:
    tensors["input.8"] = torch.zeros(3000, 1000, 3, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_drop_input, "is not a probe: its inputs are not numbered from 0"),
        (_huge_image, "holds an input that is not an image of the backbone's kind"),
        (_grey_image, "holds an input that is not an image of the backbone's kind"),
        (_much, "holds more than 8388608 bytes of tensors"),
    ],
)
def test_a_probe_that_is_none(
    artifact: Path, edit: Callable[[dict[str, torch.Tensor]], None], said: str
) -> None:
    tampering.edit_tensors(artifact, PROBE, edit)

    assert said in refusal(artifact, CorruptFile)


def test_a_probe_of_other_tasks(artifact: Path) -> None:
    def rename(tensors: dict[str, torch.Tensor]) -> None:
        tensors["logits.other"] = tensors.pop("logits.classification")

    tampering.edit_tensors(artifact, PROBE, rename)

    assert "records logits of other tasks or shapes" in refusal(artifact, TensorMismatch)


def test_all_refusals_are_of_one_kind() -> None:
    for kind in (CorruptFile, UnsafeFile, TensorMismatch, BackboneMismatch, ProbeMismatch):
        assert issubclass(kind, ArtifactError)
        assert kind.exit_code == 1
