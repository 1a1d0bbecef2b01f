"""The command line: a function's signature as options, what a command prints, and how it ends."""

import functools
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from isoclr import cli
from isoclr._options import run as run_command
from isoclr.cli import BY_NAME, load_function
from isoclr.errors import InputError

# Options


def stage(
    inputs: tuple[Path, ...], *, out: Path, mode: Literal["a", "b"] = "a", orf: bool = True
) -> tuple[tuple[Path, ...], Path, str, bool]:
    """A command.

    Args:
        inputs: Input files.
        out: Output file.
        mode: Mode.
        orf: Call open reading frames.
    """
    return inputs, out, mode, orf


def run(*words: str) -> object:
    return run_command(stage, words, name="stage", positional=("inputs",))


def test_positional_arguments_options_and_short_forms() -> None:
    expected = ((Path("x"), Path("y")), Path("z"), "b", False)
    assert run("x", "y", "-o", "z", "--mode", "b", "--no-orf") == expected
    assert run("x", "y", "--out", "z", "--mode=b", "--no-orf") == expected
    assert run("--out", "z") == ((), Path("z"), "a", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x"], "--out"),
        (["--out", "z", "--mode", "c"], "c"),
        (["--out", "z", "--what"], "--what"),
        (["--out", "z", "--orf", "maybe", "--what", "q"], "--what"),
    ],
)
def test_wrong_options_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run(*words)
    assert str(caught.value).endswith("see isoclr stage --help")
    assert not set("\n│─|") & set(str(caught.value))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["probe"], "isoclr probe needs embeddings and labels;"),
        (["probe", "e.parquet"], "isoclr probe needs labels;"),
        (["predict", "few.fa", "--task", "half-life"], "isoclr predict needs -o/--out;"),
        (["retrieval", "e.parquet"], "isoclr retrieval needs --corpus and -o/--out;"),
        (["ontology"], "isoclr ontology needs embeddings and --corpus;"),
        (["map", "e.parquet"], "isoclr map needs -o/--out;"),
        (["variants", "v.vcf", "--annotation", "a.gtf"], "isoclr variants needs --out or --vcf-out or --report;"),
    ],
)
def test_what_is_missing_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert capsys.readouterr().err == f"isoclr: error: {message} see isoclr {words[0]} --help\n"


def test_option_given_twice() -> None:
    with pytest.raises(InputError, match="--out is given twice"):
        run("--out", "a", "--out=b")


def test_help_is_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    shown = capsys.readouterr().out
    for words in ("usage: isoclr stage", "A command.", "Output file.", "-o PATH"):
        assert words in shown


@pytest.mark.parametrize("words", [("-o", "a", "-o", "b"), ("-o", "a", "--out", "b")])
def test_short_form_given_twice(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="--out is given twice"):
        run(*words)


def optional(*, genes: int | None = None, zoom: tuple[int, int] | None = None) -> object:
    """A command.

    Args:
        genes: Number of genes.
        zoom: Range.
    """
    return genes, zoom


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--genes", "3.5"], "--genes: found '3.5', expected INT;"),
        (["--zoom", "30"], "--zoom: found '30', expected {INT INT};"),
    ],
)
def test_wrong_value_of_an_optional_option(words: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        run_command(optional, words, name="stage")
    assert str(caught.value).startswith(message)


def choosing(
    shards: tuple[Path, ...],
    task: str | None = None,
    *,
    split: Literal["random", "fold"] | None = None,
    genes: int | None = None,
    labels: tuple[str, ...] | None = None,
    files: tuple[Path, ...] = (),
    seed: int = 0,
) -> None:
    """A command.

    Args:
        shards: Shards.
        task: Task.
        split: Split.
        genes: Number of genes.
        labels: Labels.
        files: Files.
        seed: Seed.
    """


def test_help_shows_no_python_types(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        run_command(choosing, ["--help"], name="choose", positional=("shards", "task"), example="isoclr choose a b")
    shown = capsys.readouterr().out
    assert "A command.\n\nExample: isoclr choose a b\n" in shown
    assert "None" not in shown
    assert "[STR]" in shown
    assert "--split {random,fold}" in shown
    assert "--genes INT" in shown
    assert "--labels [STR [STR ...]]" in shown
    assert "(default: )" not in shown
    assert "(default: 0)" in shown


def test_none_is_not_offered_as_a_choice() -> None:
    with pytest.raises(InputError, match="invalid choice 'x'") as caught:
        run_command(choosing, ["--split", "x"], name="choose", positional=("shards", "task"))
    assert "None" not in str(caught.value)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_example_of_every_command_is_valid(name: str) -> None:
    """The function is not called: only its options count."""
    called = []
    function = load_function(BY_NAME[name].function)

    def note(*_args: Any, **_options: Any) -> None:
        called.append(name)

    words = BY_NAME[name].example.split()
    assert words[:2] == ["isoclr", name]
    command = BY_NAME[name]
    run_command(
        functools.wraps(function)(note), words[2:], name=name, positional=command.positional, required=command.required
    )
    assert called == [name]


# How a command ends


def test_no_command_shows_the_contents(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert cli.main(["--help"]) == 0
    assert cli.main(["--version"]) == 0
    assert "isoclr 0." in capsys.readouterr().out


def failing(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "isoclr: stopped\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (InputError("a.fa: line 3:\n  \x1b[31mX"), 2, "isoclr: error: a.fa: line 3: \\x1b[31mX\n"),
        (OSError(28, "No space left on device", "o.npz"), 2, "error: o.npz: No space left on device\n"),
        (PermissionError(13, "Permission denied", Path("/x")), 2, "error: /x: Permission denied\n"),
        (OSError(5, "Input/output error"), 2, "error: build: Input/output error\n"),
        (MemoryError(), 2, "error: build: not enough memory\n"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
            2,
            "error: build: not enough memory\n",
        ),
        (RuntimeError("std::bad_alloc"), 2, "error: build: not enough memory\n"),
        (RuntimeError("I/O: No space left on device (os error 28)"), 2, "No space left on device\n"),
    ],
)
def test_errors_that_are_one_line(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "run", failing(error))
    assert cli.main(["build"]) == code
    shown = capsys.readouterr().err
    assert shown.endswith(message)
    assert shown.count("\n") == bool(message)


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError("no number"), RuntimeError("bug")])
def test_bug_shows_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run", failing(error))
    with pytest.raises(type(error)):
        cli.main(["build"])


def test_output_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", "--size", "tiny", "--out", "/proc/nowhere/world"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("isoclr: error: /proc/nowhere/world: ")
    assert shown.count("\n") == 1


def test_commands_of_one_process_refuse_torchrun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "run", failing(ZeroDivisionError()))
    monkeypatch.setattr("time.sleep", failing(KeyboardInterrupt()))  # torchrun ends the others
    for rank, message in (("0", "without torchrun"), ("1", "")):
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setenv("RANK", rank)
        assert cli.main(["build", "--out", "c"]) == 2
        shown = capsys.readouterr().err
        assert message in shown
        assert shown.count("\n") == bool(message)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["build"])
    monkeypatch.setenv("RANK", "x")
    assert cli.main(["build"]) == 2
    assert "RANK is 'x'" in capsys.readouterr().err


# The program as a process


def run_program(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "isoclr", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "code"), [(("--help",), 0), ((), 2), (("nonsense",), 2), (("inspect", "nowhere"), 2)]
)
def test_exit_code_and_output(words: tuple[str, ...], code: int) -> None:
    done = run_program(*words)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert (done.stderr.count("\n") == 1) == (bool(words) and code == 2)
    assert ("Data" in done.stdout) == ("inspect" not in words and "nonsense" not in words)


def test_help_of_a_command_is_whole() -> None:
    done = run_program("inspect", "--help")
    assert done.returncode == 0
    assert "--plot" in done.stdout
    assert done.stdout.rstrip().endswith("╯")


def test_long_output_is_whole_through_a_pipe() -> None:
    """Standard output is buffered when it is not a terminal; leaving at once must not lose it."""
    script = "import sys, isoclr.cli as cli\ncli.main = lambda: print('x' * 300_000) or 7\ncli.program()\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 7
    assert len(done.stdout) == 300_001


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_command_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, a scheduler's SIGTERM, or a closed terminal, in the middle of writing.

    The signal is one that the command may take even if the tests run in the background or under ``nohup``.
    """
    command = [sys.executable, "-m", "isoclr", "simulate", "--size", "medium", "--out"]
    with subprocess.Popen(
        [*command, str(tmp_path / "world")],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as running:
        deadline = time.monotonic() + 60
        while not any(tmp_path.rglob("genome.fa.gz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(number)
        _, shown = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert shown.rstrip().splitlines()[-1] == "isoclr: stopped"
    assert "Traceback" not in shown
    assert not list(tmp_path.iterdir())


PRINTS = (
    "import isoclr.cli as cli, isoclr._console as console\n"
    "def work(*a, **k):\n"
    "    console.info('message →')\n"
    "    open(FILE, 'w').write('made')\n"
    "cli.run = work\n"
    "cli._show = lambda *a: console.table('title →', ['x'], [['y' * 150]] * 500)\n"
    "import sys; sys.argv = ['isoclr', 'inspect']; cli.program()\n"
)
"""A command that makes a file, with a message before and a long table after."""


@pytest.mark.parametrize(
    ("redirection", "code", "unbuffered"),
    [
        (">&-", 0, False),
        ("2>&-", 0, False),
        ("<&- >&- 2>&-", 0, False),
        ("> /dev/full", 2, False),
        ("> /dev/full", 2, True),
        ("2> /dev/full", 0, False),
        ("2> /dev/full", 0, True),
        ("> /dev/full 2> /dev/full", 2, False),
        ("| head -1", 141, False),
        ("| head -1", 141, True),
        ("2>&1 | true", 141, False),
    ],
)
def test_closed_and_full_streams(redirection: str, code: int, unbuffered: bool, tmp_path: Path) -> None:
    script = PRINTS.replace("FILE", repr(str(tmp_path / "made")))
    command = f'{sys.executable} -c "$SCRIPT" {redirection}; echo ${{PIPESTATUS[0]}} > rc'
    environment = {**os.environ, "SCRIPT": script}
    environment.pop("PYTHONUNBUFFERED", None)
    if unbuffered:
        environment["PYTHONUNBUFFERED"] = "1"
    done = subprocess.run(["bash", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert (tmp_path / "made").read_text() == "made"
    exit_code = int((tmp_path / "rc").read_text())
    if unbuffered and code == 141:  # a write of which a part went through is no error
        assert exit_code in (0, 141)
    else:
        assert exit_code == code
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    if redirection == "> /dev/full":
        assert done.stderr.endswith("isoclr: error: standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PYTHONIOENCODING", "ascii"),
        ("PYTHONIOENCODING", "latin-1"),
        ("COLUMNS", "1"),
        ("COLUMNS", "0"),
        ("COLUMNS", "x"),
        ("TERM", "dumb"),
    ],
)
def test_environment(variable: str, value: str) -> None:
    environment = {**os.environ, variable: value}
    command = [sys.executable, "-m", "isoclr", "simulate", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert b"usage: isoclr" in done.stdout


@pytest.mark.parametrize(("variable", "value"), [("POLARS_MAX_THREADS", "0"), ("MPLBACKEND", "zz")])
def test_bad_environment_of_libraries_is_ignored(variable: str, value: str) -> None:
    code = (
        "import isoclr._process; isoclr._process.mend_environment()\n"
        "import polars, matplotlib.pyplot; print(polars.DataFrame({'x': [1]}).sum().item())"
    )
    environment = {**os.environ, variable: value}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout == b"1\n", done.stderr


@pytest.mark.parametrize("command", ["build", "predict", "pretrain"])
def test_help_fits_100_columns(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "180")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    lines = [*itertools.takewhile(lambda line: "arguments" not in line, text.splitlines())]
    assert max(map(len, lines)) <= 100
    description = "\n".join(lines)
    assert ("\n    [[input]]\n" in description) == (command == "build")
