"""What a run found out about itself is on its page, and none of it is markup."""

import base64

from tests.report.evidence import evidence
from tests.report.runs import record, write_run
from tests.report.test_html import page_of
from zoo.report.card_plots import CAPTIONS, card_plots
from zoo.report.evidence import Evidence, Verdict
from zoo.report.mistakes import MISTAKES, Mistake, read_mistakes, write_mistakes
from zoo.report.ranking import RANKING, write_ranking
from zoo.report.record import read_record

EVIL = "<script>alert(1)</script>"
IMAGE = base64.b64encode(b"not looked at").decode()


def test_all_of_it_is_on_the_page(tmp_path):
    folder = write_run(tmp_path / "run", record(evidence=evidence()))
    write_mistakes(
        folder, [Mistake(row=7, true="ants", answer="bees", score=0.9, loss=2, image=IMAGE)]
    )
    write_ranking(folder, ranking())
    page = page_of(folder)
    assert "Negative transfer: linear-probe is better here." in page.text
    assert "Warning · transfer" in page.text
    assert "Good · over-fitting" in page.text
    assert ["class", "precision", "recall", "rows"] in page.rows
    assert ["ants", "0.5000", "1.0000", "12"] in page.rows
    assert f"data:image/jpeg;base64,{IMAGE}" in page.fetched
    assert "row 7, loss 2.0000" in page.text
    assert "0.110" in page.text  # calibration
    assert ["told apart by a linear classifier", "90% of the time (p 0.0010)"] in page.rows
    assert ["vision:digits", "0.5000", "0.1000", "1,000", "2", "mit"] in page.rows
    # curves, learning curve, confusion, mistake, calibration, numbers, gap, ranking
    assert page.tags.count("img") == 8
    assert all(source.startswith("data:image/") for source in page.fetched)


def test_nothing_of_it_is_markup(tmp_path):
    shown = evidence(
        verdicts=[Verdict(about="gap", level="note", text=EVIL)],
        details={EVIL: {"precision": 1.0}},
        gap=None,
    )
    folder = write_run(tmp_path / "run", record(evidence=shown, labels=(EVIL, "bees")))
    write_mistakes(folder, [Mistake(row=0, true=EVIL, answer=EVIL, loss=1, text=f"{EVIL} & more")])
    write_ranking(folder, ranking(name=EVIL))
    page = page_of(folder)
    assert "script" not in page.tags
    assert page.text.count(EVIL) >= 5


def test_a_run_without_evidence_still_has_its_page(tmp_path):
    page = page_of(write_run(tmp_path / "run", record(own=0.6, probe=0.8)))
    assert "Verdicts" not in page.text
    assert "linear-probe is better here" in page.text


def test_a_record_comes_back_as_it_was_written(tmp_path):
    made = record(evidence=evidence())
    assert read_record(write_run(tmp_path / "run", made)) == made


def test_what_is_damaged_beside_the_record_costs_the_page_nothing_else(tmp_path):
    folder = write_run(tmp_path / "run", record())
    (folder / MISTAKES).write_text('[{"row": "x"}]')
    (folder / RANKING).write_text("[1")
    assert read_mistakes(folder) == []
    assert "Ranking" not in page_of(folder).text


def test_mistakes_are_not_in_the_record(tmp_path):
    assert not {"mistakes", "text", "image"} & set(Evidence.model_fields)


def test_a_card_has_the_plots_of_the_report():
    history = [{"epoch": n, "train_loss": 1.0, "val": {"accuracy": 0.5}} for n in range(3)]
    drawn = card_plots(record(evidence=evidence()), history)
    assert list(drawn) == list(CAPTIONS)
    assert all(content.startswith(b"\x89PNG") for content in drawn.values())
    assert list(card_plots(record(), [])) == ["confusion.png"]
    assert card_plots(None) == {}


def ranking(name="vision:digits"):
    candidate = {
        "name": name,
        "estimate": 0.5,
        "spread": 0.1,
        "params": 1000,
        "milliseconds": 2.0,
        "license": "mit",
        "pareto": True,
    }
    return {"ranker": "logme", "rows": 100, "candidates": [candidate]}
