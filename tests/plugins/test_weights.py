"""Headers of safetensors are checked before a plugin's library maps the files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants, get_token
from safetensors.torch import save, save_file

from tests.artifact.headers import WRONG
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import ALWAYS, FaultyLine
from zoo.errors import WeightsInvalid, WeightsNotFound
from zoo.model import Weights

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.mark.row(48, 49)
@pytest.mark.parametrize(
    "case", ["a name twice", "an overlap", "data missing", "nothing times everything"]
)
def test_a_file_that_promises_what_it_has_not_is_refused(tmp_path: Path, case: str) -> None:
    content, said = WRONG[case]
    (tmp_path / SINGLE).write_bytes(content)
    with pytest.raises(WeightsInvalid) as caught:
        Weights().folder(tmp_path, required=[SINGLE])
    assert said in caught.value.message
    assert caught.value.hint == "Copy or download it again."


def test_so_is_a_part_of_one_model(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {}}))
    save_file({"a": torch.ones(2)}, tmp_path / "model-00001-of-00002.safetensors")
    required = [(SINGLE, INDEX)]
    assert Weights().folder(tmp_path, required=required).folder == tmp_path
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(WeightsInvalid, match="00002-of-00002"):
        Weights().folder(tmp_path, required=required)


def test_links_in_a_folder_of_ones_own_are_followed_and_other_files_let_be(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    save_file({"a": torch.ones(2)}, tmp_path / "elsewhere.safetensors")
    (folder / SINGLE).symlink_to(tmp_path / "elsewhere.safetensors")
    (folder / "other.safetensors").write_bytes(b"a pointer to somewhere")
    assert Weights().folder(folder, required=[SINGLE]).folder == folder


class TestOfAHub:
    @pytest.fixture
    def hub(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MinimalHub]:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        with MinimalHub() as running:
            running.add("me/base", {SINGLE: save({"a": torch.ones(2)})})
            monkeypatch.setattr(constants, "ENDPOINT", running.url)
            monkeypatch.setattr(
                constants,
                "HUGGINGFACE_CO_URL_TEMPLATE",
                f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
            )
            yield running

    def test_a_saved_token_stays_here_and_one_in_hf_token_goes_along(
        self, hub: MinimalHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text("hf_" + "a" * 34)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        assert get_token() == "hf_" + "a" * 34
        Weights().repo("me/base", required=[SINGLE])
        assert not any(with_token for _, _, with_token in hub.log)
        monkeypatch.setenv("HF_TOKEN", "hf_" + "b" * 34)
        hub.add("me/base", {SINGLE: save({"a": torch.zeros(2)})})
        Weights(revision=hub.commits["me/base"][-1][0]).repo("me/base", required=[SINGLE])
        assert any(with_token for _, _, with_token in hub.log)

    @pytest.mark.row(35, 46)
    @pytest.mark.parametrize(
        ("status", "code", "why"),
        [
            (404, "RepoNotFound", "there is no such repo, or it is private"),
            (401, "RepoNotFound", "there is no such repo, or it is private"),
            (404, "RevisionNotFound", "there is no such revision"),
            (403, "GatedRepo", "it is gated, ask its owner for access"),
            (403, "", "it has been disabled"),
        ],
    )
    def test_what_is_gone_or_closed_is_named_as_it_was_recorded(
        self, hub: MinimalHub, monkeypatch: pytest.MonkeyPatch, status: int, code: str, why: str
    ) -> None:
        commit = hub.commits["me/base"][-1][0]
        with FaultyLine(hub.url) as line:
            monkeypatch.setattr(constants, "ENDPOINT", line.url)
            said = "Access to this resource is disabled." if not code else "No"
            headers = {"X-Error-Code": code or None, "X-Error-Message": said}
            line.on("/", method="", status=status, headers=headers, times=ALWAYS)
            with pytest.raises(WeightsNotFound) as caught:
                Weights(revision=commit).repo("me/base", required=[SINGLE])
        assert f"The weights of me/base at {commit} are not in the cache" in caught.value.message
        assert f"({line.url}: {why})." in caught.value.message
        assert "--weights PATH" in caught.value.hint

    @pytest.mark.row(44, 46)
    def test_what_is_there_under_the_old_name_is_not_taken_for_it(self, hub: MinimalHub) -> None:
        with pytest.raises(WeightsNotFound, match="weights of me/base at 1111"):
            Weights(revision="1" * 40).repo("me/base", required=[SINGLE])

    @pytest.mark.row(47)
    def test_an_adapter_is_no_backbone_and_its_base_is_not_asked_for(self, hub: MinimalHub) -> None:
        circle = json.dumps({"base_model_name_or_path": "me/adapter", "peft_type": "LORA"})
        hub.add(
            "me/adapter",
            {
                "adapter_config.json": circle.encode(),
                "adapter_model.safetensors": save({"a": torch.ones(2)}),
            },
        )
        with pytest.raises(WeightsNotFound, match=r"me/adapter has no model\.safetensors"):
            Weights().repo("me/adapter", required=[SINGLE])
        assert len(hub.log) < 6
