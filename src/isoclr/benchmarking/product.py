"""Files that several results are made from – corpora, models, embeddings – each made once, named by its recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoclr.benchmarking.cell import name_of
from isoclr.console import for_another_stage, say


def _exists(path: Path) -> bool:
    return path.exists()


@dataclass(frozen=True)
class Product:
    """A file or directory that can be made when it is needed.

    Attributes:
        folder: where the benchmark keeps its kind.
        title: what it is, for the person who waits.
        inputs: everything that decides its content.
        make: writes it to a path, under that name only when whole (or so that it can be resumed).
        suffix: of its name.
        whole: whether it is there and complete.
    """

    folder: Path
    title: str
    inputs: Mapping[str, Any]
    make: Callable[[Path], object]
    suffix: str = ""
    whole: Callable[[Path], bool] = _exists

    @property
    def key(self) -> str:
        """Its content's name, known before it is made."""
        return name_of(self.folder.name, self.inputs)

    def path(self) -> Path:
        """Its path; it is made first when it is not there."""
        path = self.folder / f"{self.key}{self.suffix}"
        if not self.whole(path):
            say(f"  {self.title}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with for_another_stage():
                self.make(path)
        return path
