"""The verb: a corpus and a head in, the effects of planted motifs out."""

from pathlib import Path

import polars as pl

from isoclr.console import progress
from isoclr.corpus import open_corpus
from isoclr.errors import InputError
from isoclr.models.parallel import use_threads
from isoclr.mutagenesis.heads import predictor
from isoclr.mutagenesis.known_motifs import MOTIFS
from isoclr.mutagenesis.planting import PlantedMotifs, coding_rnas, planted_motifs
from isoclr.predicting.table import check_output, write
from isoclr.reports.figures import check_format
from isoclr.reports.mutagenesis import Effect, motif_figure


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
) -> PlantedMotifs:
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
        found = planted_motifs(
            chosen.encoder,
            chosen.line,
            [codes for _, codes in drawn],
            target=chosen.target,
            seed=seed,
            progress=lambda done: bar.advance(bar_id, done),
        )
    write(pl.DataFrame(found.rows(), infer_schema_length=None), out)
    if plot is not None:
        motif_figure(Path(plot), effects(found), target=found.target)
    return found


def effects(found: PlantedMotifs) -> list[Effect]:
    """Effects beyond the controls', as the figure takes them."""
    rows = pl.DataFrame(found.rows()).filter(metric="effect beyond control")
    columns = ("motif", "region", "value", "low", "high", "n")
    return [Effect(*row) for row in rows.select(columns).rows()]
