"""Every change of the disk that a command makes fails once: the old output or the new one is whole, nothing else.

The changes are counted, not guessed: a first run lists them (see ``injector.py``), then the k-th fails with ENOSPC or
EIO, or kills the process. In CI some of the changes of every command are tried; ``FAULTS=all`` (``make faults``) tries
all of them.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isoclr import cli

INJECTOR = Path(__file__).with_name("injector.py")
ALL = os.environ.get("FAULTS") == "all"

COMMANDS: dict[str, tuple[str, str]] = {
    "build": ("build -o OUT/c --species human --transcripts BENCH/two.fa", "c"),
    "subset": ("subset BENCH/corpus -o OUT/s --transcripts BENCH/ids.txt", "s"),
    "embed": ("embed BENCH/two.fa --model BENCH/model -o OUT/e.parquet --threads 1", "e.parquet"),
    "embed npz": ("embed BENCH/two.fa --model BENCH/model -o OUT/e.npz --threads 1", "e.npz"),
    "fit": ("fit BENCH/e.parquet BENCH/labels.tsv --folds 4 -o OUT/h", "h"),
    "predict": ("predict BENCH/e.parquet --head BENCH/head -o OUT/p.tsv", "p.tsv"),
    "simulate": ("simulate --size tiny --species 1 --genes 12 -o OUT/w", "w"),
}
"""Commands with one output, and its name; OUT is the folder of outputs."""
PRETRAIN = (
    "pretrain BENCH/corpus -o OUT/r --steps 3 --batch-size 8 --checkpoint-steps 1 --threads 1 "
    "--precision float32"
)


@pytest.fixture(scope="module")
def injector() -> Any:
    spec = importlib.util.spec_from_file_location("injector", INJECTOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    injector = module.Injector()
    injector.install()
    return injector


class Runner:
    """Runs one command with a folder of outputs."""

    def __init__(self, bench: Path, injector: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.bench, self.injector, self.capsys = bench, injector, capsys

    def __call__(
        self, command: str, out: Path, action: str = "none", number: int = 0
    ) -> tuple[int, str, list[str]]:
        """Exit code, standard error, and the changes of the disk."""
        words = command.replace("BENCH", str(self.bench)).replace("OUT", str(out)).split()
        if action == "kill":
            done = subprocess.run(
                [sys.executable, str(INJECTOR), str(out), action, str(number), *words],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            return done.returncode, done.stderr, []
        self.injector.start(out, action, number)
        try:
            code = cli.main(words)
        finally:
            changes = self.injector.stop()
        return code, self.capsys.readouterr().err, changes


@pytest.fixture
def run(bench: Path, injector: Any, capsys: pytest.CaptureFixture[str]) -> Runner:
    (bench / "ids.txt").write_text("t1\nt2\n")
    return Runner(bench, injector, capsys)


def content(path: Path) -> dict[str, bytes] | None:
    """Every file of an output by its name within it; None if there is no output."""
    if not path.exists():
        return None
    if path.is_file():
        return {"": path.read_bytes()}
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def failures(changes: list[str], name: str) -> Iterator[tuple[str, int]]:
    """Which changes fail, and how: in CI every fifth, and one kill where the output takes its place."""
    total = len(changes)
    if ALL:
        yield from (
            (action, k) for action in ("ENOSPC", "EIO", "kill") for k in range(1, total + 1)
        )
        return
    first = sum(map(ord, name)) % 5
    yield from (("EIO" if k % 2 else "ENOSPC", k) for k in range(1 + first, total + 1, 5))
    last = [k for k, change in enumerate(changes, 1) if "rename" in change]
    yield "kill", last[-1]


@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwrite"])
@pytest.mark.parametrize("name", COMMANDS)
def test_failing_writes(name: str, overwrite: bool, run: Runner, tmp_path: Path) -> None:
    command, output = COMMANDS[name]
    before = tmp_path / "before"
    before.mkdir()
    assert run(command, before)[0] == 0
    new = content(before / output)
    target = before / output
    if overwrite:  # an output that can be told from a new one
        command += " --overwrite"
        for file in [target] if target.is_file() else sorted(target.rglob("*")):
            if file.is_file() and file.suffix != ".json":
                file.write_bytes(file.read_bytes() + b"\n")
    else:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    old = content(target)
    counted = tmp_path / "counted"
    shutil.copytree(before, counted)
    code, _, changes = run(command, counted)
    assert code == 0
    assert content(counted / output) == new
    assert [path.name for path in counted.iterdir()] == [output], "nothing else may be left"
    for action, number in failures(changes, name):
        check_failure(
            run, command, output, before, (old, new), f"{action} {changes[number - 1]}", number
        )


def check_failure(
    run: Runner,
    command: str,
    output: str,
    before: Path,
    whole: tuple[Any, Any],
    case: str,
    number: int,
) -> None:
    action, change, *_ = case.split()
    folder = before.with_name(f"{action}{number}")
    shutil.copytree(before, folder)
    code, shown, _ = run(command, folder, action, number)
    there = content(folder / output)
    assert there in whole, f"{case}: neither the old nor the new output"
    assert "Traceback" not in shown, f"{case}: {shown}"
    if action != "kill":
        assert code == 2 or there == whole[1], case
        if code:
            assert shown.splitlines()[-1].startswith("isoclr: error: "), case
        cleaning = change in (
            "os.rmdir",
            "os.remove",
        )  # what could not be removed stays for the next run
        others = [path.name for path in folder.iterdir() if path.name != output]
        assert cleaning or not others, f"{case}: left {others}"
    again = command if "--overwrite" in command or there is None else command + " --overwrite"
    code, shown, _ = run(again, folder)
    assert code == 0, f"{case}: the same command does not go on: {shown}"
    assert content(folder / output) == whole[1], case
    assert [path.name for path in folder.iterdir()] == [output], f"{case}: leftovers"
    shutil.rmtree(folder)


def test_failing_writes_of_a_run(run: Runner, tmp_path: Path) -> None:
    """Pre-training goes on from the last good checkpoint, to the same weights bit for bit."""
    (tmp_path / "reference").mkdir()
    code, shown, changes = run(PRETRAIN, tmp_path / "reference")
    assert code == 0, shown
    weights = (tmp_path / "reference/r/model.safetensors").read_bytes()
    for action, number in failures(changes, "pretrain"):
        folder = tmp_path / f"{action}{number}"
        folder.mkdir()
        case = f"{action} at {changes[number - 1]}"
        code, shown, _ = run(PRETRAIN, folder, action, number)
        assert "Traceback" not in shown, f"{case}: {shown}"
        assert code in ((-9,) if action == "kill" else (0, 2)), f"{case}: {shown}"
        if (folder / "r/config.json").exists():
            written = (folder / "r/model.safetensors").read_bytes()
            assert written == weights, f"{case}: a half-written model would open"
        code, shown, _ = run(PRETRAIN + " --resume", folder)
        assert code == 0, f"{case}: the run does not go on: {shown}"
        assert (folder / "r/model.safetensors").read_bytes() == weights, case
        left = [path.name for path in (folder / "r").iterdir() if path.name.startswith(".")]
        assert not left, f"{case}: {left}"
        shutil.rmtree(folder)
