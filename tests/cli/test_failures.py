"""How commands end: exit codes, and one or two lines instead of a stack trace."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from tests.cli.commands import zoo
from zoo import progress
from zoo.cli import failures, listing
from zoo.cli.failures import report
from zoo.errors import TrainingFailed, UnknownName, WeightsNotFound, WriteFailed


def lines(ended):
    return ended.err.splitlines()


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["fly"], "Error: No such command 'fly'."),
        (["backbone"], "Error: No such command 'backbone'. Did you mean 'backbones'"),
        (["backbones", "--modalty", "x"], "Error: No such option: --modalty"),
        (["fit"], "Error: zoo fit needs DATA."),
        (["fit", "x", "--out", "y", "--epochs", "many"], "Error: Invalid value for '--epochs'"),
        (["show", "nonsense"], "Error: Unknown name 'nonsense'."),
    ],
)
def test_what_was_typed_wrongly_is_two_lines_and_exit_2(words, first):
    ended = zoo(*words)
    assert ended.code == 2
    assert ended.out == ""
    assert len(lines(ended)) == 2
    assert lines(ended)[0].startswith(first)
    assert "`zoo" in lines(ended)[1]


def test_a_pattern_without_quotes_is_told_to_have_some(tmp_path):
    tables = [tmp_path / f"{at}.csv" for at in range(3)]
    for table in tables:
        table.touch()
    ended = zoo("fit", *tables)
    assert ended.code == 2
    assert f"takes one path here, and got several, {tables[1]} {tables[2]} among them." in ended.err
    assert "A pattern goes in quotes" in ended.err


def test_debug_shows_where_before_and_after_the_command():
    for words in (["--debug", "show", "nonsense"], ["show", "nonsense", "--debug"]):
        ended = zoo(*words)
        assert ended.code == 2
        assert ended.err.startswith("Traceback (most recent call last)")
        assert lines(ended)[-2].startswith("Error: Unknown name 'nonsense'.")
    assert "Traceback" not in zoo("show", "--", "--debug").err


def test_a_bug_is_one_line_that_says_so(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("first line\nsecond \x1b[2J line")

    monkeypatch.setattr(listing, "emit_table", broken)
    ended = zoo("adapters")
    assert ended.code == 1
    assert ended.err == (
        "Error: RuntimeError: first line second \\x1b[2J line "
        "(this is a bug in zoo; `--debug` shows where)\n"
    )


@pytest.mark.parametrize(
    ("failure", "code", "text"),
    [
        (TrainingFailed("It diverged.", hint="Try --lr."), 1, "Error: It diverged.\nTry --lr.\n"),
        (UnknownName("task", "x", []), 2, "Error: Unknown task 'x'. No task is installed.\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "a/b"),
            1,
            "Error: [Errno 13] Permission denied: 'a/b'\n",
        ),
        (MemoryError(), 1, "Error: Out of memory.\nA smaller --batch-size needs less of it.\n"),
        (failures.Interrupted("Kept in x."), 130, "Kept in x.\n"),
        (failures.Interrupted(), 130, "Interrupted.\n"),
    ],
)
def test_each_failure_has_its_code_and_its_lines(failure, code, text, capsys):
    assert report(failure, debug=False) == code
    assert capsys.readouterr().err.startswith(text)


def _chained(inner):
    try:
        try:
            raise inner
        except Exception as err:
            raise WeightsNotFound("They could not be fetched.") from err
    except WeightsNotFound as err:
        return err


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, "No space left on device", "out/x"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        _chained(OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_a_full_disk_is_named_whoever_met_it(failure, capsys):
    assert report(failure, debug=False) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("Error: The disk is full")
    assert second == "Free some space and type the same command again."


def test_a_full_disk_is_named_by_those_who_know_which(capsys):
    failure = WriteFailed("The disk of /a is full.", hint="Make room on /a.")
    failure.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert report(failure, debug=False) == 1
    assert capsys.readouterr().err == "Error: The disk of /a is full.\nMake room on /a.\n"


def test_ctrl_c_is_one_line_and_130(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "emit_table", interrupted)
    ended = zoo("adapters")
    assert (ended.code, ended.out, ended.err) == (130, "", "Interrupted.\n")


def test_a_reader_that_has_had_enough_is_no_error():
    program = subprocess.Popen(
        [sys.executable, "-c", "import zoo.cli; zoo.cli.main(['backbones', '--json'])"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    program.stdout.close()
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait(60) == 1


def test_a_name_that_is_no_unicode_and_a_terminal_that_is_no_utf8_end_no_command(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9"
    os.makedirs(path + b"/artifact")
    script = "import zoo.cli; zoo.cli.main(['adapters'])"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert ended.returncode == 0, ended.stderr
    script = "import sys, zoo.cli; zoo.cli.main(['show', sys.argv[1], '--debug'])"
    ended = subprocess.run([sys.executable, "-c", script, path], capture_output=True)
    assert ended.returncode == 2
    assert b"is not an artifact" in ended.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_below_stdout_is_told_in_two_lines():
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", "import zoo.cli; zoo.cli.main(['backbones', '--json'])"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "Error: The disk is full.",
        "Free some space and type the same command again.",
    ]


def test_ctrl_c_while_serving_stops_with_one_line(tmp_path):
    script = "import zoo.cli; zoo.cli.main(['hub', 'serve', 'hub', '--port', '0'])"
    program = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert program.stderr.readline().startswith("Serving hub at http://127.0.0.1:")
    assert "HF_ENDPOINT=http://127.0.0.1:" in program.stderr.readline()
    os.kill(program.pid, signal.SIGINT)
    assert program.stderr.read() == "Stopped.\n"
    program.stderr.close()
    assert program.wait(60) == 130


def test_no_token_gets_out_by_an_error_its_cause_or_a_note(capsys, monkeypatch, tmp_path):
    given, saved, strangers = "my.own-secret", "hf_" + "S" * 34, "hf_" + "x1" * 17
    (tmp_path / "token").write_text(saved)
    monkeypatch.setenv("HF_TOKEN", given)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    told = f"{given} {saved} {strangers} https://ann:pass@hub.example/x?X-Amz-Signature=abc"
    failure = WeightsNotFound(f"Not with {told}.", hint=f"Check HF_ENDPOINT, not {told}.")
    failure.__cause__ = RuntimeError(f"Bearer {given}: {told}")
    for debug in (False, True):
        report(failure, debug=debug)
        report(RuntimeError(told), debug=debug)
    progress.Lines().note(told)
    shown = capsys.readouterr().err
    for secret in (given, saved, strangers, "ann:pass", "Signature=abc"):
        assert secret not in shown
    assert "Check HF_ENDPOINT, not … … … https://…hub.example/x" in shown
    assert "RuntimeError: Bearer …: … …" in shown
