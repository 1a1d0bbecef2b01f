"""What a person sees on stderr."""

import io
import logging
import os
import subprocess
import sys

import pytest
from rich.console import Console

from isoclr import _console as console


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_stays_after_success_and_goes_after_an_error(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    fake = Console(file=stream, force_terminal=terminal, force_interactive=terminal, width=80)
    monkeypatch.setattr(console, "err", fake)
    with console.progress() as bar:
        bar.update(bar.add_task("reading", total=1), completed=1)
    assert "reading" in stream.getvalue()
    stream.seek(0)
    stream.truncate()
    with pytest.raises(ValueError, match="no"):
        _fail_at_work()
    erased = stream.getvalue().endswith("\x1b[1A\x1b[2K") if terminal else not stream.getvalue()
    assert erased, repr(stream.getvalue())


def _fail_at_work() -> None:
    with console.progress() as bar:
        bar.add_task("reading", total=1)
        raise ValueError("no")


def test_command_within_a_command_prints_no_conclusion(capsys: pytest.CaptureFixture[str]) -> None:
    with console.quiet():
        console.finish("within")
        console.info("what is missing")
    console.finish("the stage")
    assert capsys.readouterr().err == "what is missing\nthe stage\n"


def test_user_text_is_no_markup(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=stream, width=200))
    console.table("[u]t[/x]:dog:", ["[b]head[/y]"], [["[i]cell[/z]"], ["[/]"]])
    for text in ("[u]t[/x]:dog:", "[b]head[/y]", "[i]cell[/z]", "[/]"):
        assert text in stream.getvalue()
    console.info("[b]gene:dog:1[/q]")
    assert capsys.readouterr().err == "[b]gene:dog:1[/q]\n"
    errors = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=errors, width=200))
    with console.progress() as bar:
        bar.update(bar.add_task("[b]a[/q].fa", total=1), completed=1)
    assert "[b]a[/q].fa" in errors.getvalue()


HOSTILE = "a\x1b]0;x\x07\x1b[31m\x9b2J\r\u202eb\ud800"


def test_user_text_commands_no_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    streams = io.StringIO(), io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=streams[0], width=200))
    monkeypatch.setattr(console, "err", Console(file=streams[1], width=200))
    console.table(HOSTILE, [HOSTILE], [[HOSTILE], ["two\nlines"]])
    console.show(HOSTILE)
    console.info(HOSTILE)
    with console.progress() as bar:
        bar.update(bar.add_task(HOSTILE, total=1), completed=1)
    for stream in streams:
        shown = stream.getvalue()
        assert r"a\x1b]0;x\x07\x1b[31m\x9b2J\r\u202eb\ud800" in shown
        assert not [c for c in shown if c != "\n" and not c.isprintable()]
    assert r"two\nlines" in streams[0].getvalue()


def test_messages_are_records_of_a_logger(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("isoclr")
    records: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    keep = Keep()
    logger.addHandler(keep)
    try:
        console.info("100 % of [b]RNAs")
        logger.setLevel(logging.WARNING)
        console.info("silent")
        assert console.progress().disable
    finally:
        logger.setLevel(logging.INFO)
        logger.removeHandler(keep)
    assert records == ["100 % of [b]RNAs"]
    assert capsys.readouterr().err == "100 % of [b]RNAs\n"
    assert not console.progress().disable


def test_progress_in_a_notebook_warns_of_nothing() -> None:
    code = """
import builtins, sys, types
sys.modules["ipykernel"] = types.ModuleType("ipykernel")
class ZMQInteractiveShell: pass
builtins.get_ipython = ZMQInteractiveShell
from isoclr._console import info, progress
with progress() as bar:
    bar.update(bar.add_task("reading", total=1), completed=1)
info("done")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"FORCE_COLOR": "1"},  # as Jupyter's kernel sets it
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "reading" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stderr.endswith("done\n")
    assert "ipywidgets" not in done.stderr
