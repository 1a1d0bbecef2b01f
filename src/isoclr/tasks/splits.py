"""Splits of labelled RNAs into training, validation and test parts that keep whole groups together.

A group is a gene, a set of homologous genes, or a chromosome.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._config import Config, Meta
from isoclr._io import TABLE_FORMATS
from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.genomics.annotation import read_annotation
from isoclr.genomics.species import without_versions
from isoclr.tasks.join import gene_key
from isoclr.tasks.labels import find_id_columns, read_text_table

Indices = NDArray[np.int64]
Groups = NDArray[np.str_]
SplitKind = Literal["random", "fold", "homology", "chromosome"]
"""What a split keeps together: genes, the label table's own folds, homologous gene sets, or chromosomes."""

UNITS = {"random": "genes", "homology": "gene sets", "chromosome": "chromosomes"}
FRACTIONS = (0.70, 0.15, 0.15)
"""Fractions of the samples for training, validation and test in the paper's random splits."""


@dataclass(frozen=True, kw_only=True)
class SplitConfig(Config):
    """How labelled RNAs are split into training and test parts."""

    split: SplitKind | None = None
    """What stays together: random: genes, 70/15/15 as in the paper; fold: cross-validation over the label table's
    column fold; homology: homologous gene sets, which needs --corpus; chromosome: chromosomes, taken from the label
    table's column chromosome or from --chromosomes. Default: the task's own, else random."""
    splits: Annotated[int, Meta(ge=1)] = 10
    """Number of random, homology or chromosome splits; 1 gives bootstrap intervals over the test genes."""
    folds: Annotated[int, Meta(ge=2)] | None = None
    """Number of cross-validation folds, instead of 70/15/15 splits; not for --split fold."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Random seed of the first split, the cross-validation folds and random-init encoders."""
    chromosomes: tuple[Path, ...] = ()
    """Annotations (GTF, GFF3, genePred, BED12) or tables with gene_id and chromosome, for --split chromosome."""

    def __post_init__(self) -> None:
        """Check values and combinations."""
        super().__post_init__()
        if self.split == "fold" and self.folds is not None:
            raise InputError("--folds: --split fold uses the label table's own folds")
        if self.chromosomes and self.split not in (None, "chromosome"):
            raise InputError(f"--chromosomes is for --split chromosome, not --split {self.split}")

    def resolve(self, default: SplitKind | None = None) -> "SplitConfig":
        """The config with ``split`` decided: its own, else the default, else ``random``."""
        return replace(self, split=self.split or default or "random")

    @property
    def kind(self) -> SplitKind:
        """The split, ``random`` if not decided."""
        return self.split or "random"

    @property
    def cross_validation(self) -> bool:
        """Whether every sample is tested exactly once."""
        return self.split == "fold" or self.folds is not None

    def describe(self) -> str:
        """The splits in words.

        >>> SplitConfig(split="homology", splits=3).describe()
        'random 70/15/15 × 3 by whole gene sets'
        """
        if self.kind == "fold":
            return "the label file's own folds"
        unit = UNITS[self.kind]
        if self.folds is not None:
            return f"{self.folds}-fold cross-validation by whole {unit}"
        return f"random 70/15/15{'' if self.splits == 1 else f' × {self.splits}'} by whole {unit}"

    def make_splits(self, groups: Groups, folds: Sequence[str | None] = ()) -> "list[Split]":
        """Split samples."""
        if self.kind == "fold":
            if None in folds:
                raise InputError("--split fold: some labelled RNAs have no fold")
            return named_folds([str(name) for name in folds])
        if self.folds is not None:
            return group_folds(groups, self.folds, self.seed)
        return [random_split(groups, self.seed + i) for i in range(self.splits)]


@dataclass(frozen=True)
class Split:
    """Sample numbers of one split; a cross-validation fold has no validation part."""

    name: str  # Such as seed 3 or fold 8
    train: Indices
    valid: Indices
    test: Indices


def random_split(groups: Sequence[str] | Groups, seed: int) -> Split:
    """Assign whole groups at random to training, validation and test, by default 70/15/15 as in the paper.

    Groups are shuffled and assigned in turn: to training until it has its fraction of the samples, then to
    validation, then to test.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part = np.searchsorted(np.cumsum(FRACTIONS)[:2], middles, side="right")[numbers]
    train, valid, test = (np.flatnonzero(part == i) for i in range(3))
    if min(len(train), len(valid), len(test)) == 0:
        raise InputError(
            f"split: {len(sizes)} genes, gene sets or chromosomes are too few for training, validation and test parts"
        )
    return Split(f"seed {seed}", train, valid, test)


def group_folds(groups: Sequence[str] | Groups, folds: int, seed: int) -> list[Split]:
    """K-fold cross-validation that keeps whole groups together and the folds equally large.

    Groups are shuffled, then assigned from the largest to the smallest, each to the fold with the fewest samples.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    if not 2 <= folds <= len(sizes):
        raise InputError(
            f"folds: {len(sizes)} genes, gene sets or chromosomes are too few for {folds} folds of whole ones"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(sizes), np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of_group[group] = np.argmin(filled)
        filled[fold_of_group[group]] += sizes[group]
    return named_folds([str(fold + 1) for fold in fold_of_group[numbers]])


def named_folds(folds: Sequence[str]) -> list[Split]:
    """Cross-validation over given folds: each is the test part once, and the others are the training part."""
    array = np.asarray(folds)
    names = sorted(set(folds), key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
    if len(names) < 2:
        raise InputError(f"folds: all samples are in fold {names[0]!r}, expected two folds or more")
    empty = np.empty(0, np.int64)
    return [
        Split(f"fold {name}", np.flatnonzero(array != name), empty, np.flatnonzero(array == name)) for name in names
    ]


# --- Groups ---

CHROMOSOME_COLUMNS = ("chromosome", "chrom", "chr", "chromosome_name", "seqname")


@dataclass(frozen=True)
class RnaGroups:
    """The group of each RNA."""

    groups: Groups  # (n,) gene, gene set or chromosome
    keep: NDArray[np.bool_]  # (n,) whether the group is known; only a chromosome can be unknown
    gene_sets: Groups | None  # (n,) homologous gene sets; None when they are not known
    counts: dict[str, int]  # Numbers of RNAs or genes with a problem, by reason


def group_rnas(table: pl.DataFrame, corpus: Corpus | None, config: SplitConfig) -> RnaGroups:
    """Group labelled RNAs as a split requires.

    Args:
        table: ``gene``, ``transcript_id``, ``gene_id``, ``species``, ``chromosome``, one row per RNA.
        corpus: Provides gene sets; they are looked up for the leak audit whatever the split is.
    """
    genes = table["gene"].to_numpy().astype(np.str_)
    everything = np.ones(len(genes), bool)
    if config.kind == "homology":
        if corpus is None:
            raise InputError("--split homology needs --corpus, whose gene sets it keeps together")
        sets, unknown = gene_sets(table, corpus)
        return RnaGroups(sets, everything, sets, {"genes that are not in the corpus": unknown})
    known_sets: Groups | None = None
    if corpus is not None:
        with suppress(InputError):
            known_sets, _ = gene_sets(table, corpus)
    if config.kind == "chromosome":
        chromosomes, ambiguous = chromosomes_of(table, config.chromosomes)
        keep = chromosomes != ""
        counts = {
            "labelled RNAs without a known chromosome": int((~keep).sum()),
            "ids that the files place on several chromosomes": ambiguous,
        }
        return RnaGroups(chromosomes, keep, known_sets, counts)
    return RnaGroups(genes, everything, known_sets, {})


def gene_sets(table: pl.DataFrame, corpus: Corpus) -> tuple[Groups, int]:
    """The homologous gene set of each RNA, and the number of genes that are not in the corpus.

    A gene that is not in the corpus forms its own set. Where the species is not known, a gene is looked up by its id
    alone, if only one species of the corpus has it.
    """
    _check_homology(table, corpus)
    known = corpus.transcripts.select(gene_key(), "gene_id", "gene_set").unique("gene")
    by_id = known.with_columns(gene="|" + pl.col("gene").str.splitn("|", 2).struct[1])
    by_id = by_id.filter(pl.col("gene").is_unique())
    sets = pl.concat([known, by_id]).unique("gene", keep="first", maintain_order=True)
    joined = table.select("gene").join(sets, on="gene", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("gene_set").is_null())["gene"].n_unique()
    if joined["gene_set"].null_count() == joined.height:
        raise InputError(
            f"{corpus.path}: has none of the {unknown:,} labelled genes ({joined['gene'][0]}, …); "
            "expected a corpus of the same species, named as in the embeddings"
        )
    return joined["gene_set"].fill_null(joined["gene"]).to_numpy().astype(np.str_), unknown


def _check_homology(table: pl.DataFrame, corpus: Corpus) -> None:
    """Refuse gene sets that do not hold all homologs."""
    if corpus.meta["homology"] is None:
        raise InputError(
            f"{corpus.path}: built without --homology, so its gene sets are single genes; "
            "expected a corpus with homologs for --split homology"
        )
    species = sorted(table["gene"].str.split("|").list.first().unique())
    if corpus.meta["options"]["scope"] == "within-species" and len(species) > 1:
        raise InputError(
            f"{corpus.path}: its gene sets are within species, but the labelled RNAs are of {', '.join(species)}; "
            "choose one with --species, or use a corpus of scope across-species"
        )


def chromosomes_of(table: pl.DataFrame, files: Sequence[Path]) -> tuple[Groups, int]:
    """The chromosome of each RNA, from the table's column ``chromosome``, else from files.

    A file is an annotation (GTF, GFF3, genePred, BED12) or a table (TSV, CSV, Parquet) with a gene or transcript id and
    a column ``chromosome``. An RNA is looked up by its transcript id, then by its gene id, both without versions.
    ``chr1`` and ``1`` are the same chromosome.

    Args:
        table: ``species``, ``chromosome``, ``transcript_id``, ``gene_id``, one row per RNA.

    Returns:
        ``(n,)`` ``species|chromosome``, empty when not known; and the number of ids that the files place on several
        chromosomes, of which the first counts.
    """
    empty = pl.DataFrame(schema={"key": pl.String, "location": pl.String})
    locations = pl.concat([empty, *(_locations(Path(path)) for path in files)]).unique(maintain_order=True)
    ambiguous = locations.height - locations["key"].n_unique()
    locations = locations.unique("key", keep="first", maintain_order=True)
    located = table.select("species", "chromosome", "transcript_id", "gene_id")
    for column in ("transcript_id", "gene_id"):
        joined = located.select(key=without_versions(pl.col(column))).join(
            locations, on="key", how="left", maintain_order="left"
        )
        located = located.with_columns(chromosome=pl.coalesce("chromosome", joined["location"]))
    name = _plain(pl.col("chromosome"))
    groups = located.select(pl.col("species") + "|" + name).to_series().fill_null("")
    if (groups == "").all():
        where = ", ".join(map(str, files)) or "the label table, which has no column chromosome"
        raise InputError(
            f"{where}: no chromosome for any of the {table.height:,} labelled RNAs "
            f"({located['transcript_id'][0]}, …); expected --chromosomes, an annotation or a table with their ids"
        )
    return groups.to_numpy().astype(np.str_), ambiguous


def _locations(path: Path) -> pl.DataFrame:
    """Pairs of ``key`` (a transcript or gene id without version) and ``location`` (a chromosome)."""
    if path.name.lower().removesuffix(".gz").endswith(TABLE_FORMATS):
        table = read_text_table(path)
        ids = [name for name, _ in find_id_columns(table.columns)]
        column = next((name for name in CHROMOSOME_COLUMNS if name in table.columns), None)
        if not ids or column is None:
            raise InputError(
                f"{path}: columns are {', '.join(table.columns)}; expected gene_id or transcript_id, and chromosome"
            )
    else:
        table, ids, column = read_annotation(path).table, ["transcript_id", "gene_id"], "chrom"
        if table["chrom"].null_count() == table.height:
            raise InputError(f"{path}: has no chromosomes")
    pairs = [table.select(key=without_versions(pl.col(name)), location=_plain(pl.col(column))) for name in ids]
    return pl.concat(pairs).drop_nulls().filter(pl.col("key") != "").unique(maintain_order=True)


def _plain(name: pl.Expr) -> pl.Expr:
    """``chr1`` → ``1``, ``chrM`` → ``MT``."""
    return name.str.strip_chars().str.replace("^(?i)chr", "").str.replace("^M$", "MT")
