"""Labelled RNAs: labels joined to RNAs and their sequences, grouped for splits."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.tasks.join import Samples, join_labels
from isoclr.tasks.labels import Labels
from isoclr.tasks.leakage import LeakageReport, audit_leakage
from isoclr.tasks.rnas import RnaSource, rnas_of_corpus, rnas_of_task
from isoclr.tasks.splits import Groups, RnaGroups, Split, SplitConfig, group_rnas
from isoclr.tasks.task import Task

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class LabelSpec:
    """A label to predict, and the RNAs that it may belong to."""

    labels: Labels
    name: str  # Name of the label in results
    species: str | None = None  # Species in which it was measured; None: any
    rnas: RnaChoice = "all"  # Transcripts that may represent a gene
    task: Task | None = None  # The task that the label comes from; None for a plain table

    @property
    def reporter(self) -> bool:
        """Whether the RNAs are reporter constructs, which are in no corpus."""
        return self.task is not None and self.task.construct is not None


def rna_sources(specs: Sequence[LabelSpec], corpus: Corpus | None) -> list[RnaSource]:
    """The RNAs of each label: the corpus, or the constructs of a reporter assay; labels of one assay share them."""
    sources: dict[object, RnaSource] = {}
    keys = [(s.labels.path, s.task.construct, s.task.family_nt) if s.task and s.reporter else None for s in specs]
    for key, spec in zip(keys, specs, strict=True):
        if key in sources:
            continue
        if spec.reporter and spec.task is not None:
            sources[key] = rnas_of_task(spec.task)
        elif corpus is not None:
            sources[key] = rnas_of_corpus(corpus)
        else:
            raise InputError(f"{spec.labels.path}: needs --corpus; only a reporter assay's task has its own RNAs")
    return [sources[key] for key in keys]


@dataclass(frozen=True)
class LabelledRnas:
    """RNAs with one or more labels."""

    table: pl.DataFrame
    """One row per RNA: ``source`` (number of its source), ``row`` (in that source), ``transcript_id``, ``gene_id``,
    ``gene_symbol``, ``species``, ``gene``, ``cds_source``, ``fold``, ``chromosome`` (String or null); by gene."""
    targets: Array  # (n, labels) labels as measured; NaN where an RNA has none
    labels: tuple[str, ...]  # Names of the labels
    groups: Groups  # (n,) gene, gene set or chromosome: what a split keeps together
    gene_sets: Groups | None  # (n,) homologous gene set of each RNA; None when not known
    codes: Sequence[Codes | None] | None
    """``(n,)`` sequence of each RNA, None for an unknown one; None when no sequence is known."""
    compared: Sequence[Codes | None] | None
    """``(n,)`` what the leak audit compares: the sequence of each RNA, or the insert of a construct."""
    compared_name: str
    counts: dict[str, int]  # Numbers of samples and groups, and of what was left out, by reason
    torn_genes: dict[str, list[str]] = field(default_factory=dict)
    """Gene → the several folds of the label table that its RNAs are in, for ``--split fold``."""
    unmatched: pl.DataFrame | None = None  # label, line, id, value of the labels that no RNA has

    def __len__(self) -> int:
        return self.table.height

    @property
    def rows(self) -> NDArray[np.int64]:
        """``(n,)`` rows of the RNAs in their source."""
        return self.table["row"].to_numpy()

    @property
    def values(self) -> Array:
        """``(n,)`` the first label."""
        return self.targets[:, 0]

    @property
    def genes(self) -> Groups:
        """``(n,)`` gene of each RNA."""
        return self.table["gene"].to_numpy().astype(np.str_)

    @property
    def sequences(self) -> list[Codes]:
        """``(n,)`` codes of each RNA."""
        known = [codes for codes in self.codes or () if codes is not None]
        if len(known) < len(self):
            raise InputError(f"the sequences of {len(self) - len(known):,} RNAs are not known")
        return known

    def select(self, keep: Mask) -> "LabelledRnas":
        """The RNAs where ``keep`` ``(n,)`` is true; the counts stay those of the whole."""
        return replace(
            self,
            table=self.table.filter(pl.Series(keep)),
            targets=self.targets[keep],
            groups=self.groups[keep],
            gene_sets=None if self.gene_sets is None else self.gene_sets[keep],
            codes=None if self.codes is None else list(compress(self.codes, keep)),
            compared=None if self.compared is None else list(compress(self.compared, keep)),
        )

    def split(self, config: SplitConfig) -> list[Split]:
        """Split the RNAs.

        Labels that share no group, such as those of two species, are split independently, exactly as each would be
        alone.
        """
        parts = [np.ones(len(self), bool)] if config.kind == "fold" else self._unrelated_parts()
        by_part = []
        for part in parts:
            folds = self.table["fold"].filter(pl.Series(part)).to_list()
            splits = config.make_splits(self.groups[part], folds)
            by_part.append([(split, np.flatnonzero(part)) for split in splits])
        splits = [_union(same) for same in zip(*by_part, strict=True)]
        for split in splits:
            self.check_part(split, "training", split.train)
            self.check_part(split, "test", split.test)
        return splits

    def check_part(self, split: Split, part: str, rows: NDArray[np.int64]) -> None:
        """Check that a part of a split has two different values of each label."""
        for name, column in zip(self.labels, self.targets[rows].T, strict=True):
            values = column[np.isfinite(column)]
            if len(values) == 0 or np.ptp(values) == 0 or values.std() == 0:
                raise InputError(
                    f"{name}: {split.name}: the {part} part ({len(rows)} of {len(self)} RNAs) has "
                    f"{len(np.unique(values))} different values; expected two or more: give more labels or larger parts"
                )

    def leakage(self, splits: Sequence[Split]) -> LeakageReport:
        """Count test RNAs that share their gene, gene set or sequence with the training part."""
        return audit_leakage(splits, self.genes, self.gene_sets, self.compared, compared=self.compared_name)

    def _unrelated_parts(self) -> list[Mask]:
        """Masks of RNAs: labels with a group in common are in one part."""
        parts: list[Mask] = []
        for known in np.isfinite(self.targets).T:
            mask = np.isin(self.groups, self.groups[known])
            overlapping = [part for part in parts if (part & mask).any()]
            mask = np.logical_or.reduce([mask, *overlapping])
            parts = [part for part in parts if not (part & mask).any()] + [mask]
        return parts


def label_rnas(
    specs: Sequence[LabelSpec],
    sources: Sequence[RnaSource],
    config: SplitConfig,
    *,
    need_sequences: bool = False,
    among: Collection[str] | None = None,
) -> LabelledRnas:
    """Join labels to RNAs, if needed only to those of known sequence."""
    if config.kind == "fold":
        for spec in specs:
            spec.labels.require_folds()
    unique = list(dict.fromkeys(sources))
    joined, counts, unmatched = _join(specs, sources, unique, among)
    table = joined.group_by("source", "row").agg(
        pl.col("transcript_id", "gene_id", "gene_symbol", "species", "gene", "cds_source").first(),
        pl.col("fold", "chromosome").drop_nulls().first(),
    )
    table = table.sort("gene", "source", "row")
    if need_sequences:
        known = np.array([codes is not None for codes in _codes(table, unique) or [None] * len(table)])
        if not known.any():
            raise InputError(
                f"{specs[0].labels.path}: the sequence of none of the {len(table):,} labelled RNAs is known; "
                "expected --corpus with the embedded RNAs"
            )
        counts["labelled RNAs without a known sequence"] = int((~known).sum())
        table = table.filter(pl.Series(known))
    torn: dict[str, list[str]] = {}
    if config.kind == "fold":
        folds = joined.group_by("gene").agg(pl.col("fold").drop_nulls().unique().sort())
        torn = dict(folds.filter(pl.col("fold").list.len() > 1).sort("gene").iter_rows())
        counts["genes with RNAs in several of the label file's folds"] = len(torn)
    names = [spec.name for spec in specs]
    dataset = assemble(table, _targets(joined, table, len(specs)), names, unique, config, counts)
    return replace(dataset, torn_genes=torn, unmatched=unmatched)


def assemble(
    table: pl.DataFrame,
    targets: Array,
    labels: Sequence[str],
    sources: Sequence[RnaSource],
    config: SplitConfig,
    counts: Mapping[str, int] = MappingProxyType({}),
) -> LabelledRnas:
    """Group labelled RNAs and look up their sequences.

    Args:
        table: One row per RNA, see :class:`LabelledRnas`.
        targets: ``(n, labels)`` labels; NaN where an RNA has none.
        config: The split, which decides what is grouped. RNAs of unknown chromosome are left out.
        counts: Numbers of what was left out already, by reason.
    """
    groups = _group(table, sources, config)
    dataset = LabelledRnas(
        table=table,
        targets=targets,
        labels=tuple(labels),
        groups=groups.groups,
        gene_sets=groups.gene_sets,
        codes=_codes(table, sources),
        compared=_codes(table, sources, compared=True),
        compared_name=" or ".join(dict.fromkeys(source.compared_name for source in sources)),
        counts={},
    ).select(groups.keep)
    sizes = {"samples": len(dataset), "groups": len(np.unique(dataset.groups))}
    return replace(dataset, counts={**sizes, **counts, **groups.counts})


def join_rnas(spec: LabelSpec, source: RnaSource, among: Collection[str] | None = None) -> tuple[Samples, int]:
    """Join one label to its RNAs.

    Returns:
        The samples, with rows of the source; and the number of RNAs that are not among the given transcripts.
    """
    chosen = source.choose(spec.species, spec.rnas)
    available = chosen
    if among is not None:
        available = chosen.filter(pl.col("transcript_id").is_in(list(among)))
    if not available.height:
        raise InputError(f"{spec.labels.path}: none of its RNAs is in all embeddings")
    samples = join_labels(spec.labels, available.drop("row"))
    rows = available["row"].gather(samples.table["row"])
    samples = replace(samples, table=samples.table.with_columns(row=rows))
    return samples, chosen.height - available.height


def _join(
    specs: Sequence[LabelSpec], sources: Sequence[RnaSource], unique: Sequence[RnaSource], among: Collection[str] | None
) -> tuple[pl.DataFrame, dict[str, int], pl.DataFrame]:
    """One row per RNA and label, with the numbers of the label and the source; what was left out; unmatched labels."""
    counts: dict[str, int] = {}
    tables, unmatched = [], []
    for number, (spec, source) in enumerate(zip(specs, sources, strict=True)):
        samples, unavailable = join_rnas(spec, source, among)
        of = f"{spec.name}: " if len(specs) > 1 else ""
        counts |= {
            f"{of}labels without an RNA": samples.unmatched,
            f"{of}label rows without a value": spec.labels.missing,
            f"{of}RNAs without a label": samples.without_label,
            f"{of}RNAs that another transcript of their gene represents": samples.not_representative,
        }
        if samples.same_id:
            counts[f"{of}RNAs of other genes or versions of the id of a label"] = samples.same_id
        if among is not None:
            counts[f"{of}RNAs that are not in all embeddings"] = unavailable
        unmatched.append(samples.unmatched_labels.select(pl.lit(spec.name).alias("label"), pl.all()))
        numbers = {"label": number, "source": unique.index(source)}
        constants = [pl.lit(value, pl.Int64).alias(name) for name, value in numbers.items()]
        of_rnas = {"gene_symbol": source.symbols, "cds_source": source.table["cds_source"]}
        known = {name: column.gather(samples.table["row"]) for name, column in of_rnas.items()}
        tables.append(samples.table.with_columns(*constants, **known))
    return pl.concat(tables), counts, pl.concat(unmatched)


def _targets(joined: pl.DataFrame, table: pl.DataFrame, labels: int) -> Array:
    """``(n, labels)`` the labels of each RNA of the table."""
    places = table.select("source", "row").with_row_index("place")
    placed = joined.join(places, on=["source", "row"], how="inner")
    targets = np.full((table.height, labels), np.nan)
    targets[placed["place"].to_numpy(), placed["label"].to_numpy()] = placed["value"].to_numpy()
    return targets


def _group(table: pl.DataFrame, sources: Sequence[RnaSource], config: SplitConfig) -> RnaGroups:
    """Group the RNAs source by source; a reporter construct in a dataset with a corpus is its own gene set."""
    any_corpus = any(source.corpus is not None for source in sources)
    by_gene = replace(config, split="random") if config.kind == "homology" else config
    parts, rows = [], []
    counts: Counter[str] = Counter()
    for number, source in enumerate(sources):
        mask = (table["source"] == number).to_numpy()
        part = table.filter(pl.Series(mask))
        if source.corpus is None and any_corpus:
            own = part["gene"].to_numpy().astype(np.str_)
            groups = replace(group_rnas(part, None, by_gene), gene_sets=own)
        else:
            groups = group_rnas(part, source.corpus, config)
        parts.append(groups)
        rows.append(np.flatnonzero(mask))
        counts.update(groups.counts)
    order = np.argsort(np.concatenate(rows))
    sets = [part.gene_sets for part in parts if part.gene_sets is not None]
    return RnaGroups(
        groups=np.concatenate([part.groups for part in parts])[order],
        keep=np.concatenate([part.keep for part in parts])[order],
        gene_sets=np.concatenate(sets)[order] if len(sets) == len(parts) else None,
        counts=dict(counts),
    )


def _union(parts: Sequence[tuple[Split, NDArray[np.int64]]]) -> Split:
    """Splits of parts of the dataset, each with its rows, as one split of the whole."""
    train, valid, test = (
        np.sort(np.concatenate([rows[getattr(split, side)] for split, rows in parts]))
        for side in ("train", "valid", "test")
    )
    return Split(parts[0][0].name, train, valid, test)


def _codes(table: pl.DataFrame, sources: Sequence[RnaSource], *, compared: bool = False) -> list[Codes | None] | None:
    """Sequences of the RNAs of a table, or what the leak audit compares; None if none is known."""
    lookups = [source.compared_of if compared else source.codes_of for source in sources]
    if not any(lookups):
        return None
    rows = table.select("source", "row").iter_rows()
    return [None if (lookup := lookups[source]) is None else lookup(row) for source, row in rows]
