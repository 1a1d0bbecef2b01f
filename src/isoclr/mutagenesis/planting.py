"""What known motifs do to a prediction, planted in many mRNAs and compared with scrambled ones in the same places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes
from isoclr.errors import InputError
from isoclr.latent.intervals import mean_intervals
from isoclr.models.encoder import Encoder
from isoclr.mutagenesis.known_motifs import MOTIFS, Motif, plant
from isoclr.mutagenesis.scanning import Row, check
from isoclr.predicting.linear import Line
from isoclr.tasks.representatives import representatives
from isoclr.tasks.samples import gene_key

UTR, CDS = 60, 300
"""nt that an mRNA must have of each untranslated region and of coding sequence, so that every motif has room."""
AT_ONCE = 256


@dataclass(frozen=True)
class PlantedMotifs:
    """The effects of motifs in mRNAs.

    Attributes:
        target: what is predicted.
        table: one row a motif and mRNA: ``motif, region, rna`` (its number), ``position`` (1-based), ``effect`` (of the
            motif on the prediction), ``control`` (of the scrambled motif) and ``beyond`` (their difference).
    """

    target: str
    table: pl.DataFrame

    def rows(self) -> list[Row]:
        """Mean over mRNAs of effect, control and their difference, with 95 % bootstrap intervals."""
        found: list[Row] = []
        for (motif, region), own in self.table.group_by("motif", "region", maintain_order=True):
            metrics = {
                "effect": "effect",
                "control": "effect of control",
                "beyond": "effect beyond control",
            }
            means = mean_intervals(own.select(*metrics).to_numpy(), own["rna"].to_numpy())
            for metric, (value, low, high) in zip(metrics.values(), means.tolist(), strict=True):
                named: Row = {"study": "motifs", "task": self.target, "motif": str(motif)}
                number: Row = {"metric": metric, "value": value, "low": low, "high": high}
                found.append(named | {"region": str(region)} | number | {"n": own.height})
        return found


def planted_motifs(
    encoder: Encoder,
    line: Line,
    rnas: Sequence[Codes],
    *,
    target: str = "prediction",
    motifs: Sequence[Motif] = MOTIFS,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> PlantedMotifs:
    """Plant every motif once in every mRNA.

    Args:
        encoder: makes embeddings.
        line: the prediction from an embedding.
        rnas: codes of mRNAs, such as :func:`coding_rnas` gives.
        target: what ``line`` predicts.
        motifs: what to plant.
        seed: of places and controls.
        progress: called with the number of RNAs embedded since the last call; 2 for every motif and mRNA, and 1.

    Raises:
        InputError: no mRNA, or none with room for a motif, or a line for embeddings of another size.
    """
    check(encoder, line)
    if not rnas:
        raise InputError("no mRNA to plant motifs in")

    def predict(some: Sequence[Codes]) -> NDArray[np.float64]:
        parts = []
        for start in range(0, len(some), AT_ONCE):
            parts.append(line(encoder.embed_codes(some[start : start + AT_ONCE])))
            progress(len(parts[-1]))
        return np.concatenate(parts)

    unchanged = predict(rnas)
    tables = []
    for number, motif in enumerate(motifs):
        rng = np.random.default_rng([seed, number])
        planted = [plant(codes, motif, rng) for codes in rnas]
        kept = [(i, one) for i, one in enumerate(planted) if one is not None]
        if not kept:
            raise InputError(
                f"{motif.name}: none of {len(rnas):,} mRNAs has room for it in its {motif.region}"
            )
        rows = np.array([i for i, _ in kept])
        effect = predict([one.motif for _, one in kept]) - unchanged[rows]
        control = predict([one.control for _, one in kept]) - unchanged[rows]
        tables.append(
            pl.DataFrame(
                {
                    "motif": pl.Series([motif.name] * len(rows)),
                    "region": pl.Series([motif.region] * len(rows)),
                    "rna": rows,
                    "position": np.array([one.position + 1 for _, one in kept]),
                    "effect": effect,
                    "control": control,
                    "beyond": effect - control,
                }
            )
        )
    return PlantedMotifs(target, pl.concat(tables))


def coding_rnas(
    corpus: Corpus, *, species: str | None = None, count: int = 300, seed: int = 0
) -> list[tuple[str, Codes]]:
    """Ids and codes of mRNAs with an annotated coding sequence and untranslated regions, one a gene, drawn at random.

    Args:
        corpus: where they are.
        species: of them; None: any.
        count: how many at most.
        seed: of the draw.

    Raises:
        InputError: the corpus has none.
    """
    table = corpus.transcripts.with_row_index("row").with_columns(
        gene_key(), cds_length=pl.col("cds_end") - pl.col("cds_start")
    )
    keep = (pl.col("cds_source") == "annotated") & (pl.col("cds_length") >= CDS)
    keep &= (pl.col("cds_start") >= UTR) & (pl.col("length") - pl.col("cds_end") >= UTR)
    if species is not None:
        keep &= pl.col("species") == species
    rows = np.sort(representatives(table.filter(keep), "gene")["row"].to_numpy())
    if not len(rows):
        raise InputError(
            f"{corpus.path}: no mRNA of species {species or 'any'!r} with an annotated coding sequence of {CDS} nt and "
            f"untranslated regions of {UTR} nt"
        )
    if len(rows) > count:
        rows = np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
    names = table["transcript_id"]
    return [(names[int(row)], corpus.codes_of(int(row))) for row in rows]
