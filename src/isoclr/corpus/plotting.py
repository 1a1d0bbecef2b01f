"""A corpus in two pictures: how long its transcripts are, and how many a gene set has."""

from pathlib import Path

import numpy as np

from isoclr.corpus.reader import Corpus
from isoclr.errors import InputError
from isoclr.files import atomic_path, check_file

FORMATS = (".png", ".pdf", ".svg")


def check_plot(path: Path) -> None:
    """Refuse a picture's name before anything is computed for it.

    Raises:
        InputError: another suffix than .png, .pdf and .svg, or a folder that cannot be written to.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FORMATS)}")
    check_file(path)


def plot(corpus: Corpus, path: str | Path) -> None:
    """Draw histograms of transcript lengths and of transcripts in a gene set.

    Args:
        corpus: the corpus.
        path: the picture; its suffix chooses the format (png, pdf, svg).

    Raises:
        InputError: as :func:`check_plot`.
    """
    check_plot(Path(path))
    from matplotlib.figure import Figure  # slow to import, and only needed here

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    lengths = np.asarray(corpus.index["length"])
    shortest, longest = (lengths.min(), lengths.max()) if len(lengths) else (1, 1)
    edges = np.geomspace(shortest, longest + 1, 60)
    for number, name in enumerate(corpus.species):
        of_species = lengths[np.asarray(corpus.index["species"]) == number]
        left.hist(of_species, edges, histtype="step", label=f"{name} ({len(of_species):,})")
    left.set(xscale="log", xlabel="transcript length (nt)", ylabel="transcripts")
    left.legend(fontsize="x-small", frameon=False)
    _, starts = corpus.members
    sizes = np.minimum(np.diff(starts), 20)
    right.hist(sizes, np.arange(0.5, 21.5), rwidth=0.85)
    right.set(yscale="log", xlabel="transcripts in a gene set", ylabel="gene sets")
    right.set_xticks([1, 5, 10, 15, 20], ["1", "5", "10", "15", "≥ 20"])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{len(corpus):,} transcripts in {corpus.num_gene_sets:,} gene sets", fontsize="medium"
    )
    with atomic_path(Path(path)) as partial:
        figure.savefig(partial, dpi=150)
