"""``isoclr subset``: part of a corpus, or the same RNAs in other gene sets, for ablations."""

import copy
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import polars as pl

from isoclr._console import finish
from isoclr._io import atomic_directory, check_directory, check_input
from isoclr.corpus.corpus import FILES, Corpus, open_corpus
from isoclr.corpus.write import write
from isoclr.errors import InputError
from isoclr.genomics.species import without_versions

Grouping = Literal["gene-sets", "genes"]
Isoforms = Literal["all", "one"]

_GENE = pl.col("species") + "|" + without_versions(pl.col("gene_id"))


def subset(
    corpus: Path,
    *,
    out: Path,
    species: tuple[str, ...] = (),
    grouping: Grouping = "gene-sets",
    isoforms: Isoforms = "all",
    transcripts: Path | None = None,
    overwrite: bool = False,
) -> Corpus:
    """Select part of a corpus or regroup its RNAs. Codes, CDS and exons are copied unchanged.

    Args:
        corpus: Directory of the corpus.
        out: New directory for the subset.
        species: Species to keep; by default all.
        grouping: gene-sets keeps the gene sets; genes makes every gene a set of its own, as if built without homology.
        isoforms: all keeps all isoforms; one keeps one transcript per gene, that with the longest coding sequence (then
            the longest RNA), as if splicing were unknown.
        transcripts: Text file of transcript ids to keep, one per line (versions are optional).
        overwrite: Replace an existing corpus.

    Returns:
        The new corpus, opened.

    Raises:
        InputError: A species or transcript that is not in the corpus, or nothing is left.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rnas.fa").write_text(">t1 gene:g1\\nAUGGCUUGA\\n>t2 gene:g1\\nGGGACGU\\n")
    >>> _ = isoclr.build(out=folder / "corpus", species="human", transcripts=folder / "rnas.fa")
    >>> len(subset(folder / "corpus", out=folder / "part", isoforms="one"))
    1
    """
    whole = open_corpus(corpus)
    table = whole.transcripts.rename({"offset": "start"}).with_columns(source=pl.lit(0, pl.Int64))
    kept = _of_species(table, species, whole)
    if transcripts is not None:
        kept = _listed(kept, Path(transcripts), whole)
    if isoforms == "one":
        kept = _one_per_gene(kept)
    if grouping == "genes":
        kept = kept.with_columns(gene_set=_GENE)
    if not kept.height:
        raise InputError(f"{whole.path}: no transcript is left; choose other species or transcripts")
    listed = None if transcripts is None else kept.height
    options = {"species": list(species), "grouping": grouping, "isoforms": isoforms, "transcripts": listed}
    out = Path(out)
    check_directory(out, overwrite=overwrite, contents=FILES)
    with atomic_directory(out, overwrite=overwrite, contents=FILES) as folder:
        write(folder, kept, [whole.codes], _metadata(whole, table, kept, options))
    opened = open_corpus(out)
    finish(f"{opened!r}")
    return opened


def _of_species(table: pl.DataFrame, species: Collection[str], corpus: Corpus) -> pl.DataFrame:
    for name in species:
        if name not in corpus.species:
            raise InputError(f"{corpus.path}: no species {name!r}; expected {', '.join(corpus.species)}")
    return table.filter(pl.col("species").is_in(list(species))) if species else table


def _listed(table: pl.DataFrame, path: Path, corpus: Corpus) -> pl.DataFrame:
    """The transcripts that a file lists, in the order of the corpus."""
    check_input(path, "a file of transcript ids")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}), expected transcript ids") from None
    rows = set()
    for number, line in enumerate(lines, 1):
        if name := line.strip():
            try:
                rows.add(corpus.find(name))
            except InputError as error:
                raise InputError(f"{path}: line {number}: {error}") from None
    keys = ["transcript_id", "species"]
    listed = corpus.transcripts.select(keys)[sorted(rows)]
    return table.join(listed, on=keys, how="semi", maintain_order="left")


def _one_per_gene(table: pl.DataFrame) -> pl.DataFrame:
    """The transcript with the longest CDS of every gene, in the order of the corpus."""
    best = (
        table.with_row_index("row")
        .with_columns(gene=_GENE)
        .sort(pl.col("cds_end") - pl.col("cds_start"), "length", "row", descending=[True, True, False])
        .unique("gene", keep="first", maintain_order=True)
    )
    return best.sort("row").drop("row", "gene")


def _metadata(whole: Corpus, before: pl.DataFrame, after: pl.DataFrame, options: dict[str, Any]) -> dict[str, Any]:
    """Metadata of the original corpus with the counts of the subset."""
    names = set(after["species"])
    species = [name for name in whole.species if name in names]
    by_species = {name: copy.deepcopy(whole.meta["by_species"][name]) for name in species}
    for name, entry in by_species.items():
        kept = after.filter(pl.col("species") == name)
        if dropped := before.filter(pl.col("species") == name).height - kept.height:
            entry["dropped"]["not_in_the_subset"] = dropped
        entry["genes"] = kept.select(_GENE).n_unique()
        entry["mapped_genes"] = kept.filter(pl.col("gene_set") != _GENE).select(_GENE).n_unique()
    return {
        "options": {**whole.meta["options"], "subset": options},
        "species": species,
        "inputs": [source for source in whole.meta["inputs"] if source["species"] in species],
        "homology": None if options["grouping"] == "genes" else whole.meta["homology"],
        "gene_ids": {name: table for name, table in whole.meta["gene_ids"].items() if name in species},
        "by_species": by_species,
    }
