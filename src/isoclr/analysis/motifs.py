"""Known regulatory motifs of mRNAs, and their predicted effect when they are inserted into real mRNAs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import progress_bar
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr.analysis.readout import LinearPredictor, load_predictor
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, NUCLEOTIDE_BITS, Codes, coding_region, nucleotides
from isoclr.plotting.mutations import Effect, motif_figure
from isoclr.plotting.style import check_outputs
from isoclr.tasks.join import draw_rows, gene_key, representatives
from isoclr.tasks.metrics import mean_intervals

Region = Literal["5' UTR", "CDS", "3' UTR"]
FIRST_CODONS = 10  # Codons at the start of a coding sequence where no motif is inserted
MIN_UTR, MIN_CDS = 60, 300
"""Shortest untranslated region and coding sequence (nt) of an mRNA that motifs are inserted into."""
SHUFFLES = 200
BATCH = 256
METRICS = {"effect": "effect", "control": "effect of control", "difference": "effect beyond control"}
"""Columns of a table of effects, and what reports call their means."""


@dataclass(frozen=True)
class Motif:
    """A short sequence that replaces the bases of an mRNA."""

    name: str
    sequence: str  # DNA letters, N for any base
    region: Region  # Where it acts
    core: str = ""  # What its shuffled control must not contain; by default the whole sequence
    element: str = ""
    """Name of its gain and loss among the consequences of mutations; empty if it has none."""
    in_frame: bool = False  # Starts at a codon, in the first two thirds of the coding sequence
    ends_cds: bool = False  # The codon marks behind it are removed


MOTIFS = (
    Motif("AU-rich element UUAUUUAUU", "TTATTTATT", "3' UTR", core="ATTTA"),
    Motif("AU-rich pentamer AUUUA", "ATTTA", "3' UTR", element="ARE"),
    Motif("Pumilio site UGUANAUA", "TGTANATA", "3' UTR", core="TGTA", element="PUM_site"),
    Motif("poly(U)", "T" * 12, "3' UTR"),
    Motif("let-7 site CUACCUCA", "CTACCTCA", "3' UTR"),
    Motif("miR-16 site UGCUGCUA", "TGCTGCTA", "3' UTR"),
    Motif("random 8-mer", "N" * 8, "3' UTR"),
    Motif("upstream AUG", "GCCACCATGG", "5' UTR", core="ATG"),
    Motif("GC-rich hairpin", "GGCCGCGGTTCGCCGCGGCC", "5' UTR"),
    Motif("premature stop codon UAA", "TAA", "CDS", in_frame=True),
    Motif("premature stop codon UAA, CDS ends there", "TAA", "CDS", in_frame=True, ends_cds=True),
)
"""AU-rich elements, Pumilio sites and microRNA seed matches destabilize; upstream AUGs and hairpins near the cap reduce
translation; a premature stop codon causes nonsense-mediated decay. A random 8-mer is a negative control."""


@dataclass(frozen=True)
class Insertion:
    """An mRNA with a motif, and the same mRNA with the shuffled motif in the same place."""

    position: int  # 0-based position of the motif's first base
    motif: Codes
    control: Codes


def insert_motif(codes: Codes, motif: Motif, rng: np.random.Generator) -> Insertion | None:
    """Insert a motif at a random position of its region; None if the region is too short.

    Bases are replaced, so length, codons and exons stay the same and only the motif differs.
    """
    positions = _positions(codes, motif)
    if not len(positions):
        return None
    position = int(rng.choice(positions))
    free = np.array(list("ACGT"))[rng.integers(4, size=len(motif.sequence))]
    sequence = "".join(a if b == "N" else b for a, b in zip(free, motif.sequence, strict=True))
    with_motif = _replace(codes, position, sequence)
    if motif.ends_cds:
        with_motif[position + len(sequence) :] &= np.uint8(0xFF ^ CODON_START)
    control = _replace(codes, position, shuffle(sequence, motif.core, rng))
    return Insertion(position, with_motif, control)


def shuffle(sequence: str, core: str, rng: np.random.Generator) -> str:
    """The same bases in another order, without the core; for a homopolymer, bases of the same G+C content.

    Args:
        core: What the result must not contain; empty: the sequence itself.
    """
    alike = {"A": "AT", "T": "AT", "C": "CG", "G": "CG"}
    for _ in range(SHUFFLES):
        if len(set(sequence)) > 1:
            shuffled = "".join(rng.permutation(list(sequence)))
        else:
            shuffled = "".join(rng.choice(list(alike[base])) for base in sequence)
        if shuffled != sequence and (core or sequence) not in shuffled:
            return shuffled
    raise ValueError(f"{sequence} has no order of its bases without {core}")


def _positions(codes: Codes, motif: Motif) -> NDArray[np.int64]:
    """Where the motif may start."""
    start, end = coding_region(codes)
    size = len(motif.sequence)
    if motif.region == "5' UTR":
        return np.arange(0, start - size + 1)
    if motif.region == "3' UTR":
        return np.arange(end, len(codes) - size + 1) if end else np.arange(0)
    if motif.in_frame:
        return np.arange(start + 3 * FIRST_CODONS, start + (end - start) * 2 // 3 - size, 3)
    return np.arange(start + 3 * FIRST_CODONS, end - size - 2)


def _replace(codes: Codes, position: int, sequence: str) -> Codes:
    """A copy with other bases; codon and exon marks stay."""
    changed = np.array(codes)
    bases = changed[position : position + len(sequence)]
    bases &= np.uint8(0xFF ^ NUCLEOTIDE_BITS)
    bases |= nucleotides(sequence)
    return changed


@dataclass(frozen=True)
class MotifEffects(Report):
    """The predicted effects of motifs in mRNAs."""

    target: str  # What is predicted
    table: pl.DataFrame
    """One row per motif and mRNA: ``motif, region, rna`` (row of the mRNA), ``position`` (1-based), ``effect`` (of the
    motif on the prediction), ``control`` (of the shuffled motif), ``difference``; from :func:`motifs` also
    ``transcript_id, gene_symbol``."""

    def rows(self) -> list[Row]:
        """Means over mRNAs of effect, control and their difference, with 95 % bootstrap intervals."""
        rows: list[Row] = []
        for (motif, region), part in self.table.group_by("motif", "region", maintain_order=True):
            keys: Row = {"study": "motifs", "task": self.target, "motif": str(motif), "region": str(region)}
            means = mean_intervals(part.select(*METRICS).to_numpy(), part["rna"].to_numpy())
            for metric, (value, low, high) in zip(METRICS.values(), means.tolist(), strict=True):
                numbers: Row = {"metric": metric, "value": value, "low": low, "high": high, "n": part.height}
                rows.append(keys | numbers)
        return rows

    def tables(self) -> Iterator[Table]:
        """Mean effects."""
        lines = []
        for (motif, region), part in self.to_frame().group_by("motif", "region", maintain_order=True):
            cells = part.select("value", "low", "high").iter_rows()
            means = [f"{value:+.4f} [{low:+.4f}, {high:+.4f}]" for value, low, high in cells]
            lines.append([motif, region, part["n"][0], *means])
        columns = ["motif", "region", "mRNAs", "effect", "of its control", "beyond the control"]
        yield Table(f"mean effect on {self.target} [95 % interval]", columns, lines)

    def draw(self, path: Path) -> None:
        """Draw the effects beyond the controls', as PNG, PDF or SVG."""
        rows = self.to_frame().filter(metric=METRICS["difference"])
        columns = ("motif", "region", "value", "low", "high", "n")
        effects = [Effect(*row) for row in rows.select(columns).iter_rows()]
        motif_figure(path, effects, target=self.target)


def insert_motifs(
    predictor: LinearPredictor,
    rnas: Sequence[Codes],
    *,
    motifs: Sequence[Motif] = MOTIFS,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> MotifEffects:
    """Insert every motif once into every mRNA and predict the effect."""
    if not rnas:
        raise InputError("no mRNA to insert motifs into")

    def predict(some: Sequence[Codes]) -> NDArray[np.float64]:
        parts = []
        for start in range(0, len(some), BATCH):
            embedded = predictor.encoder.embed_codes(some[start : start + BATCH])
            parts.append(predictor.model(embedded))
            progress(len(embedded))
        return np.concatenate(parts)

    unchanged = predict(rnas)
    tables = []
    for number, motif in enumerate(motifs):
        rng = np.random.default_rng([seed, number])
        drawn = enumerate(insert_motif(codes, motif, rng) for codes in rnas)
        inserted = {row: insertion for row, insertion in drawn if insertion is not None}
        if not inserted:
            raise InputError(f"{motif.name}: none of {len(rnas):,} mRNAs has room for it in its {motif.region}")
        rows, insertions = np.array([*inserted]), [*inserted.values()]
        columns = {
            "motif": [motif.name] * len(rows),
            "region": [motif.region] * len(rows),
            "rna": rows,
            "position": [one.position + 1 for one in insertions],
            "effect": predict([one.motif for one in insertions]) - unchanged[rows],
            "control": predict([one.control for one in insertions]) - unchanged[rows],
        }
        tables.append(pl.DataFrame(columns))
    difference = pl.col("effect") - pl.col("control")
    return MotifEffects(predictor.target, pl.concat(tables).with_columns(difference=difference))


def coding_rnas(
    corpus: Corpus, *, species: str | None = None, count: int = 300, seed: int = 0
) -> list[tuple[str, Codes]]:
    """Ids and codes of random mRNAs with an annotated coding sequence and untranslated regions, one per gene."""
    names = corpus.transcripts["transcript_id"]
    return [(names[row], corpus.codes_of(row)) for row in _coding_rows(corpus, species, count, seed).tolist()]


def _coding_rows(corpus: Corpus, species: str | None, count: int, seed: int) -> NDArray[np.int64]:
    """Rows of the mRNAs that :func:`coding_rnas` draws."""
    table = corpus.transcripts.with_row_index("row").with_columns(
        gene_key(), cds_length=pl.col("cds_end") - pl.col("cds_start")
    )
    keep = (pl.col("cds_source") == "annotated") & (pl.col("cds_length") >= MIN_CDS)
    keep &= (pl.col("cds_start") >= MIN_UTR) & (pl.col("length") - pl.col("cds_end") >= MIN_UTR)
    if species is not None:
        keep &= pl.col("species") == species
    rows = representatives(table.filter(keep), "gene")["row"].to_numpy().astype(np.int64)
    if not len(rows):
        raise InputError(
            f"{corpus.path}: no mRNA of species {species or 'any'!r} with an annotated coding sequence of {MIN_CDS} nt "
            f"and untranslated regions of {MIN_UTR} nt"
            + ("" if "annotated" in table["cds_source"] else "; isoclr build takes them from --annotation")
        )
    return draw_rows(rows, count, seed)


def motifs(
    corpus: Path,
    *,
    out: Path | None = None,
    head: Path | None = None,
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    label: str | None = None,
    sample: int = 300,
    seed: int = 0,
    plot: Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
) -> MotifEffects:
    """Insert known regulatory motifs into real mRNAs and predict their effect.

    Each motif (AU-rich elements, Pumilio and microRNA sites, upstream AUGs, premature stop codons …) replaces the bases
    at a random position of its region, and is compared with its own bases in shuffled order at the same position.
    Intervals are bootstrapped over mRNAs.

    Args:
        corpus: Corpus with the mRNAs.
        out: Table of mean effects, as Parquet, TSV or CSV by the extension. Optional in Python.
        head: Directory that ``isoclr fit`` wrote.
        task: What a shipped head predicts, such as half-life, instead of --head; needs --species.
        species: Species of the mRNAs and of the shipped head (default: any).
        model: Encoder of the head, if it is not built in.
        label: Which label, if the head predicts several.
        sample: Number of mRNAs to draw, each from another gene.
        seed: Random seed.
        plot: Figure of the effects beyond the controls', as PNG, PDF or SVG.
        device: Torch device: auto (a GPU if there is one), cpu, cuda, cuda:1, …
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace existing outputs.

    Raises:
        InputError: A file, head or model that cannot be used, or no suitable mRNA.
    """
    check_outputs(figure=plot, tables=[out], overwrite=overwrite)
    if sample < 1:
        raise InputError(f"--sample {sample}: expected 1 or more")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    use_threads(threads)
    predictor = load_predictor(head, task, species, model, label, device)
    opened = open_corpus(Path(corpus))
    drawn = _coding_rows(opened, species or None, sample, seed)
    with progress_bar("RNAs", len(drawn) * (2 * len(MOTIFS) + 1)) as advance:
        rnas = [opened.codes_of(row) for row in drawn.tolist()]
        effects = insert_motifs(predictor, rnas, seed=seed, progress=advance)
    names = opened.transcripts.select("transcript_id", "gene_symbol")[drawn[effects.table["rna"].to_numpy()]]
    effects = replace(effects, table=effects.table.hstack(names))
    if out is not None:
        effects.save(Path(out), overwrite=overwrite)
    if plot is not None:
        effects.draw(Path(plot))
    return effects
