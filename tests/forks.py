"""Programs in processes of their own that start at once: forks of a process that has imported the libraries.

    python forks.py [WORDS]

With WORDS it is that program. Otherwise each line of its input is a list in JSON, and is answered by a number.
``["start", WORDS, ENVIRONMENT, FAULT, FILE]`` starts a command of isoclr, or a script, whose standard error goes to
FILE: its process id. FAULT is what :meth:`Injector.start` takes. ``["wait", ID, 0]``: its exit code; ``["wait", ID,
os.WNOHANG]``: 999 while it runs.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NARROW = (8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8)
"""Architecture of isoclr-s in these programs: trained at once, and as good for what a run does besides."""
NARROW_PROJECTION = {"hidden": 32, "out": 16}
"""Widths of the projection head in these programs."""
RUNS = 999
NO_FAULT = ("", "none", 0)
LIBRARIES = ("torch._dynamo", "isoclr.embedding.embed", "isoclr.pretraining.pretrain")
LIMIT = 240
"""Seconds after which a program is ended."""


class Forks:
    """The process that forks, from the outside."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def ask(self, *request: object) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(
        self, words: Sequence[str], environment: Mapping[str, str] = {}, fault: tuple[str, str, int] = NO_FAULT
    ) -> "Fork":
        """A running command of isoclr, or a script."""
        self.count += 1
        file = self.folder / str(self.count)
        return Fork(self, self.ask("start", words, environment, fault, str(file)), file)

    def start_ranks(
        self, port: int, size: int, words: Sequence[str], faults: Mapping[int, tuple[str, str, int]] = {}
    ) -> list["Fork"]:
        """A job of several processes, in the environment that torchrun would give."""
        job = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        return [
            self.start(words, {**job, "RANK": str(i), "LOCAL_RANK": str(i)}, faults.get(i, NO_FAULT))
            for i in range(size)
        ]

    def close(self) -> None:
        self.process.communicate()


@dataclass
class Fork:
    """A program that was started."""

    forks: Forks
    pid: int
    file: Path
    code: int = RUNS

    def poll(self) -> int | None:
        """Its exit code, as of :class:`subprocess.Popen`; None while it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        code = self._wait(0)
        assert code is not None
        return code

    def _wait(self, options: int) -> int | None:
        if self.code == RUNS:
            self.code = self.forks.ask("wait", self.pid, options)
        return None if self.code == RUNS else self.code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)  # a process that has ended is there until it is waited for

    @property
    def shown(self) -> str:
        """What it wrote to standard error."""
        return self.file.read_text()


def run(words: list[str], fault: tuple[str, str, int]) -> int:
    """Be the program."""
    signal.alarm(LIMIT)
    injector.start(*fault)
    sys.argv = ["isoclr", *words]
    if not words[0].endswith(".py"):
        cli.program()
    sys.argv = words
    try:
        runpy.run_path(words[0], run_name="__main__")
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.path.append(str(ROOT))
    from tests.faults.injector import Injector

    from isoclr import cli
    from isoclr.models.encoder import MODELS
    from isoclr.models.resnet import Architecture, ProjectionHead
    from isoclr.pretraining import model

    for name in LIBRARIES:
        import_module(name)
    MODELS["isoclr-s"] = Architecture(*NARROW)
    model.ProjectionHead = partial(ProjectionHead, **NARROW_PROJECTION)  # type: ignore[assignment, attr-defined]
    os.fsync = lambda _: None  # type: ignore[assignment]  # as in conftest.py
    injector = Injector()
    injector.install()
    if sys.argv[1:]:
        run(sys.argv[1:], NO_FAULT)
    for line in sys.stdin:
        kind, *request = json.loads(line)
        if kind == "wait":
            child, status = os.waitpid(*request)
            print(os.waitstatus_to_exitcode(status) if child else RUNS, flush=True)
            continue
        words, environment, fault, file = request
        if child := os.fork():
            print(child, flush=True)
            continue
        os.environ.update(environment)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), 2)
        code = run(words, fault)
        sys.stderr.flush()
        os._exit(code)
