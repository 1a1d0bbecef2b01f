"""Let the k-th change of the disk fail, in this process or in a fork of its own that may be killed (``forks.py``).

A change is a call of the system that opens a file below WHERE for writing, or renames, removes, makes or syncs one.
The K-th change (from 1; 0: none) raises ENOSPC or EIO, or the process is killed, before it takes place. Writers in C or
Rust open files themselves: that they are called counts.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Injector:
    def __init__(self) -> None:
        self.where = ""
        self.action, self.number = "none", 0
        self.changes: list[str] = []

    def start(self, where: Path | str, action: str = "none", number: int = 0) -> None:
        """Count from 1, below a folder."""
        self.where, self.action, self.number, self.changes = str(where), action, number, []

    def stop(self) -> list[str]:
        """The changes since the start."""
        self.where = ""
        return self.changes

    def change(self, what: str, path: object) -> None:
        if not self.where or not isinstance(path, str | bytes | os.PathLike):
            return
        name = os.fsdecode(path)
        if not name.startswith(self.where):
            return
        self.changes.append(f"{what} {name}")
        if len(self.changes) == self.number:
            if self.action == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            code = getattr(errno, self.action)
            raise OSError(code, os.strerror(code), name)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python's own audit events."""
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.change("open", path)
        elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"):
            self.change(event, arguments[0])

    def wrap(self, owner: Any, name: str, path_of: Callable[..., object]) -> None:
        function = getattr(owner, name)

        def wrapped(*args: Any, **options: Any) -> Any:
            self.change(name, path_of(*args, **options))
            return function(*args, **options)

        setattr(owner, name, wrapped)

    def install(self) -> None:
        import polars as pl
        import safetensors.torch

        from isoclr import _atomic, _io

        sys.addaudithook(self.hear)
        self.wrap(pl.DataFrame, "write_parquet", lambda _, path, **__: path)
        self.wrap(pl.DataFrame, "write_csv", lambda _, path=None, **__: path)
        self.wrap(pl.LazyFrame, "sink_parquet", lambda _, path, **__: path)
        self.wrap(safetensors.torch, "save_file", lambda _, path, **__: path)
        self.wrap(_atomic, "_renameat2", lambda source, *_: source)
        for module in (_atomic, _io):
            self.wrap(module, "sync", lambda path: path)
