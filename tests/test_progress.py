"""Progress: bars on a terminal, lines in a log, nothing on stdout."""

import os
import pty
import subprocess
import sys

import pytest

from zoo.progress import Lines, Silent, default

SCRIPT = """
import time
from zoo.progress import default
progress = default()
with progress.stage("outer [bold]", 2) as outer:
    outer(1)
    with progress.stage("inner", 3) as inner:
        inner(2)
        time.sleep(0.3)  # bars are drawn ten times a second
        progress.note("a note \\x1b[2J [red]of data\\n\\x9b31m")
    outer(1)
try:
    with progress.stage("broken", 2) as advance:
        raise ValueError
except ValueError:
    pass
with progress.stage("after", 1) as advance:
    advance(1)
progress.note("the end")
"""


def on_a_terminal(script):
    """What a script writes to a terminal on stderr, and to a pipe on stdout."""
    mine, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs, env=environment
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(mine, 4096)
        except OSError:  # the other side has hung up
            break
        if not piece:
            break
        written += piece
    os.close(mine)
    out = program.stdout.read()
    program.stdout.close()
    return program.wait(60), out.decode(), written.decode()


def test_stages_nest_and_end_on_a_terminal():
    code, out, err = on_a_terminal(SCRIPT)
    assert code == 0, err
    assert out == ""
    assert "outer [bold]" in err
    assert "inner" in err
    assert "2/3" in err
    assert "after" in err
    assert "the end" in err


def test_what_data_says_cannot_steer_the_terminal():
    _, _, err = on_a_terminal(SCRIPT)
    assert "a note  [2J [red]of data  31m" in err


def test_a_log_gets_the_notes_and_no_bars():
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert ended.returncode == 0
    assert ended.stdout == ""
    assert ended.stderr == "a note  [2J [red]of data  31m\nthe end\n"


def test_nobody_is_told_where_nobody_asked(capsys):
    with Silent().stage("work", 3) as advance:
        advance(3)
    Silent().note("said to nobody")
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_the_default_writes_lines():
    assert isinstance(default(), Lines)


@pytest.mark.parametrize("quiet", [Silent, Lines])
def test_a_stage_lets_failures_through(quiet):
    with pytest.raises(ValueError, match="bad"), quiet().stage("work", 1):
        raise ValueError("bad")
