"""The page of a run: all of it in one file, and nothing in it that data put there as markup."""

import base64
import re
from html.parser import HTMLParser

import pytest

from tests.report.runs import record, write_run
from zoo.errors import NotAnArtifact
from zoo.report.html import write_report


class Page(HTMLParser):
    """Tags, the values of attributes that fetch, and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.fetched, self.texts, self.rows = [], [], [], []
        self._row = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [v for name, v in attributes if name in ("src", "href", "srcset")]
        if tag == "tr":
            self._row = []
            self.rows.append(self._row)

    def handle_endtag(self, tag):
        if tag == "tr":
            self._row = None

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())
            if self._row is not None:
                self._row.append(data.strip())

    @property
    def text(self):
        return " ".join(self.texts)


def page_of(folder):
    path = write_report(folder)
    assert path == folder / "report.html"
    return Page(path)


def test_the_page_has_the_table_the_curves_the_confusion_the_settings_and_the_data(tmp_path):
    page = page_of(write_run(tmp_path / "run", record(notes=["Mind this."])))
    assert ["model", "accuracy", "balanced accuracy", "macro F1", "log loss"] in page.rows
    assert ["this model", "0.9000", "0.8900", "0.8800", "0.1000"] in page.rows
    assert ["majority class", "0.5000", "0.4900", "0.4800", "0.5000"] in page.rows
    assert ["ants", "bees", "7"] in page.rows  # the commonest mistake
    assert ["rank", "8"] in page.rows
    assert ["train", "70"] in page.rows
    assert "Mind this." in page.text
    assert page.tags.count("img") == 2


def test_everything_is_in_the_file(tmp_path):
    page = page_of(write_run(tmp_path, record()))
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert page.fetched
    for value in page.fetched:
        header, _, content = value.partition(",")
        assert header == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(", source)
    assert "prefers-color-scheme: dark" in source
    assert 'name="viewport"' in source


def test_what_data_says_is_text_and_never_markup(tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    made = record(labels=(evil, "bees"), notes=[evil], backbone=f"hf:{evil}")
    made.data["description"] = evil
    page = page_of(write_run(tmp_path, made))
    assert page.tags.count("img") == 2
    assert page.text.count(evil) >= 4


def test_a_better_baseline_is_said_on_the_page(tmp_path):
    worse = page_of(write_run(tmp_path / "worse", record(own=0.7, probe=0.8)))
    assert "linear-probe is better here" in worse.text
    better = page_of(write_run(tmp_path / "better", record(own=0.9, probe=0.8)))
    assert "is better here" not in better.text


def test_a_probe_has_no_curves_but_what_was_chosen(tmp_path):
    made = record()
    made.results[0].settings["l2"] = 0.5  # on validation
    for result in made.results:
        if (result.model, result.split) == ("this model", "test"):
            result.settings["l2"] = 0.25
    page = page_of(write_run(tmp_path, made, epochs=0))
    assert page.tags.count("img") == 1
    assert "Chosen on validation" in page.text
    assert ["l2", "0.25"] in page.rows


def test_an_interrupted_run_and_one_without_test_rows_have_pages(tmp_path):
    made = record(splits=("val",), status="interrupted", confusions=[])
    page = page_of(write_run(tmp_path, made))
    assert "This run was interrupted." in page.text
    assert "Beside the baselines, on val (15 rows)" in page.text


def test_a_folder_that_is_no_run_is_refused_and_left_alone(tmp_path):
    with pytest.raises(NotAnArtifact, match="is not a run"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_written_anew_and_nothing_is_left_beside_it(tmp_path):
    folder = write_run(tmp_path, record(own=0.9))
    write_report(folder)
    record(own=0.6).write(folder)
    assert "0.6000" in page_of(folder).text
    assert sorted(p.name for p in folder.iterdir()) == ["metrics.jsonl", "report.html", "run.json"]
