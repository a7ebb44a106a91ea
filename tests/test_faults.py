"""Every fault that zoo is held to has a test that shows it; the page says which."""

from pathlib import Path

import pytest

from docs.write_faults import PAGE, ROWS, TESTS, by_row, rows_of, with_tests


def test_each_row_is_on_the_page_once() -> None:
    assert rows_of(PAGE.read_text(encoding="utf-8")) == list(ROWS)


def test_each_row_has_a_test_that_shows_it() -> None:
    assert sorted(by_row(TESTS)) == list(ROWS)


def test_the_page_says_which_tests_show_a_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tests(text), "`make docs` writes the tests anew"


def test_marks_stand_on_tests_and_classes_of_them(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        "import pytest\n"
        "@pytest.mark.row(1)\n@pytest.mark.row(3)\ndef test_a(): ...\n"
        "@pytest.mark.row(3, 4)\nclass TestB:\n"
        "    @pytest.mark.parametrize('x', [pytest.param(0, marks=pytest.mark.row(5))])\n"
        "    def test_c(self, x): ...\n"
    )
    assert by_row(tmp_path) == {
        1: ["test_a.py::test_a"],
        3: ["test_a.py::test_a", "test_a.py::TestB"],
        4: ["test_a.py::TestB"],
        5: ["test_a.py::TestB::test_c"],
    }
    (tmp_path / "test_d.py").write_text("import pytest\nCASES = [pytest.mark.row(1)]\n")
    with pytest.raises(ValueError, match="something else than a test"):
        by_row(tmp_path)
