"""The command as a process: it leaves with the verb's code and loses none of its words."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isoclr", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--help",), 0), ((), 2), (("nonsense",), 2), (("inspect", "nowhere"), 2)],
)
def test_code_and_words(words: tuple[str, ...], code: int) -> None:
    found = run(*words)
    assert found.returncode == code
    assert "Traceback" not in found.stderr
    assert (found.stderr.count("\n") == 1) == (bool(words) and code == 2)
    assert ("Data" in found.stdout) == ("inspect" not in words and "nonsense" not in words)


def test_the_help_of_a_verb_is_whole() -> None:
    found = run("inspect", "--help")
    assert found.returncode == 0
    assert "--plot" in found.stdout
    assert found.stdout.rstrip().endswith("╯")


def test_a_long_table_is_whole_through_a_pipe() -> None:
    """Standard output is buffered when it is not a terminal; leaving at once must not lose it."""
    script = (
        "import sys, isoclr.cli as cli\n"
        "cli.main = lambda: print('x' * 300_000) or 7\n"
        "cli.program()\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert found.returncode == 7
    assert len(found.stdout) == 300_001


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_verb_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, or a scheduler's SIGTERM, in the middle of writing."""
    command = [sys.executable, "-m", "isoclr", "simulate", "--size", "medium", "--out"]
    with subprocess.Popen(
        [*command, str(tmp_path / "world")],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        deadline = time.monotonic() + 60
        while not any(tmp_path.rglob("genome.fa.gz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(number)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert told.rstrip().splitlines()[-1] == "isoclr: stopped"
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())
