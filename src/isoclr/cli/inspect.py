"""``isoclr inspect``."""

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path

from isoclr import _console as console
from isoclr._io import atomic_path
from isoclr.cli import _verb
from isoclr.corpus.corpus import open_corpus
from isoclr.corpus.inspect import check_plot, describe, inspect, tables
from isoclr.corpus.inspect import plot as draw


def command(argv: Sequence[str]) -> None:
    """Show a corpus, or one of its transcripts."""
    _verb.run(_inspect, argv, name="inspect", positional={"corpus"})


def _inspect(
    corpus: Path,
    *,
    transcript: str | None = None,
    plot: Path | None = None,
    json: Path | None = None,
    verify: bool = False,
) -> None:
    """Show what is in a corpus, what was dropped and why; or one transcript's tracks.

    Args:
        corpus: the corpus.
        transcript: print this transcript's sequence with its codons and exon ends instead of the tables.
        plot: draw histograms of lengths and of isoforms in a gene set to this PNG, PDF or SVG.
        json: write the numbers to this file too.
        verify: compare every file's SHA-256 with the one recorded when the corpus was built.
    """
    if plot is not None:
        check_plot(plot)
    opened = open_corpus(corpus)
    if verify:
        opened.verify()
        console.say(f"{corpus}: every file is as it was written")
    if transcript is not None:
        console.out.print(describe(opened, transcript), markup=False, soft_wrap=True)
        return
    found = inspect(opened)
    if json is not None:
        with atomic_path(json) as partial:
            partial.write_text(jsonlib.dumps(found.to_dict(), indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        draw(opened, plot)
    for title, columns, rows in tables(found):
        console.table(title, columns, rows)
