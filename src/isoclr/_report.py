"""Results of commands: a tidy table, JSON with its provenance, and what the terminal shows."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isoclr._console import info, table
from isoclr._html import grid
from isoclr._io import atomic_path, sha256, write_table
from isoclr._version import __version__
from isoclr.errors import printable

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, str | int | float | bool | None]  # One row of a tidy table
PACKAGES = ("numpy", "polars", "scipy", "scikit-learn", "torch")


class Table(NamedTuple):
    """A table for the terminal."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


class Report:
    """Base of the results that commands print and save; a subclass says what its rows and tables are."""

    def __init_subclass__(cls) -> None:
        """Dataclasses keep the short representation instead of one with all their arrays."""
        if "__repr__" not in vars(cls):
            cls.__repr__ = Report.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """The name of the class and the beginning of the first table."""
        first = next(iter(self.tables()), None)
        name = type(self).__name__
        return name if first is None else f"{name}: {_as_text(first)}"

    def _repr_html_(self) -> str:
        """All messages and tables, for notebooks."""
        notes = "<br>".join(escape(printable(message)) for message in self.messages())
        return f"<p>{notes}</p>" * bool(notes) + "".join(grid(*one) for one in self.tables())

    def rows(self) -> list[Row]:
        """Tidy records: one measurement per row, with the same keys in all rows."""
        raise NotImplementedError

    def tables(self) -> Iterator[Table]:
        """Tables for the terminal, in order."""
        raise NotImplementedError

    def messages(self) -> Iterator[str]:
        """Lines for the terminal before the tables, such as what was left out; none by default."""
        return iter(())

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON holds it; by default the rows."""
        return {"rows": self.rows()}

    def to_frame(self) -> "pl.DataFrame":
        """The rows as a polars data frame."""
        import polars as pl

        return pl.DataFrame(self.rows(), infer_schema_length=None)

    def print(self) -> None:
        """Print messages on stderr and tables on stdout."""
        for message in self.messages():
            info(message)
        for one in self.tables():
            table(*one)

    def save(self, path: Path, *, overwrite: bool = True) -> None:
        """Write everything as JSON (``.json``), or the rows as a table (``.parquet``, ``.tsv``, ``.csv``)."""
        if path.suffix == ".json":
            write_json(path, self.to_dict(), overwrite=overwrite)
        else:
            write_table(self.to_frame(), path, overwrite=overwrite)


REPR_ROWS, REPR_WIDTH = 5, 100


def _as_text(shown: Table) -> str:
    """Title and first rows of a table as plain text, one line each."""
    head = [shown.columns, *shown.rows[:REPR_ROWS]]
    cells = [[f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in head]
    widths = [max(map(len, column)) for column in zip(*cells, strict=False)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    more = len(shown.rows) - REPR_ROWS
    lines += [f"… {more:,} more rows"] * (more > 0)
    return "\n  ".join(printable(line)[:REPR_WIDTH] for line in [shown.title, *lines])


def write_json(path: Path, content: Mapping[str, Any], *, overwrite: bool = True) -> None:
    """Write JSON; the file appears when it is whole. What JSON has no number for becomes null."""
    text = json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_path(path, overwrite=overwrite) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def finite(value: Any) -> Any:
    """The same with null for NaN and infinities, at any depth.

    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def count_lines(counts: Mapping[str, int], of: str = "") -> Iterator[str]:
    """One line for each count and its reason; ``of`` stands before the reason."""
    for reason, count in counts.items():
        yield f"{count:>9,}  {of}{reason}"


def provenance(inputs: Mapping[str, object], options: Mapping[str, Any]) -> dict[str, Any]:
    """What a result was made from: versions, inputs with their SHA-256, options.

    Args:
        inputs: files, folders and objects in memory by what they are; None is left out.
    """
    return {
        "isoclr": __version__,
        "versions": {package: version(package) for package in PACKAGES},
        "inputs": {
            name: _identity(Path(path)) if isinstance(path, str | Path) else {"in memory": repr(path)}
            for name, path in inputs.items()
            if path is not None
        },
        "options": dict(options),
    }


def _identity(path: Path) -> dict[str, Any]:
    """A file by its content; a folder by its corpus.json, or by the Parquet files in it."""
    if path.is_file():
        return {"path": str(path), "sha256": sha256(path)}
    files = sorted(path.glob("corpus.json")) or sorted(path.glob("*.parquet"))
    return {"path": str(path), "sha256": {file.name: sha256(file) for file in files}}
