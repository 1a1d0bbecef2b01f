"""A corpus made from another one: fewer species or isoforms, or gene sets without homology, for ablations."""

import copy
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import polars as pl

from isoclr._console import finish
from isoclr._io import atomic_directory
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.write import check_target, write
from isoclr.errors import InputError
from isoclr.genomics.species import without_versions

Grouping = Literal["gene-sets", "genes"]
Isoforms = Literal["all", "one"]


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
    """Part of a corpus, or the same RNAs in other gene sets: what an ablation of the method trains on.

    Nothing is read anew: codes, CDS and exons are those of the corpus.

    Args:
        corpus: directory that isoclr build wrote.
        out: the new corpus, a new directory.
        species: keep these species only; by default all.
        grouping: gene-sets: as they are; genes: every gene is a gene set of its own, as if built without homology.
        isoforms: all: as they are; one: of every gene only the transcript with the longest coding sequence (then the
            longest RNA), as if splicing were unknown.
        transcripts: keep only the transcripts whose ids this text file names, one a line (versions optional).
        overwrite: replace a corpus that is there.

    Returns:
        The new corpus, opened.

    Raises:
        InputError: a species or transcript that the corpus has not, a shard of a corpus, or nothing is left.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rnas.fa").write_text(">t1 gene:g1\\nAUGGCUUGA\\n>t2 gene:g1\\nGGGACGU\\n")
    >>> _ = isoclr.build(out=folder / "corpus", species="human", transcripts=folder / "rnas.fa")
    >>> len(subset(folder / "corpus", out=folder / "part", isoforms="one"))
    1
    """
    whole = open_corpus(corpus)
    if whole.meta["shard"]:
        raise InputError(
            f"{whole.path}: a shard, expected a whole corpus; join it with isoclr merge"
        )
    table = whole.transcripts.with_columns(start=pl.col("offset"), source=pl.lit(0, pl.Int64)).drop(
        "offset"
    )
    kept = _of_species(table, species, whole)
    if transcripts is not None:
        kept = _of_list(kept, Path(transcripts), whole)
    if isoforms == "one":
        kept = _one_a_gene(kept)
    if grouping == "genes":
        kept = kept.with_columns(gene_set=_gene())
    if not kept.height:
        raise InputError(
            f"{whole.path}: no transcript is left; choose other species or transcripts"
        )
    asked: dict[str, Any] = {"species": list(species), "grouping": grouping, "isoforms": isoforms}
    asked["transcripts"] = None if transcripts is None else kept.height
    out = Path(out)
    check_target(out, overwrite)
    with atomic_directory(out, overwrite=overwrite) as folder:
        write(folder, kept, [whole.codes], _meta(whole, table, kept, asked))
    made = open_corpus(out)
    finish(f"{made!r}")
    return made


def _gene() -> pl.Expr:
    return pl.col("species") + "|" + without_versions(pl.col("gene_id"))


def _of_species(table: pl.DataFrame, species: Collection[str], corpus: Corpus) -> pl.DataFrame:
    for name in species:
        if name not in corpus.species:
            raise InputError(
                f"{corpus.path}: no species {name!r}; expected {', '.join(corpus.species)}"
            )
    return table.filter(pl.col("species").is_in(list(species))) if species else table


def _of_list(table: pl.DataFrame, path: Path, corpus: Corpus) -> pl.DataFrame:
    """The named transcripts, in the corpus' order."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as text ({error}), expected transcript ids"
        ) from None
    names = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    rows = []
    for number, name in names:
        try:
            rows.append(corpus.find(name))
        except InputError as error:
            raise InputError(f"{path}: line {number}: {error}") from None
    wanted = corpus.transcripts["transcript_id"].gather(sorted(set(rows)))
    species = corpus.transcripts["species"].gather(sorted(set(rows)))
    chosen = pl.DataFrame({"transcript_id": wanted, "species": species})
    return table.join(chosen, on=["transcript_id", "species"], how="semi", maintain_order="left")


def _one_a_gene(table: pl.DataFrame) -> pl.DataFrame:
    """The transcript of the longest coding sequence of each gene, in the corpus' order."""
    numbered = table.with_row_index("place").with_columns(gene=_gene())
    best = numbered.sort(
        pl.col("cds_end") - pl.col("cds_start"), "length", "place", descending=[True, True, False]
    ).unique("gene", keep="first", maintain_order=True)
    return best.sort("place").drop("place", "gene")


def _meta(
    whole: Corpus, before: pl.DataFrame, after: pl.DataFrame, asked: dict[str, Any]
) -> dict[str, Any]:
    """The facts of the corpus it came from, with what became of every species."""
    names = after["species"].unique(maintain_order=True).to_list()
    kept = [name for name in whole.species if name in names]
    by_species = {name: copy.deepcopy(whole.meta["by_species"][name]) for name in kept}
    for name, facts in by_species.items():
        left = _count(before, name) - _count(after, name)
        if left:
            facts["dropped"]["not_in_the_subset"] = left
        mine = after.filter(pl.col("species") == name)
        facts["genes"] = mine.select(_gene()).n_unique()
        mapped = mine.filter(pl.col("gene_set") != _gene())
        facts["mapped_genes"] = mapped.select(_gene()).n_unique()
    return {
        "options": {**whole.meta["options"], "subset": asked},
        "shard": None,
        "species": kept,
        "inputs": [one for one in whole.meta["inputs"] if one["species"] in kept],
        "homology": None if asked["grouping"] == "genes" else whole.meta["homology"],
        "gene_ids": {n: v for n, v in whole.meta["gene_ids"].items() if n in kept},
        "by_species": by_species,
    }


def _count(table: pl.DataFrame, species: str) -> int:
    return table.filter(pl.col("species") == species).height
