"""A fit for a target: what is tried, what is chosen without its labels, and what is refused."""

import json

import pytest
import torch

import zoo
from tests.training.adaptation.conftest import write
from zoo.errors import BadSetting, ContractViolation, DataError, Incompatible, UnknownName
from zoo.progress import Silent
from zoo.report.adaptation import LABEL_FREE, SOURCE_ONLY
from zoo.report.record import read_history, read_record
from zoo.training.adaptation.adapt import Adapt
from zoo.training.adaptation.aligning import Aligning, estimate
from zoo.training.adaptation.parts import (
    make_alignment,
    make_validator,
    require_alignable,
    settled,
)
from zoo.training.prepared import prepare

QUICK = {"epochs": 2, "batch_size": 16, "progress": Silent()}


@pytest.fixture(scope="module")
def run(data, target, tmp_path_factory):
    """A fit with CORAL, three candidates of each side."""
    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose("vision:digits", "bottleneck", task)
    out = tmp_path_factory.mktemp("runs") / "run"
    return zoo.fit(model, data, out, adapt=Adapt(target, "coral"), **QUICK)


def fitted(model, data, target, out, align="coral", *, options=None, **adapt):
    return zoo.fit(
        model, data, out, adapt=Adapt(target, align, **adapt), **{**QUICK, **(options or {})}
    )


def test_source_only_has_as_many_candidates_as_the_alignment(run):
    methods = [c.method for c in run.record.adaptation.candidates]
    assert methods == [SOURCE_ONLY] * 3 + ["coral"] * 3
    assert all(len(c.states) == 3 for c in run.record.adaptation.candidates)


def test_every_result_is_in_the_record_and_on_disk(run):
    record = read_record(run.folder)
    shown = {r.model for r in record.results if r.split == "target"}
    assert shown == {
        "this model",
        "source-only",
        "label-free-selected",
        "source-only, oracle",
        "oracle",
    }
    assert record.adaptation == run.record.adaptation


def test_the_report_shows_every_choice_on_the_target(run):
    page = (run.folder / "report.html").read_text()
    assert "On the target, grey" in page
    for name in ("source-only", "label-free-selected", "source-only, oracle", "oracle"):
        assert f'<th scope="row">{name}</th>' in page
    assert all("accuracy" in line["val"] for line in read_history(run.folder))
    assert not any("has seen the answers" in note for note in run.record.notes)


def test_the_manifest_says_for_what_it_was_chosen(run):
    said = json.loads((run.folder / "artifact" / "zoo.json").read_text())["provenance"]
    assert said["adaptation"]["alignment"] == "coral"
    assert said["adaptation"]["kept"] == run.record.adaptation.kept
    assert said["adaptation"]["target"]["rows"] == {"target": 150}
    assert "source-only on target" in said["metrics"]


def test_the_card_tells_the_target_from_the_source(run):
    card = (run.folder / "artifact" / "README.md").read_text()
    assert "test split, rows of the source." in card
    assert "the target grey. Of what was tried, the model without an alignment was kept" in card
    metrics = json.loads((run.folder / "artifact" / "zoo.json").read_text())["provenance"][
        "metrics"
    ]
    for name in ("this model", "source-only", "oracle"):
        assert f"| {name} | {metrics[f'{name} on target']['accuracy']:.3f} |" in card


def test_the_oracles_are_the_best_of_all_that_was_tried(run):
    adaptation = run.record.adaptation
    for pick, source_only in (("oracle", False), ("source-only, oracle", True)):
        best = max(
            state.metrics["accuracy"]
            for c in adaptation.candidates
            if (c.method == SOURCE_ONLY) == source_only
            for state in c.states
        )
        assert adaptation.picks[pick].state.metrics["accuracy"] == best


def test_the_model_is_the_state_that_was_chosen(run, target):
    evaluated = zoo.evaluate(run.folder / "artifact", target, split=None)
    side = "label-free-selected" if run.record.adaptation.kept == "aligned" else "source-only"
    state = run.record.adaptation.picks[side].state
    assert evaluated.metrics["accuracy"] == pytest.approx(state.metrics["accuracy"])


def test_target_labels_choose_nothing(make_model, data, target, tmp_path):
    """Other labels, and none, give the same weights."""
    plain = fitted(make_model(), data, target, tmp_path / "a", validator="infomax", tries=1)
    without = fitted(
        make_model(), data, target, tmp_path / "b", validator="infomax", tries=1, unlabelled=True
    )
    assert without.record.adaptation.picks.keys() == {"source-only", "label-free-selected"}
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(tensor, without.model.state_dict()[name])


def test_source_only_is_kept_where_the_validator_sees_no_gain(make_model, data, target, tmp_path):
    run = fitted(
        make_model(),
        data,
        target,
        tmp_path / "run",
        validator="source-risk",
        tries=1,
        settings={"weight": 1e4},
    )
    assert run.record.adaptation.kept == "source-only"
    assert any(note.startswith("Source-only is kept: the validator") for note in run.record.notes)


def test_batch_norms_take_the_statistics_of_the_target(make_model, data, target):
    model = make_model(settings={"norm": "batch"})
    splits = prepare(model, data, model.task)
    norms = settled(model)
    assert len(norms) == 1
    seen = []
    hook = norms[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.logits(splits["train"].ready)
    hook.remove()
    rows = torch.cat(seen)
    estimate(model, norms, splits["train"])
    assert torch.allclose(norms[0].running_mean, rows.mean(dim=0), atol=1e-4)
    assert torch.allclose(norms[0].running_var, rows.var(dim=0), rtol=1e-3)
    assert not norms[0].training


def test_each_target_row_comes_once_before_any_comes_again(make_model, data):
    model = make_model()
    split = prepare(model, data, model.task)["val"]
    aligning = Aligning(make_alignment("coral"), model, split, seed=3)
    drawn = [row for step in range(5) for row in aligning.rows(step, 12)]
    for start in range(0, 60 // len(split) * len(split), len(split)):
        assert sorted(drawn[start : start + len(split)]) == list(range(len(split)))
    again = Aligning(make_alignment("coral"), model, split, seed=3)
    assert again.rows(3, 12) == drawn[36:48]  # a fit that goes on there draws the same


# === What is refused ===


def test_an_adapter_that_changes_no_feature_has_nothing_to_align(
    make_model, data, target, tmp_path
):
    with pytest.raises(
        Incompatible, match="nothing to train: linear-probe leaves the features"
    ) as err:
        fitted(make_model("linear-probe"), data, target, tmp_path / "run")
    assert err.value.exit_code == 2
    assert "--adapter bottleneck" in err.value.hint


def test_without_a_saved_batch_norm_there_are_no_statistics_to_adapt(
    make_model, data, target, tmp_path
):
    with pytest.raises(Incompatible, match="keeps no batch norm"):
        fitted(make_model(), data, target, tmp_path / "run", "adabn")


def test_a_target_of_another_modality_is_refused(make_model, data, tmp_path):
    (tmp_path / "texts.csv").write_text("text,label\n" + "a word,5\nanother,6\n" * 20)
    with pytest.raises(ContractViolation, match="image") as err:
        fitted(make_model(), data, tmp_path / "texts.csv", tmp_path / "run")
    assert err.value.exit_code == 2


def test_the_same_files_are_no_target(make_model, data, source, tmp_path):
    with pytest.raises(
        DataError, match=r"200 of 200 inputs .* also in the source: these are the same"
    ):
        fitted(make_model(), data, source, tmp_path / "run")


def test_a_target_smaller_than_a_batch_is_refused(make_model, data, tmp_path):
    few = write(tmp_path / "few", first=40, count=2, other=True)
    with pytest.raises(DataError, match="10 inputs, fewer than a batch of 16") as err:
        fitted(make_model(), data, few, tmp_path / "run")
    assert "--batch-size 5" in err.value.hint


def test_classes_that_the_source_lacks_are_said_and_left_out(make_model, data, tmp_path):
    more = write(tmp_path / "more", first=40, count=8, classes=(1, 2, 5, 6, 7, 8, 9), other=True)
    run = fitted(make_model(), data, more, tmp_path / "run", tries=1)
    assert run.record.adaptation.target["unknown_classes"] == {"1": 8, "2": 8}
    assert any("2 classes that the source lacks (1, 2): 16 of 56" in n for n in run.record.notes)
    assert next(r for r in run.record.results if r.split == "target").rows == 40
    lines = [json.loads(line) for line in (run.folder / "target.jsonl").read_text().splitlines()]
    assert len(lines) == 56
    assert {line["label"] for line in lines if line["open_set"]} == {"1", "2"}


def test_an_unknown_alignment_is_named_with_its_nearest(make_model, data, target, tmp_path):
    with pytest.raises(UnknownName, match="corall"):
        fitted(make_model(), data, target, tmp_path / "run", "corall")


def test_more_tries_than_there_are(make_model, data, target, tmp_path):
    with pytest.raises(BadSetting, match="tries=9: coral has 3"):
        fitted(make_model(), data, target, tmp_path / "run", tries=9)


def test_labels_of_the_target_say_whether_the_alignment_that_is_kept_helps(
    make_model, data, target, tmp_path
):
    record = fitted(make_model(), data, target, tmp_path / "run", align="mcc", tries=1).record
    assert record.adaptation.kept == "aligned"
    assert record.notes[-1].startswith("mcc is kept: nuclear-norm ")
    (found,) = [each for each in record.evidence.verdicts if each.about == "adaptation"]
    own, alone = (
        record.adaptation.picks[side].state.metrics["accuracy"]
        for side in (LABEL_FREE, SOURCE_ONLY)
    )
    assert (found.figures["own"], found.figures["rival"]) == pytest.approx((own, alone))
    assert found.text.startswith(f"Better than source-only: accuracy on the target {alone:.3f}")


def test_no_such_verdict_where_source_only_is_kept(run):
    assert run.record.adaptation.kept == "source-only"
    assert "adaptation" not in {each.about for each in run.record.evidence.verdicts}


def test_targets_that_are_no_classes_are_told_what_takes_them(target, tmp_path):
    rows = "".join(f"{path},{at / 2}\n" for at, path in enumerate(target.glob("*/*.png")))
    (tmp_path / "sizes.csv").write_text(f"image,target\n{rows}")
    data = zoo.load_data(tmp_path / "sizes.csv", task="regression")
    model = zoo.compose("vision:digits", "bottleneck", zoo.task("regression", labels=data.labels))
    for align, validator, hint in (
        ("mcc", "source-risk", "--align coral` or"),
        ("coral", "infomax", "--validator source-risk`"),
    ):
        with pytest.raises(Incompatible, match="one class a row; regression has") as refused:
            require_alignable(
                model, make_alignment(align), make_validator(validator), torch.zeros(9, 1)
            )
        assert hint in refused.value.hint
