"""Old names, until their callers have moved to SplitConfig and LabelledRnas."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.corpus import DATA_FILES, Corpus
from isoclr.embedding.embeddings import SCHEMA, RnaChoice
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, nucleotides
from isoclr.tasks.groups import chromosomes_of
from isoclr.tasks.labels import Labels, Samples, gene_key, join_labels
from isoclr.tasks.leakage import LeakageReport, audit_leakage
from isoclr.tasks.metrics import CLASSES, QUANTITY, Metric
from isoclr.tasks.splits import Split, SplitKind, group_folds, named_folds, random_split
from isoclr.tasks.task import Task

WHOLE = {"random": "genes", "homology": "gene sets", "chromosome": "chromosomes"}


@dataclass(frozen=True)
class SplitGroups:
    """What a split must not tear apart.

    Attributes:
        groups: ``(n,)`` gene, gene set or chromosome of every sample.
        keep: ``(n,)`` whether a sample can be dealt: for a split by chromosome, whether its chromosome is known.
        gene_sets: ``(n,)`` homologous gene set of every sample; None when they are not known.
        counts: what was found on the way, and what has to be left out, by reason.
    """

    groups: NDArray[np.str_]
    keep: NDArray[np.bool_]
    gene_sets: NDArray[np.str_] | None
    counts: dict[str, int]


def split_groups(
    samples: Samples, corpus: Corpus | None, split: SplitKind, chromosomes: Sequence[Path] = ()
) -> SplitGroups:
    """What a split keeps together, one way for probes, fine-tuning and benchmarks.

    Args:
        samples: labelled RNAs.
        corpus: knows the gene sets; they are found for the leak audit whatever the split is.
        split: ``homology`` keeps gene sets together, ``chromosome`` chromosomes, the others genes.
        chromosomes: files that say where the genes lie, for labels that do not.

    Raises:
        InputError: the split needs what is not there.
    """
    genes = samples.table["gene"].to_numpy().astype(np.str_)
    everything = np.ones(len(samples), bool)
    if split == "homology":
        if corpus is None:
            raise InputError(
                "--split homology: the labelled RNAs are of no corpus, which would know their gene sets; "
                "expected a corpus, or another split"
            )
        sets, unknown = gene_sets(samples, corpus)
        return SplitGroups(sets, everything, sets, {"genes that the corpus does not know": unknown})
    known = None if corpus is None else gene_sets_if_known(samples, corpus)
    if split == "chromosome":
        located, several = chromosomes_of(samples.table, chromosomes)
        counts = {
            "labelled RNAs whose chromosome is not known": int((located == "").sum()),
            "ids that the files put on several chromosomes": several,
        }
        return SplitGroups(located, located != "", known, counts)
    if split == "fold":
        folds = samples.table.group_by("gene").agg(pl.col("fold").n_unique())["fold"]
        torn = {"genes with RNAs in several of the label file's folds": int((folds > 1).sum())}
        return SplitGroups(genes, everything, known, torn)
    return SplitGroups(genes, everything, known, {})


def gene_sets(samples: Samples, corpus: Corpus) -> tuple[NDArray[np.str_], int]:
    """The homologous gene set of every sample, and how many genes the corpus does not know.

    A gene that the corpus does not know is a set of its own, all its isoforms in it. Where the embeddings do not say
    the species, a gene is found by its id alone, if only one species of the corpus has it.

    Raises:
        InputError: the corpus knows no homologs, or none of the genes.
    """
    _check_homology(samples, corpus)
    known = corpus.transcripts.select(gene_key(), "gene_id", "gene_set").unique("gene")
    by_id = known.with_columns(gene="|" + pl.col("gene").str.splitn("|", 2).struct[1])
    by_id = by_id.filter(pl.col("gene").is_unique())
    sets = pl.concat([known, by_id]).unique("gene", keep="first", maintain_order=True)
    found = samples.table.select("gene").join(sets, on="gene", how="left", maintain_order="left")
    unknown = found.filter(pl.col("gene_set").is_null())["gene"].n_unique()
    if found["gene_set"].null_count() == found.height:
        raise InputError(
            f"{corpus.path}: knows none of the {unknown:,} labelled genes ({found['gene'][0]}, …); "
            "expected a corpus of the same species, named as in the embeddings"
        )
    return found["gene_set"].fill_null(found["gene"]).to_numpy().astype(np.str_), unknown


def gene_sets_if_known(samples: Samples, corpus: Corpus) -> NDArray[np.str_] | None:
    """The same; None for a corpus without homologs or of other genes: an audit says that it does not know."""
    try:
        return gene_sets(samples, corpus)[0]
    except InputError:
        return None


def check_folds(labels: Labels) -> None:
    """A cross-validation over the label table's own folds needs one in every row.

    Raises:
        InputError: there is none, or a row has none.
    """
    if labels.table["fold"].null_count():
        bad = labels.table.filter(pl.col("fold").is_null())
        where = f"line {bad['line'][0]} has no fold" if labels.has_folds else "no column 'fold'"
        raise InputError(f"{labels.path}: {where}, which --split fold needs")


def check_chromosomes(split: SplitKind, files: Sequence[Path]) -> None:
    """Files that say where genes lie are for a split by chromosome.

    Raises:
        InputError: they are given for another split.
    """
    if files and split != "chromosome":
        raise InputError(f"--chromosomes is for --split chromosome, not for --split {split}")


def check_parts(splits: Sequence[Split], values: NDArray[np.float64], labels: Labels) -> None:
    """Every part needs two different values, or nothing can be learnt from it, or no correlation is known on it.

    Raises:
        InputError: naming the split and the part.
    """
    for split in splits:
        for part, rows in (("training", split.train), ("test", split.test)):
            if len(rows) == 0 or np.ptp(values[rows]) == 0:
                raise InputError(
                    f"{labels.path}: {split.name}: the {part} part ({len(rows)} of {len(values)} RNAs) has one "
                    f"value of {labels.name} only; expected two or more: give more labels or larger test parts"
                )


def _check_homology(samples: Samples, corpus: Corpus) -> None:
    """Gene sets that could not keep homologs together would pass for a homology-aware split."""
    if corpus.meta["homology"] is None:
        raise InputError(
            f"{corpus.path}: built without --homology, so its gene sets are single genes; "
            "expected a corpus with homologs for --split homology"
        )
    species = sorted(samples.table["gene"].str.split("|").list.first().unique())
    if corpus.meta["options"]["scope"] == "within-species" and len(species) > 1:
        raise InputError(
            f"{corpus.path}: its gene sets are within species, the labelled RNAs are of {', '.join(species)}; "
            "choose one with --species, or expected a corpus of scope across-species"
        )


def make_splits(
    split: SplitKind,
    groups: NDArray[np.str_],
    samples: Samples,
    *,
    folds: int | None,
    seeds: int,
    seed: int,
) -> tuple[list[Split], str]:
    """The splits, and what they are in words."""
    if split == "fold":
        return named_folds(samples.table["fold"].to_list()), "the label file's own folds"
    whole = WHOLE[split]
    if folds is not None:
        return group_folds(groups, folds, seed), f"{folds}-fold cross-validation by whole {whole}"
    splits = [random_split(groups, seed + i) for i in range(seeds)]
    times = "" if seeds == 1 else f" × {seeds}"
    return splits, f"random 70/15/15{times} by whole {whole}"


WHOLE_RNA, INSERT = "whole RNA", "insert of the construct"
"""What a leak audit compares: of a reporter assay's RNAs all else is the same."""


@dataclass(frozen=True)
class RnaSource:
    """RNAs that a label may be of.

    Attributes:
        identity: names them by their content.
        table: one row an RNA, the columns of embeddings.
        corpus: the corpus they are of; None for a reporter assay's.
        sequences: the codes of a reporter assay's.
        inserts: the stretches in which these differ.
    """

    identity: str
    table: pl.DataFrame
    corpus: Corpus | None
    sequences: Sequence[Codes] = ()
    inserts: Sequence[Codes] = ()

    def codes_of(self, row: int) -> Codes:
        """The codes of one RNA."""
        return self.sequences[row] if self.corpus is None else self.corpus.codes_of(row)

    def compared_of(self, row: int) -> Codes:
        """What a leak audit compares of it."""
        return self.inserts[row] if self.corpus is None else self.corpus.codes_of(row)

    @property
    def compared(self) -> str:
        """That in words."""
        return INSERT if self.corpus is None else WHOLE_RNA

    def choose(self, species: str | None, choice: RnaChoice) -> pl.DataFrame:
        """The RNAs that a label may be of, with ``place``, their rows; a reporter assay's are of no species.

        Raises:
            InputError: there are none.
        """
        table = self.table.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
        if species is not None and self.corpus is not None:
            table = table.filter(pl.col("species") == species)
        if choice == "coding":
            table = table.filter(pl.col("cds_length") > 0)
        elif choice == "annotated":
            table = table.filter(pl.col("cds_source") == "annotated")
        if table.height == 0 and self.corpus is not None:
            raise InputError(
                f"{self.corpus.path}: no transcript is of species {species or 'any'!r} and of choice {choice!r}; "
                f"its species are {', '.join(self.corpus.species)}"
            )
        return table


def label_rnas(labels: Labels, chosen: pl.DataFrame) -> Samples:
    """Join labels to chosen RNAs; rows of the samples are the RNAs' places.

    Raises:
        InputError: see :func:`isoclr.tasks.labels.join_labels`.
    """
    samples = join_labels(labels, chosen.drop("place"))
    places = chosen["place"].gather(samples.table["row"])
    return replace(samples, table=samples.table.with_columns(row=places))


def of_corpus(corpus: Corpus) -> RnaSource:
    """All RNAs of a corpus, in its order."""
    coding = pl.col("cds_end") - pl.col("cds_start")
    table = corpus.transcripts.with_columns(
        cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0)
    )
    return RnaSource(identity(corpus), _columns(table), corpus)


def of_task(task: Task, digest: str = "") -> RnaSource:
    """The constructs of a reporter assay, one a row of its label table, each a gene of its own.

    Args:
        task: the assay.
        digest: SHA-256 of its label table and task file.

    Raises:
        InputError: the task has no construct, or a row has no insert.
    """
    sequences, inserts = task.sequences(), task.inserts()
    names = list(sequences)
    codons = [np.count_nonzero(codes & 8) for codes in sequences.values()]
    table = pl.DataFrame(
        {
            "transcript_id": names,
            "gene_id": names,
            "species": "",
            "length": [len(codes) for codes in sequences.values()],
            "cds_length": [3 * count for count in codons],
            "cds_source": "annotated",
        }
    )
    parts = [nucleotides(inserts[name], name=name) for name in names]
    return RnaSource(digest, _columns(table), None, list(sequences.values()), parts)


def identity(corpus: Corpus) -> str:
    """Names a corpus by its content, wherever it lies."""
    files = corpus.meta["files"]
    return " ".join(files[name]["sha256"] for name in DATA_FILES)


def _columns(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


@dataclass(frozen=True)
class Prepared:
    """What every method of one task and split is given.

    Attributes:
        task: the task.
        split: how the samples are dealt.
        rnas: where the RNAs come from.
        samples: RNAs with labels; ``rows`` are rows of ``rnas``.
        groups: ``(n,)`` gene, gene set or chromosome: what is never on both sides.
        gene_sets: ``(n,)`` homologous gene set of every sample; None when they are not known.
        splits: training and test parts.
        how: the splits in words.
        counts: numbers of samples and groups, and of what was left out, by reason.
        metrics: what to report, the main one first.
    """

    task: Task
    split: SplitKind
    rnas: RnaSource
    samples: Samples
    groups: NDArray[np.str_]
    gene_sets: NDArray[np.str_] | None
    splits: list[Split]
    how: str
    counts: dict[str, int]
    metrics: Mapping[str, Metric]

    @property
    def codes(self) -> list[Codes]:
        """The sequence of every sample: views, no copies."""
        return [self.rnas.codes_of(int(row)) for row in self.samples.rows]

    def leaks(self) -> LeakageReport:
        """What the test parts share with the training parts."""
        genes = self.samples.table["gene"].to_numpy().astype(np.str_)
        parts = [self.rnas.compared_of(int(row)) for row in self.samples.rows]
        return audit_leakage(self.splits, genes, self.gene_sets, parts, compared=self.rnas.compared)


def prepare(
    task: Task,
    rnas: RnaSource,
    *,
    split: SplitKind,
    repeats: int,
    seed: int,
    shared: Collection[str] | None = None,
    chromosomes: Sequence[Path] = (),
) -> Prepared:
    """Join a task's labels to RNAs and deal the samples.

    Args:
        task: the label and the RNAs it is of.
        rnas: the RNAs.
        split: how samples are dealt.
        repeats: random, homology-aware or chromosome splits.
        seed: of the first of them.
        shared: transcripts that every foreign model has; the others are left out for all methods alike.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.

    Raises:
        InputError: labels that cannot be used, or nothing in common.
    """
    labels = task.labels()
    if split == "fold":
        check_folds(labels)
    matched, missing = _samples(task, labels, rnas, shared)
    if split == "homology" and rnas.corpus is None:
        raise InputError(f"{task.source}: constructs have no homologs; expected another split")
    found = split_groups(matched, rnas.corpus, split, chromosomes)
    samples, groups = matched.select(found.keep), found.groups[found.keep]
    counts = {"samples": len(samples), "labels without an RNA": samples.unmatched}
    counts |= {"RNAs that a foreign model has not": missing, **found.counts}
    splits, how = make_splits(split, groups, samples, folds=None, seeds=repeats, seed=seed)
    check_parts(splits, samples.values, labels)
    return Prepared(
        task=task,
        split=split,
        rnas=rnas,
        samples=samples,
        groups=groups,
        gene_sets=None if found.gene_sets is None else found.gene_sets[found.keep],
        splits=splits,
        how=how,
        counts={**counts, "groups": len(np.unique(groups))},
        metrics=CLASSES if labels.binary else QUANTITY,
    )


def restricts(task: Task, rnas: RnaSource, shared: Collection[str] | None) -> bool:
    """Whether a task's samples are others because foreign models lack some RNAs."""
    if shared is None:
        return False
    labels = task.labels()
    kept, whole = (_samples(task, labels, rnas, names)[0].table for names in (shared, None))
    return not kept["transcript_id"].equals(whole["transcript_id"])


def _samples(
    task: Task, labels: Labels, rnas: RnaSource, shared: Collection[str] | None
) -> tuple[Samples, int]:
    """The task's samples with their rows in ``rnas``, and how many RNAs a foreign model lacks."""
    kept = chosen = rnas.choose(task.species, task.rnas)
    if shared is not None:
        kept = chosen.filter(pl.col("transcript_id").is_in(list(shared)))
    if not kept.height:
        raise InputError(f"{task.source}: no RNA of the task is in all [[embeddings]]")
    return label_rnas(labels, kept), chosen.height - kept.height
