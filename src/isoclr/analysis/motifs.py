"""Motifs that are known to act on mRNAs, how they are planted, and what they are compared with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import progress, table
from isoclr._io import check_output, write_table
from isoclr._threads import use_threads
from isoclr.analysis.ism import Row, check, predictor
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, NUCLEOTIDE_BITS, Codes, coding_region, nucleotides
from isoclr.models.encoder import Encoder
from isoclr.plotting import Effect, check_format, motif_figure
from isoclr.probing.linear import LinearModel
from isoclr.tasks.labels import gene_key, representatives
from isoclr.tasks.metrics import mean_intervals

Region = Literal["5' UTR", "CDS", "3' UTR"]
SPARED = 10
"""Codons at the start of a coding sequence where no motif is planted."""
TRIES = 200


@dataclass(frozen=True)
class Motif:
    """A short sequence, planted over the bases that are there.

    Attributes:
        name: what tables call it.
        sequence: DNA letters, N for any base.
        region: where it acts.
        core: what its scrambled control must not have; by default the whole sequence.
        in_frame: begins at a codon, in the first two thirds of the coding sequence.
        ends_coding: the codons behind it are marked no longer.
    """

    name: str
    sequence: str
    region: Region
    core: str = ""
    in_frame: bool = False
    ends_coding: bool = False


MOTIFS = (
    Motif("AU-rich element UUAUUUAUU", "TTATTTATT", "3' UTR", core="ATTTA"),
    Motif("AU-rich pentamer AUUUA", "ATTTA", "3' UTR"),
    Motif("Pumilio site UGUANAUA", "TGTANATA", "3' UTR", core="TGTA"),
    Motif("poly(U)", "T" * 12, "3' UTR"),
    Motif("let-7 site CUACCUCA", "CTACCTCA", "3' UTR"),
    Motif("miR-16 site UGCUGCUA", "TGCTGCTA", "3' UTR"),
    Motif("random 8-mer", "N" * 8, "3' UTR"),
    Motif("upstream AUG", "GCCACCATGG", "5' UTR", core="ATG"),
    Motif("GC-rich hairpin", "GGCCGCGGTTCGCCGCGGCC", "5' UTR"),
    Motif("premature stop codon UAA", "TAA", "CDS", in_frame=True),
    Motif("the same, CDS ending there", "TAA", "CDS", in_frame=True, ends_coding=True),
)
"""AU-rich elements and Pumilio sites destabilise, as do sites that pair with a microRNA's seed; upstream AUGs and
hairpins near the cap lower translation; a premature stop codon brings nonsense-mediated decay. A random 8-mer should do
nothing that its control does not."""


@dataclass(frozen=True)
class Planted:
    """A motif in an RNA, and its control in the same place.

    Attributes:
        position: 0-based, of its first base.
        motif: the RNA with the motif.
        control: the RNA with the motif's bases in another order.
    """

    position: int
    motif: Codes
    control: Codes


def plant(codes: Codes, motif: Motif, rng: np.random.Generator) -> Planted | None:
    """Plant a motif at a random place of its region; None where the region has no room.

    Bases are replaced, none inserted: length, codons and exons stay, so that nothing but the motif tells the two apart.

    Args:
        codes: an mRNA ``(L,)`` with its codon starts.
        motif: what to plant.
        rng: draws the place, the motif's free bases and the order of the control's.
    """
    places = _places(codes, motif)
    if not len(places):
        return None
    position = int(rng.choice(places))
    free = np.array(list("ACGT"))[rng.integers(4, size=len(motif.sequence))]
    chosen = "".join(a if b == "N" else b for a, b in zip(free, motif.sequence, strict=True))
    planted = _with(codes, position, chosen)
    if motif.ends_coding:
        planted[position + len(chosen) :] &= np.uint8(0xFF ^ CODON_START)
    return Planted(position, planted, _with(codes, position, scrambled(chosen, motif.core, rng)))


def scrambled(sequence: str, core: str, rng: np.random.Generator) -> str:
    """The same bases in another order, without the core; of one base alone, others of the same G+C content.

    Args:
        sequence: DNA letters.
        core: what must not be in it; empty: the sequence itself.
        rng: draws.
    """
    kinds = {"A": "AT", "T": "AT", "C": "CG", "G": "CG"}
    for _ in range(TRIES):
        if len(set(sequence)) > 1:
            found = "".join(rng.permutation(list(sequence)))
        else:
            found = "".join(rng.choice(list(kinds[base])) for base in sequence)
        if found != sequence and (core or sequence) not in found:
            return found
    raise ValueError(f"{sequence} has no order of its bases without {core}")


def _places(codes: Codes, motif: Motif) -> NDArray[np.int64]:
    """Where the motif may begin."""
    start, end = coding_region(codes)
    size = len(motif.sequence)
    if motif.region == "5' UTR":
        return np.arange(0, start - size + 1)
    if motif.region == "3' UTR":
        return np.arange(end, len(codes) - size + 1) if end else np.arange(0)
    if motif.in_frame:
        return np.arange(start + 3 * SPARED, start + (end - start) * 2 // 3 - size, 3)
    return np.arange(start + 3 * SPARED, end - size - 2)


def _with(codes: Codes, position: int, sequence: str) -> Codes:
    """A copy with other bases; codon and exon marks stay."""
    changed = np.array(codes)
    stretch = changed[position : position + len(sequence)]
    stretch &= np.uint8(0xFF ^ NUCLEOTIDE_BITS)
    stretch |= nucleotides(sequence)
    return changed


UTR, CDS = 60, 300
"""nt that an mRNA must have of each untranslated region and of coding sequence, so that every motif has room."""
AT_ONCE = 256


@dataclass(frozen=True)
class MotifEffects:
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

    def print(self) -> None:
        """Print mean effects."""
        lines = []
        for (motif, region), own in pl.DataFrame(self.rows()).group_by(
            "motif", "region", maintain_order=True
        ):
            cells = [
                f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
                for value, low, high in own.select("value", "low", "high").rows()
            ]
            lines.append([motif, region, own["n"][0], *cells])
        columns = ["motif", "region", "mRNAs", "effect", "of its control", "beyond the control"]
        table(f"mean effect on {self.target}", columns, lines)


def insert_motifs(
    encoder: Encoder,
    line: LinearModel,
    rnas: Sequence[Codes],
    *,
    target: str = "prediction",
    motifs: Sequence[Motif] = MOTIFS,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> MotifEffects:
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
    return MotifEffects(target, pl.concat(tables))


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


def motifs(
    corpus: Path,
    *,
    out: Path,
    head: Path | None = None,
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    target: str | None = None,
    rnas: int = 300,
    seed: int = 0,
    plot: Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> MotifEffects:
    """Does a predictor know AU-rich elements, upstream AUGs, premature stop codons, Pumilio and microRNA sites?

    Each motif is planted over the bases at a random place of its region in real mRNAs, and compared with its own bases
    in another order in the same place. Intervals are bootstrapped over the mRNAs.

    Args:
        corpus: where the mRNAs are.
        out: the mean effects, as Parquet, TSV or CSV by the extension.
        head: directory that ``isoclr fit`` wrote.
        task: instead of --head: what a head that ships with isoclr predicts, such as half-life; needs --species.
        species: of the mRNAs, and of the shipped head; by default any.
        model: the model that the head belongs to, when it does not ship with isoclr.
        target: which label, when the head predicts several.
        rnas: how many mRNAs, each of another gene, to draw.
        seed: of all draws.
        plot: draw the effects beyond the controls', as PNG, PDF or SVG.
        threads: of the CPU; by default as many as torch chooses.
        overwrite: replace an output that exists.

    Raises:
        InputError: a file, head or model that cannot be used, or no suitable mRNA.
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    if plot is not None:
        check_format(Path(plot))
    if rnas < 1:
        raise InputError(f"--rnas {rnas}: expected 1 or more")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    use_threads(threads)
    chosen = predictor(head, task, species, model, target)
    drawn = coding_rnas(open_corpus(Path(corpus)), species=species or None, count=rnas, seed=seed)
    with progress() as bar:
        bar_id = bar.add_task("RNAs", total=len(drawn) * (2 * len(MOTIFS) + 1))
        found = insert_motifs(
            chosen.encoder,
            chosen.line,
            [codes for _, codes in drawn],
            target=chosen.target,
            seed=seed,
            progress=lambda done: bar.advance(bar_id, done),
        )
    write_table(pl.DataFrame(found.rows(), infer_schema_length=None), out)
    if plot is not None:
        motif_figure(Path(plot), effects(found), target=found.target)
    return found


def effects(found: MotifEffects) -> list[Effect]:
    """Effects beyond the controls', as the figure takes them."""
    rows = pl.DataFrame(found.rows()).filter(metric="effect beyond control")
    columns = ("motif", "region", "value", "low", "high", "n")
    return [Effect(*row) for row in rows.select(columns).rows()]
