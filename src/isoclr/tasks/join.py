"""Joining labels to RNAs, and the RNA that represents a gene."""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info
from isoclr.errors import InputError
from isoclr.genomics.species import without_versions
from isoclr.genomics.transcript_models import with_canonical
from isoclr.tasks.labels import RNA_COLUMNS, IdLevel, Labels

CURATED = r"^(?:[NX][MR]_|RGPS_)"
"""RefSeq accessions, and the Ensembl representative transcripts that are named ``RGPS_<symbol>``."""


def representatives(transcripts: pl.DataFrame, gene: str) -> pl.DataFrame:
    """One transcript per gene: the one that the literature most likely means.

    Canonical ones first (MANE Select, Ensembl canonical), then RefSeq (``NM_``, ``NR_``, ``XM_``, ``XR_``) or
    ``RGPS_``, then the longest CDS, then the longest RNA, then the smallest transcript id, so that the choice never
    depends on the order of the file.

    Args:
        transcripts: ``transcript_id``, ``length`` (nt), ``cds_length`` (nt, 0: none), the gene's column and, if
            known, ``canonical``.

    >>> rows = {"gene": ["g", "g"], "transcript_id": ["ENST1", "NM_1"], "length": [9, 5], "cds_length": [6, 3]}
    >>> representatives(pl.DataFrame(rows), "gene")["transcript_id"].to_list()
    ['NM_1']
    """
    return (
        with_canonical(transcripts)
        .sort(
            "canonical",
            pl.col("transcript_id").str.contains(CURATED),
            "cds_length",
            "length",
            "transcript_id",
            descending=[True, True, True, True, False],
        )
        .unique(gene, keep="first", maintain_order=True)
    )


def draw_rows(rows: NDArray[np.int64], most: int | None, seed: int) -> NDArray[np.int64]:
    """Rows, ascending; of more than ``most`` a random sample of so many."""
    rows = np.sort(rows)
    if most is not None and most < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return rows


SAMPLE_COLUMNS = ["row", "transcript_id", "gene_id", "species", "gene", "value", "fold", "chromosome", "line"]
FEW = 0.1
"""Fraction of labels with an RNA, and of RNAs with a label, below which the ids are probably of another kind."""
UNMATCHED_SCHEMA = pl.Schema({"line": pl.Int64(), "id": pl.String(), "value": pl.Float64()})


@dataclass(frozen=True)
class Samples:
    """The RNAs that have a label."""

    table: pl.DataFrame
    """``row`` (of the RNA in the joined table), ``transcript_id``, ``gene_id``, ``species``, ``gene``
    (``species|gene_id`` without version), ``value``, ``fold``, ``chromosome`` (String or null), ``line`` (of the label
    table); ordered by ``gene``, ``row``."""
    unmatched: int  # Number of labels whose id matches no RNA
    without_label: int  # Number of RNAs without a label
    not_representative: int  # Number of RNAs of labelled genes that another transcript represents
    same_id: int = 0  # Number of RNAs of other genes, or other versions of a transcript, that a label's id names too
    unmatched_labels: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNMATCHED_SCHEMA))
    """``line`` (of the label table), ``id`` and ``value`` of the labels whose id matches no RNA."""

    def __len__(self) -> int:
        return self.table.height

    @property
    def rows(self) -> NDArray[np.int64]:
        """``(n,)`` rows of the samples in the joined table."""
        return self.table["row"].to_numpy()

    @property
    def values(self) -> NDArray[np.float64]:
        """``(n,)`` labels."""
        return self.table["value"].to_numpy()

    def select(self, keep: NDArray[np.bool_]) -> "Samples":
        """The samples where ``keep`` ``(n,)`` is true, with the counts of the whole."""
        return replace(self, table=self.table.filter(pl.Series(keep)))


def gene_key() -> pl.Expr:
    """``species|gene_id`` without the version: equal for two RNAs exactly when they are isoforms of one gene."""
    return (pl.col("species") + "|" + without_versions(pl.col("gene_id"))).alias("gene")


def join_labels(labels: Labels, transcripts: pl.DataFrame) -> Samples:
    """Join labels to RNAs by gene id, transcript id or symbol, exactly or without the version.

    Labels by gene go to one transcript per gene (see :func:`representatives`). Ids that match no gene id are tried as
    symbols of the other RNAs of the same species. A label whose id names several genes or versions of a transcript goes
    to one of them: the version that it names, else the representative of all.

    Args:
        transcripts: ``transcript_id, gene_id, species, length, cds_length`` and, if known, ``symbol``, one row per RNA.
    """
    if labels.level == "symbol" and "symbol" not in transcripts.columns:
        raise InputError(
            f"{labels.path}: its ids are gene symbols, which the embedded RNAs lack; give --corpus or --gene-ids"
        )
    named = transcripts.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64), gene_key())
    level = labels.level
    joined = _join(labels.table, named, level)
    if level == "gene_id" and "symbol" in transcripts.columns:
        rest, others = labels.table.join(joined, on="line", how="anti"), named.join(joined, on="row", how="anti")
        if joined.height:
            others = others.join(joined, on="species", how="semi")
        else:
            level = "symbol"
        joined = pl.concat([joined, _join(rest, others, "symbol")])
    if not joined.height:
        raise InputError(
            f"{labels.path}: none of its {labels.table.height:,} ids ({labels.table['id'][0]}, …) matches an RNA "
            f"({transcripts[_COLUMN[labels.level]][0]}, … of {transcripts.height:,})"
            + ("; Entrez numbers need --gene-ids" if labels.level == "entrez_id" else "")
            + _likeness(labels.table["id"], pl.concat(transcripts[_COLUMN[one]] for one in {labels.level, level}))
        )
    _refuse_shared_ids(labels, joined)
    by_gene = joined if level == "transcript_id" else representatives(joined, "gene")
    exact = pl.col("exact")
    chosen = representatives(by_gene.filter(exact | ~exact.any().over("line")), "line")
    unmatched = labels.table.join(joined, on="line", how="anti", maintain_order="left")
    _say_if_few(labels, unmatched["id"], named, joined, _COLUMN[level])
    return Samples(
        table=chosen.sort("gene", "row").select(SAMPLE_COLUMNS),
        unmatched=unmatched.height,
        without_label=transcripts.height - joined.height,
        not_representative=joined.height - by_gene.height,
        same_id=by_gene.height - chosen.height,
        unmatched_labels=unmatched.select(UNMATCHED_SCHEMA.names()),
    )


_COLUMN: dict[IdLevel, str] = {**RNA_COLUMNS, "symbol": "symbol"}  # What ids name → column of the RNAs


def _join(labels: pl.DataFrame, named: pl.DataFrame, level: IdLevel) -> pl.DataFrame:
    """One row per RNA with a label; ``exact``: it has the label's id, not another version of it."""
    column = pl.col(_COLUMN[level])
    keyed = labels.select("value", "fold", "chromosome", "line", "id", key=without_versions(pl.col("id")))
    joined = named.with_columns(key=without_versions(column)).join(keyed, on="key", how="inner")
    return joined.with_columns(exact=column == pl.col("id"))


def _say_if_few(labels: Labels, ids: pl.Series, named: pl.DataFrame, joined: pl.DataFrame, column: str) -> None:
    """Say so if hardly any label has an RNA (those of ``ids`` have none), and hardly any RNA a label."""
    total = labels.table.height
    matched = total - len(ids)
    if matched >= FEW * total or joined.height >= FEW * named.height:
        return
    rnas = named.join(joined, on="row", how="anti", maintain_order="left")[column]
    info(
        f"{labels.path}: only {matched:,} of {total:,} labels match an RNA; not {ids[0]}, …, while the RNAs are "
        f"{rnas[0]}, …{_likeness(ids, rnas)}"
    )


def _likeness(ids: pl.Series, names: pl.Series) -> str:
    """How ids that match no name are like them, for a message."""
    for difference, ending in (("case", ""), ("case or a version", r"\.\d+$")):
        ours, theirs = (one.drop_nulls().str.to_lowercase().str.replace(ending, "") for one in (ids, names))
        alike = int(ours.is_in(theirs.unique().implode()).sum())
        if alike:
            return f"; {alike:,} of these ids differ from the RNAs' in {difference} only"
    return ""


def _refuse_shared_ids(labels: Labels, joined: pl.DataFrame) -> None:
    """A gene symbol can exist in every species; a label measured in one must not be used for all."""
    species = joined.group_by("line").agg(pl.col("species").unique().sort()).sort("line")
    shared = species.filter(pl.col("species").list.len() > 1)
    if shared.height:
        line, names = shared.row(0)
        label_id = labels.table.filter(pl.col("line") == line)["id"][0]
        raise InputError(
            f"{labels.path}: line {line}: {label_id} names RNAs of {' and '.join(map(repr, names))}; "
            "choose one species with --species"
        )
