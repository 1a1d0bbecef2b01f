"""The verb: embeddings in, a coloured map out."""

from pathlib import Path

import numpy as np
import polars as pl

from isoclr.console import say
from isoclr.corpus import open_corpus
from isoclr.embedding import Embeddings, read_embeddings
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.files import as_paths
from isoclr.latent.colours import Colour, colour
from isoclr.latent.kinship import Numbers, relatives
from isoclr.latent.mapping import Map, tsne
from isoclr.predicting import table as tables
from isoclr.reports import figures
from isoclr.reports.latent import Panel, map_figure
from isoclr.tasks.representatives import representatives
from isoclr.tasks.samples import gene_key

FACTS = ("gene_symbol", "gene_set", "biotype", "n_exons")


def map_rnas(
    embeddings: Path,
    *,
    out: tuple[Path, ...],
    color: tuple[str, ...] = ("species", "length"),
    corpus: Path | None = None,
    species: str | None = None,
    rnas: RnaChoice = "all",
    isoforms: bool = False,
    labelled: bool = False,
    sample: int | None = 5_000,
    perplexity: float = 30.0,
    seed: int = 0,
    overwrite: bool = False,
) -> Map:
    """A map of the embedding space by t-SNE, each RNA a point coloured by what is known of it.

    One transcript stands for a gene. Beside the map stands how far an RNA agrees with its nearest neighbours of other
    gene sets in the embedding itself, since a map of two dimensions shows some of that and hides some.

    Args:
        embeddings: what isoclr embed wrote.
        out: the map, each by its extension: a picture (.png, .pdf, .svg), or the coordinates with all names (.parquet,
            .tsv, .csv).
        color: what to colour by, a picture each: a column (species, length, cds_length, cds_source; with --corpus
            gene_symbol, gene_set, biotype, n_exons), or a table with a column transcript_id or gene_id and a column of
            numbers or classes, FILE or FILE:COLUMN. Where an id stands on several lines (GO terms), the three most
            common classes are shown.
        corpus: the corpus that was embedded; it knows gene sets, symbols and exons.
        species: only RNAs of it.
        rnas: all RNAs, those with a coding sequence, or those whose coding sequence an annotation gives.
        isoforms: show all isoforms instead of one transcript a gene.
        labelled: only RNAs that every colouring knows.
        sample: draw so many RNAs at random.
        perplexity: how many neighbours an RNA should be near, about.
        seed: of the draw and of the map.
        overwrite: replace outputs that exist.

    Raises:
        InputError: a file that cannot be used, no such column, or too few RNAs.
    """
    paths = _outputs(out, overwrite)
    if sample is not None and sample < 1:
        raise InputError(f"--sample {sample}: expected 1 or more RNAs")
    some = read_embeddings(Path(embeddings)).select(species, rnas)
    table, gene_set = _known(some, corpus)
    colours = [colour(wanted, table) for wanted in color]
    keep = _keep(table, colours if labelled else [], isoforms, sample, seed)
    if not len(keep):
        raise InputError(f"{embeddings}: no RNA is known to every one of {', '.join(color)}")
    say(f"{len(keep):,} of {len(some):,} RNAs on the map")
    chosen = [Colour(one.name, one.kind, one.values.gather(keep), one.skewed) for one in colours]
    found = tsne(
        some.matrix[keep], table[keep], gene_set[keep], chosen, perplexity=perplexity, seed=seed
    )
    for path in paths:
        if path.suffix.lower() in figures.FORMATS:
            map_figure(
                path, found.table["x"].to_numpy(), found.table["y"].to_numpy(), panels(found)
            )
        else:
            tables.write(found.table, path)
    return found


def _outputs(out: tuple[Path, ...] | Path | str, overwrite: bool) -> list[Path]:
    paths = as_paths(out)
    for path in paths:
        if path.suffix.lower() in figures.FORMATS:
            figures.check_format(path)
            if path.is_dir() or (path.exists() and not overwrite):
                raise InputError(f"{path}: exists already; choose another name or --overwrite it")
        elif path.suffix in tables.FORMATS:
            tables.check_output(path, overwrite=overwrite)
        else:
            wanted = ", ".join((*figures.FORMATS, *tables.FORMATS))
            raise InputError(f"{path}: unknown format, expected a name that ends in {wanted}")
    return paths


def _known(some: Embeddings, corpus: Path | None) -> tuple[pl.DataFrame, Numbers]:
    """What is known of the RNAs, and the numbers of their gene sets."""
    if corpus is None:
        return some.table, relatives(some.table).gene_set
    opened = open_corpus(Path(corpus))
    keys = ["species", "transcript_id"]
    facts = opened.transcripts.select(*keys, *FACTS).unique(keys, keep="first", maintain_order=True)
    table = some.table.join(facts, on=keys, how="left", maintain_order="left")
    table = table.with_columns(pl.col("n_exons").replace(0, None))  # 0: unknown
    return table, relatives(some.table, opened).gene_set


def _keep(
    table: pl.DataFrame, colours: list[Colour], isoforms: bool, sample: int | None, seed: int
) -> Numbers:
    """Rows of the RNAs to show, ascending."""
    named = table.with_row_index("row").with_columns(gene_key())
    for one in colours:
        named = named.filter(one.values.is_not_null().gather(named["row"]))
    if not isoforms:
        named = representatives(named, "gene")
    rows = np.sort(named["row"].to_numpy().astype(np.int64))
    if sample is not None and sample < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
    return rows


def panels(found: Map) -> list[Panel]:
    """A map's colourings as its picture takes them."""
    return [
        Panel(
            name,
            one.values.to_numpy()
            if one.kind == "quantity"
            else one.values.fill_null("").to_numpy(),
            one.classes if one.kind == "class" else None,
            one.skewed,
        )
        for name, one in found.colours.items()
    ]
