"""The verb: embeddings and a corpus in, tables of neighbours, geometry and what is encoded out."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.console import progress, say
from isoclr.corpus import open_corpus
from isoclr.embedding import Embeddings, read_embeddings
from isoclr.embedding.bar import nucleotides_bar
from isoclr.files import as_paths
from isoclr.latent.kinship import relatives
from isoclr.latent.methods import Rnas, baselines, features_of, shared
from isoclr.latent.properties import FOLDS, PROPERTIES, Encoded, encoded
from isoclr.latent.retrieving import Retrieval, Row, check_draw, retrieval
from isoclr.latent.spread import Geometry, geometry
from isoclr.models.parallel import use_threads
from isoclr.predicting.table import check_output, write
from isoclr.reports.figures import check_format
from isoclr.reports.latent import neighbours_figure

Methods = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Neighbours:
    """The result of :func:`neighbours`.

    Attributes:
        retrieval: what the nearest neighbours are.
        geometry: alignment and uniformity.
        encoded: what can be read off the embeddings.
    """

    retrieval: Retrieval
    geometry: Geometry
    encoded: Encoded

    def rows(self) -> list[Row]:
        """The rows of all three, told apart by the column study."""
        return [*self.retrieval.rows(), *self.geometry.rows(), *self.encoded.rows()]


def neighbours(
    embeddings: Path,
    *,
    corpus: Path,
    out: Path,
    beside: tuple[Path, ...] = (),
    simple: bool = True,
    k: tuple[int, ...] = (1, 5, 10),
    sample: int | None = None,
    seed: int = 0,
    plot: Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Neighbours:
    """Is the nearest neighbour of an RNA its isoform, a paralog, the ortholog, or just as long?

    Neighbours are by cosine of standardised features, searched exactly among all embedded RNAs; chance is that of
    random candidates, and of candidates of like length. Beside it stand alignment and uniformity, and how well length,
    G+C content, coding share and exons can be read off the embedding. Intervals are bootstrapped over gene sets.

    Args:
        embeddings: what isoclr embed wrote.
        corpus: the corpus that was embedded; it knows the gene sets and the sequences.
        out: the table, one number a row, as Parquet, TSV or CSV by the extension.
        beside: embeddings of the same RNAs by other models, to compare.
        simple: compare with k-mers + codons and with the encoder at random weights; on a large corpus computing them
            takes minutes.
        k: for which numbers of neighbours to count.
        sample: look for the neighbours of so many RNAs only, drawn at random; by default of all.
        seed: of all draws.
        plot: draw it, as PNG, PDF or SVG.
        threads: of the CPU; by default as many as torch chooses.
        overwrite: replace an output that exists.

    Raises:
        InputError: a file that cannot be used, or embeddings of other RNAs than the corpus'.
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    if plot is not None:
        check_format(Path(plot))
    check_draw(k, sample, seed)
    use_threads(threads)
    files = [Path(embeddings), *as_paths(beside)]
    opened = [read_embeddings(path) for path in files]
    rnas, rows = shared(opened, open_corpus(Path(corpus)))
    if rnas.missing:
        say(f"left out: {rnas.missing:,} RNAs that not all embeddings and the corpus have")
    names = _names(files, opened)
    methods = {name: some.matrix[own] for name, some, own in zip(names, opened, rows, strict=True)}
    if simple:
        methods |= _simple(opened[0], rnas)
    found = _studies(methods, rnas, k, sample, seed)
    write(pl.DataFrame(found.rows(), infer_schema_length=None), out)
    if plot is not None:
        neighbours_figure(Path(plot), found.retrieval.metrics)
    return found


def _names(files: list[Path], opened: list[Embeddings]) -> list[str]:
    """What tables call the embeddings: by their model, where that tells them apart."""
    models = [some.meta["model"] for some in opened]
    if len(set(models)) == len(models):
        return models
    stems = [path.name for path in files]
    if len(set(stems)) == len(stems):
        return stems
    return [str(path) for path in files]


def _simple(first: Embeddings, rnas: Rnas) -> Methods:
    total = int(rnas.table["length"].sum())
    found = {}
    with nucleotides_bar() as bar:
        for embedder in baselines(first):
            task = bar.add_task(embedder.name, total=total)
            found[embedder.name] = features_of(embedder, rnas, partial(bar.advance, task))
    return found


def _studies(
    methods: Methods, rnas: Rnas, k: tuple[int, ...], sample: int | None, seed: int
) -> Neighbours:
    known = relatives(rnas.table, rnas.corpus)
    with progress() as bar:
        queries = len(known) if sample is None else min(sample, len(known))
        task = bar.add_task("neighbours", total=queries * len(methods))
        found = retrieval(
            methods, known, k=k, sample=sample, seed=seed, progress=lambda n: bar.advance(task, n)
        )
        spread = geometry(methods, known, seed=seed)
        fits = bar.add_task("properties", total=FOLDS * len(PROPERTIES) * len(methods))
        read = encoded(
            methods, known, rnas.codes, seed=seed, progress=lambda n: bar.advance(fits, n)
        )
    return Neighbours(found, spread, read)
