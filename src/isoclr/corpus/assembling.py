"""From the transcripts of all inputs, or of all shards, to one corpus: the steps that need to see everything."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from isoclr.corpus.codes import Codes
from isoclr.corpus.duplicates import drop_duplicates
from isoclr.corpus.layout import META
from isoclr.corpus.writer import write
from isoclr.errors import InputError
from isoclr.files import check_place


def assemble(
    folder: Path,
    table: pl.DataFrame,
    sources: Sequence[Codes],
    meta: dict[str, Any],
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Drop duplicates and write the corpus.

    A shard keeps its duplicates: which of two transcripts stays can depend on a third in another shard.

    Args:
        folder: where to write.
        table: all transcripts by ``order``, with their gene sets.
        sources: the arrays of codes that ``source`` and ``start`` point into.
        meta: facts for ``corpus.json``; the counts in ``meta["by_species"]`` are completed.
        advance: called with the number of transcripts written since the last call.

    Raises:
        InputError: no transcript is left.
    """
    if not meta["shard"]:
        table, dropped = drop_duplicates(table, sources)
        for name, reasons in dropped.items():
            add(meta["by_species"][name]["dropped"], reasons)
        if not table.height:
            raise InputError(f"no transcript is left: {_why(meta['by_species'])}")
    for facts in meta["by_species"].values():  # in one order, however the shards were dealt
        facts |= {key: dict(sorted(facts[key].items())) for key in ("dropped", "noted")}
    write(folder, table, sources, meta, advance)


def add(total: dict[str, int], more: dict[str, int] | Counter[str]) -> None:
    """Add counts to counts, in place."""
    for reason, count in more.items():
        total[reason] = total.get(reason, 0) + count


def check_target(out: Path, overwrite: bool) -> None:
    """Refuse to replace what is not a corpus.

    Raises:
        InputError: ``out`` exists, and is no corpus or may not be overwritten; or it cannot be made.
    """
    check_place(out)
    if not out.exists():
        return
    if not overwrite:
        raise InputError(f"{out}: exists already; choose another name or give --overwrite")
    if not (out / META).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: not a corpus, --overwrite replaces nothing else")


def _why(by_species: dict[str, Any]) -> str:
    total: Counter[str] = Counter()
    for facts in by_species.values():
        total.update(facts["dropped"])
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in total.most_common())
    return f"dropped {reasons}" if reasons else "the inputs have none"
