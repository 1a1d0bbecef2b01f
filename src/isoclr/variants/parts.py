"""Work that is done, on disk: one table per chunk of alleles, so that a killed run goes on and memory is bounded."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from isoclr._atomic import HIDDEN, is_stream
from isoclr._console import info
from isoclr._io import as_plain_text, atomic_path, exclusive
from isoclr._report import write_json
from isoclr.errors import InputError
from isoclr.training.run import require_same_options
from isoclr.variants.rows import SCHEMA, VariantRow

OPTIONS = "options.json"
_OURS = re.compile(rf"{re.escape(OPTIONS)}|\d{{8}}\.parquet|{HIDDEN.pattern}")
_KEYS = ("CHROM", "POS", "REF", "ALT", "haplotype", "transcript")


class Parts:
    """Tables of chunks, with the working columns, in a folder; iterates over those that are there, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def paths(self) -> list[Path]:
        """Their files."""
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return map(pl.read_parquet, self.paths)

    def scan(self) -> pl.LazyFrame:
        """All of them as one lazy table."""
        return pl.scan_parquet(self.paths, glob=False)

    def holds(self, number: int, rows: Sequence[VariantRow]) -> bool:
        """Whether a chunk is done; refused if it is with other rows, as an input is then not what it was."""
        path = self._path(number)
        if not path.exists():
            return False
        done = pl.read_parquet(path, columns=[*_KEYS]).unique(maintain_order=True).rows()
        now = [(*cells[:2], *cells[3:6], row.transcript.transcript_id) for row in rows for cells in [row.place_cells()]]
        if done != [*dict.fromkeys(now)]:
            raise InputError(
                f"{self.folder}: {path.name} holds other variants than the input; give the files that the run was "
                "started with, or --overwrite to start anew"
            )
        return True

    def add(self, number: int, table: pl.DataFrame) -> None:
        """Keep the table of a chunk."""
        with atomic_path(self._path(number)) as partial:
            table.write_parquet(partial)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}.parquet"

    def write(self, out: Path, *, overwrite: bool = False) -> None:
        """Write all of them as one table, without the working columns; few rows are in memory at a time."""
        with atomic_path(out, overwrite=overwrite) as partial:
            if out.suffix == ".parquet":
                self.scan().select(*SCHEMA).sink_parquet(partial, row_group_size=100_000)
                return
            separator = "," if out.suffix == ".csv" else "\t"
            with partial.open("wb") as stream:
                for i, table in enumerate(self):
                    plain = as_plain_text(table.select(*SCHEMA))
                    plain.write_csv(stream, separator=separator, include_header=i == 0)


def check_parts(target: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to begin where an unfinished run is, or to go on with something else."""
    folder = _folder(target)
    if not folder.exists():
        return
    # one that was killed while it was removed may lack anything
    if not folder.is_dir() or not all(_OURS.fullmatch(path.name) for path in folder.iterdir()):
        raise InputError(f"{folder}: is no unfinished run; move it away")
    if (folder / OPTIONS).exists() and not (resume or overwrite):
        raise InputError(f"{folder}: holds an unfinished run; --resume goes on with it, --overwrite starts anew")


@contextmanager
def open_parts(target: Path | None, options: Mapping[str, Any], *, resume: bool) -> Iterator[Parts]:
    """A folder for the tables of chunks, next to an output; it is removed when the work is complete.

    Args:
        target: The output; None for a temporary folder, whose work cannot be resumed.
        options: What the work depends on.
        resume: Go on with what is there.
    """
    if target is None or is_stream(target):
        with tempfile.TemporaryDirectory(prefix="isoclr-") as temporary:
            yield Parts(Path(temporary))
        return
    folder = _folder(target)
    options = json.loads(json.dumps(options))
    with exclusive(folder):
        parts, saved = Parts(folder), folder / OPTIONS
        goes_on = resume and saved.exists()
        if goes_on:
            require_same_options(json.loads(saved.read_text("utf-8")), options, folder)
        else:
            for path in parts.paths:
                path.unlink()
            write_json(saved, options)
        try:
            yield parts
        except BaseException as error:
            if isinstance(error, InputError) and not goes_on and not parts.paths:  # nothing that could go on
                shutil.rmtree(folder)
            else:
                info(f"{folder}: what is done is kept; --resume goes on with it")
            raise
        shutil.rmtree(folder)


def _folder(target: Path) -> Path:
    return target.with_name(f"{target.name}.parts")
