"""What is printed: safe on a terminal, whole in JSON, unfolded in a pipe."""

import json

import pytest

from zoo.cli.output import count, emit_facts, emit_json, emit_table, one_line, plain

NASTY = "a\x1b[31m\x07\x9b2J\u202eb\x00\ttab\nline"


@pytest.mark.row(61)
def test_what_a_terminal_would_obey_is_made_visible():
    assert plain(NASTY) == "a\\x1b[31m\\x07\\x9b2J\\u202eb\\x00\ttab\nline"
    assert plain("déjà vu 日本 🐜 [bold]") == "déjà vu 日本 🐜 [bold]"


@pytest.mark.row(61)
def test_one_line_is_one_line_and_no_longer_than_its_limit():
    assert one_line(" a\n\n b\tc ") == "a b c"
    assert one_line("x" * 50, limit=10) == "x" * 9 + "…"


def test_json_says_the_same_without_the_characters(capsys):
    emit_json({NASTY: [NASTY, "é"]})
    out = capsys.readouterr().out
    assert json.loads(out) == {NASTY: [NASTY, "é"]}
    assert not set("\x1b\x07\x9b\u202e\x00") & set(out)
    assert "é" in out


def test_a_table_in_a_pipe_is_not_folded_and_no_line_ends_in_blanks(capsys):
    emit_table(("name", "value"), [("n" * 100, "v" * 60), ("[red]x", None)], right=("value",))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == f"{'n' * 100}  {'v' * 60}"
    assert lines[3] == "[red]x"
    assert all(line == line.rstrip() for line in lines)


def test_columns_stand_where_letters_are_wide(capsys):
    emit_table(("name", "size"), [("日本", "1"), ("ab", "22")], right=("size",))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name  size"
    assert lines[2:] == ["日本     1", "ab      22"]


def test_a_long_list_is_json_with_an_entry_a_line(capsys):
    entries = [{"name": f"n{number}", "text": NASTY} for number in range(600)]
    emit_json(entries)
    out = capsys.readouterr().out
    assert json.loads(out) == entries
    assert len(out.splitlines()) == 602
    assert not set("\x1b\x07\x9b\u202e\x00") & set(out)


def test_facts_leave_out_what_is_unknown(capsys):
    emit_facts({"known": 0, "unknown": None, "empty": "", "text": NASTY})
    assert capsys.readouterr().out == f"known  0\ntext   {one_line(NASTY)}\n"


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, None), (0, "0"), (999, "999"), (1000, "1 k"), (22713216, "22.7 M"), (7 * 10**9, "7 G")],
)
def test_counts_are_short(number, words):
    assert count(number) == words
