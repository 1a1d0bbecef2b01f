"""``isoclr merge``: the shards of a corpus, built on several machines → the corpus."""

from pathlib import Path
from typing import Any

import polars as pl

from isoclr.console import progress, say
from isoclr.corpus.assembling import add, assemble, check_target
from isoclr.corpus.reader import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.files import atomic_directory

_SAME = ("isoclr", "options", "species", "inputs", "homology", "gene_ids")
"""What all shards of one build have in common."""


def merge(shards: tuple[Path, ...], *, out: Path, overwrite: bool = False) -> Corpus:
    """Join the shards of one build: the same bytes as the build without --shard.

    Args:
        shards: all shards, in any order.
        out: the corpus, a new directory.
        overwrite: replace a corpus that is there.

    Returns:
        The corpus, opened.

    Raises:
        InputError: a shard is missing, given twice, or of another build.
    """
    parts = [open_corpus(path) for path in shards]
    _check_complete(parts)
    out = Path(out)
    check_target(out, overwrite)
    tables = [
        part.transcripts.with_columns(start=pl.col("offset"), source=pl.lit(number, pl.Int64))
        for number, part in enumerate(parts)
    ]
    table = pl.concat(tables).drop("offset").sort("order")
    if table["order"].is_duplicated().any():
        raise InputError(
            f"{parts[0].path} and the others: a transcript is in two shards; build them again"
        )
    with atomic_directory(out, overwrite=overwrite) as folder, progress() as bar:
        step = bar.add_task("write", total=table.height)
        assemble(
            folder,
            table,
            [part.codes for part in parts],
            _meta(parts),
            lambda done: bar.advance(step, done),
        )
        bar.update(step, completed=table.height)
    corpus = open_corpus(out)
    say(f"{corpus!r}")
    return corpus


def _check_complete(parts: list[Corpus]) -> None:
    """All shards of one build, each once."""
    if not parts:
        raise InputError(
            "no shards given, expected the directories that isoclr build --shard wrote"
        )
    seen: dict[int, Path] = {}
    first = parts[0]
    for part in parts:
        if not part.meta["shard"]:
            raise InputError(
                f"{part.path}: a whole corpus, expected one that isoclr build --shard wrote"
            )
        for key in _SAME:
            if part.meta[key] != first.meta[key]:
                raise InputError(
                    f"{part.path}: another {key} than {first.path}; not shards of one build"
                )
        number, of = part.meta["shard"]
        if of != first.meta["shard"][1]:
            raise InputError(
                f"{part.path}: shard {number}/{of}, expected one of {first.meta['shard'][1]}"
            )
        if number in seen:
            raise InputError(
                f"{part.path}: shard {number}/{of} again, {seen[number]} is the same one"
            )
        seen[number] = part.path
    of = first.meta["shard"][1]
    missing = sorted(set(range(1, of + 1)) - seen.keys())
    if missing:
        listed = ", ".join(f"{number}/{of}" for number in missing)
        raise InputError(f"{first.path}: of its shards {listed} not given")


def _meta(parts: list[Corpus]) -> dict[str, Any]:
    """Facts of the whole: what the shards have in common, and their counts added up."""
    meta = {"options": parts[0].meta["options"], "shard": None}
    meta |= {key: parts[0].meta[key] for key in ("species", "inputs", "homology", "gene_ids")}
    total: dict[str, Any] = {}
    for name in meta["species"]:
        here: dict[str, Any] = {"records": 0, "genes": 0, "mapped_genes": 0}
        here |= {"dropped": {}, "noted": {}}
        for part in parts:
            more = part.meta["by_species"][name]
            add(here, {key: more[key] for key in ("records", "genes", "mapped_genes")})
            add(here["dropped"], more["dropped"])
            add(here["noted"], more["noted"])
        total[name] = here
    return meta | {"by_species": total}
