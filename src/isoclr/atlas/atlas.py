"""The ``atlas`` command: embeddings + corpus → an interactive web page in a folder."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress, progress_bar
from isoclr._io import as_paths, atomic_directory, check_directory
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr._version import __version__
from isoclr.analysis.neighbors import Nearest, Vectors
from isoclr.analysis.readout import LinearPredictor, linear_readout
from isoclr.analysis.relations import add_species
from isoclr.atlas.browser_model import SCRIPT as BROWSER_PROGRAM
from isoclr.atlas.browser_model import write_browser_model
from isoclr.atlas.catalog import Catalog, make_catalog
from isoclr.atlas.columns import Column, GeneOntology, rna_columns, table_columns
from isoclr.atlas.genes import Prediction, shard_bounds, write_genes
from isoclr.atlas.isoforms import explain_gene
from isoclr.atlas.layout import (
    NEIGHBORS,
    Coordinates,
    Layout,
    check_layout,
    coordinates_of,
    landmark_coordinates,
    read_map,
    to_uint16,
)
from isoclr.atlas.shards import write_shard
from isoclr.atlas.vectors import (
    EXACT,
    ClusterIndex,
    VectorSpace,
    audited,
    find_exactly,
    fit_space,
    principal_axes,
    read_blocks,
    recall,
)
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import iter_embeddings
from isoclr.errors import InputError
from isoclr.models import load as pretrained
from isoclr.probing.head import Head, load_head
from isoclr.probing.predict import FIELDS, columns_of, predict_block
from isoclr.probing.resolve import encoder_of, find_head, shipped_heads

STATIC = Path(__file__).parent / "static"
CONTENTS = ("*.html", "*.js", "*.txt", "data/*.js")  # Files of an atlas; a folder with others is never overwritten
OWN_RNAS = 100_000  # Most RNAs that a pasted RNA is compared with
OWN_DIMENSIONS = 64
OWN_STEPS = 23
"""Largest component in steps. Of the ten nearest RNAs, 23 steps find 0.74; 127 find 0.77 in 1.6 times as many bytes."""
LAYOUTS: dict[Layout, str] = {"tsne": "t-SNE", "umap": "UMAP"}  # Names of layouts on the page


@dataclass(frozen=True)
class Atlas(Report):
    """The result of :func:`atlas`."""

    out: Path
    rnas: int
    genes: int
    megabytes: float  # Size of the folder
    recall: float  # Share of true nearest neighbours that are listed; 1 if they were searched exactly
    seconds: float

    def rows(self) -> list[Row]:
        """One record of the fields."""
        return [{**vars(self), "out": str(self.out)}]

    def messages(self) -> Iterator[str]:
        """Where the page is."""
        yield (
            f"{self.out / 'index.html'}: {self.rnas:,} RNAs of {self.genes:,} genes, {self.megabytes:.1f} MB, "
            f"in {self.seconds:.0f} s; open it in a browser"
        )
        if self.recall < 1:
            yield f"neighbours: {self.recall:.1%} of the true ones were found"

    def tables(self) -> Iterator[Table]:
        """None: the message says it all."""
        return iter(())


def atlas(
    embeddings: Path,
    *,
    corpus: Path,
    out: Path,
    head: tuple[Path, ...] = (),
    task: tuple[str, ...] = (),
    model: str | None = None,
    table: tuple[Path, ...] = (),
    ontology: tuple[Path, ...] = (),
    data: Path | None = None,
    mutate: tuple[str, ...] = (),
    map: Path | None = None,
    layout: Layout = "tsne",
    k: int = 10,
    title: str = "RNA atlas",
    seed: int = 0,
    threads: int | None = None,
    overwrite: bool = False,
) -> Atlas:
    """Write an atlas: a folder with a page that shows RNAs on a map, and every gene with its isoforms.

    The page opens by a double click on index.html, without a server or a network, and works on any static host. It has
    the map, a search, and for every gene its isoforms to scale, predictions with intervals, relatives and nearest
    neighbours.

    Args:
        embeddings: Embeddings that ``isoclr embed`` wrote, of all RNAs to show.
        corpus: Corpus that was embedded.
        out: New folder.
        head: Directories that ``isoclr fit`` or ``isoclr finetune`` wrote, whose predictions to show.
        task: Properties that shipped heads predict, such as half-life, for every species that has one.
        model: Encoder of the heads for --mutate, if it is not built in.
        table: Tables of labels, classes or other values, by transcript id, gene id or symbol; each column colors the
            map.
        ontology: Tasks of Gene Ontology terms, such as gene-ontology-human (`isoclr tasks` lists them) or TOML files;
            each of their terms colors the map.
        data: Folder of the files of the tasks of --ontology (default: ISOCLR_DATA, or ``data``).
        mutate: Genes whose mutation maps and differences between isoforms to compute, by symbol or id; needs --head
            or --task.
        map: Coordinates of all RNAs (transcript_id, x, y), as ``isoclr map`` writes them, instead of new ones.
        layout: Method that places the RNAs: t-SNE, or UMAP (extra umap).
        k: Number of nearest neighbours listed for each RNA.
        title: Heading of the page.
        seed: Random seed of the map.
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace an existing atlas.

    Raises:
        InputError: A file that cannot be used, no such gene or head, or an output that exists.
    """
    began = time.monotonic()
    out = Path(out)
    check_directory(out, overwrite=overwrite, contents=CONTENTS)
    if k < 1:
        raise InputError(f"--k {k}: expected 1 or more")
    if not (STATIC / "atlas.js").is_file():
        raise InputError(f"{STATIC}: the page is not built; run `npm ci && npm run build` in web")
    check_layout(layout)
    use_threads(threads)
    opened = open_corpus(Path(corpus))
    if opened.transcripts.is_empty():  # read now, so that damage is found before the long work
        raise InputError(f"{corpus}: a corpus without RNAs")
    predictor = _Predictor(as_paths(head), list(_names(task)), opened)
    if mutate and not predictor.heads:
        raise InputError("--mutate: needs --head or --task, whose prediction mutations change")
    path = Path(embeddings)
    raw, features, meta = read_blocks(path, predictor.add)
    if len(raw) <= k:
        raise InputError(f"{path}: {len(raw):,} RNAs, expected more than --k {k}")
    catalog = make_catalog(raw, opened)
    wanted = _wanted_genes(catalog, _names(mutate))
    labels = table_columns(as_paths(table), catalog.table)
    terms = GeneOntology(catalog)
    for one in as_paths(ontology):
        terms.add(one, data)
    given = None if map is None else read_map(Path(map), catalog.table)
    space = fit_space(features, len(raw))
    vectors = _vectors(path, features, space, catalog)
    some = audited(features, len(raw))
    del features
    predictions = predictor.predictions(catalog)
    coordinates, close = _layout(vectors, given, layout, k, seed)
    share = 1.0
    if space.basis is not None:
        share = recall(path, space, some, close.rows, np.argsort(catalog.order))
    with atomic_directory(out, overwrite=overwrite, contents=CONTENTS) as partial:
        for name in ("index.html", "atlas.js"):
            shutil.copyfile(STATIC / name, partial / name)
        data_folder = partial / "data"
        data_folder.mkdir()
        with progress_bar("genes", len(catalog)) as advance:
            for done in write_genes(data_folder, catalog, vectors, close, predictions, labels):
                advance(done)
        explained = _write_mutations(data_folder, catalog, wanted, predictor, model)
        own = _write_own(data_folder, vectors, space, predictor.heads, meta)
        predicted = [Column(p.name, "prediction", pl.Series(p.value).fill_nan(None), p.units) for p in predictions]
        columns = [*rna_columns(catalog), *predicted, *labels]
        about = {
            "title": title,
            "isoclr": __version__,
            "model": meta["model"],
            "k": k,
            "recall": share,
            "layout": "Map" if map is not None else LAYOUTS[layout],
            "terms": terms.write(data_folder),
            "mutations": explained,
            "own": own,
            "predictions": [{"name": one.name, "units": one.units, "coverage": one.coverage} for one in predictions],
            "labels": [{"name": one.name, "group": one.group, "units": one.units} for one in labels],
        }
        _write_map(data_folder, catalog, coordinates, columns, about)
        _write_names(data_folder, catalog)
        size = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file()) / 1e6
    seconds = time.monotonic() - began
    return Atlas(out, len(catalog), catalog.genes, size, share, seconds)


def _names(given: Sequence[str] | str) -> Sequence[str]:
    return (given,) if isinstance(given, str) else given


def _wanted_genes(catalog: Catalog, names: Sequence[str]) -> list[int]:
    try:
        return sorted({gene for name in names for gene in catalog.find_genes(name)})
    except InputError as error:
        raise InputError(f"--mutate {error}") from None


class _Predictor:
    """Applies heads to embeddings block by block."""

    def __init__(self, paths: list[Path], tasks: list[str], corpus: Corpus) -> None:
        self.corpus = corpus
        self.heads: list[Head] = [load_head(path) for path in paths]
        shipped = {path.name for path in shipped_heads()}
        for task in tasks:
            of = [one for one in corpus.species if f"{task}-{one}" in shipped]
            if not of:
                find_head(task, corpus.species[0] if corpus.species else "")  # says what there is
            self.heads += [load_head(find_head(task, one)) for one in of]
        for head in self.heads:
            head.check_whole_rna()
        self._parts: list[list[pl.DataFrame]] = [[] for _ in self.heads]
        self._seen = 0

    def add(self, block: Embeddings) -> None:
        """Predict for one block; a head predicts RNAs of the species it was trained on."""
        rows = np.arange(self._seen, self._seen + len(block), dtype=np.int64)
        self._seen += len(block)
        table = add_species(block.table, self.corpus, say=False)
        for head, parts in zip(self.heads, self._parts, strict=True):
            if (block.meta["sha256"], block.dim) != (head.model["sha256"], head.dim):
                raise InputError(
                    f"head {head.name!r} is for embeddings of {head.model['model']} {head.model['sha256'][:12]}, these "
                    f"are of {block.meta['model']} {block.meta['sha256'][:12]}; embed with that model"
                )
            own = np.ones(len(block), bool)
            if _is_named(head):
                own = table["species"].is_in(list(head.species)).to_numpy()
            chosen = Embeddings(table.filter(own), block.matrix[own], block.meta)
            predicted = predict_block(head, chosen, None).drop("gene_id", "length")
            parts.append(predicted.with_columns(row=pl.Series(rows[own])))

    def predictions(self, catalog: Catalog) -> list[Prediction]:
        """Predictions in the order of a catalog."""
        result = []
        position = np.argsort(catalog.order)
        for head, parts in zip(self.heads, self._parts, strict=True):
            values = pl.concat(parts)
            if not len(values):
                info(f"head {head.name!r} is for {', '.join(head.species)}: no RNA is predicted")
            at = position[values["row"].to_numpy()]
            of = f" ({' and '.join(head.species)})" if _is_named(head) else ""
            for target in head.targets:
                names = columns_of(head, target.name)
                numbers = np.full((3, len(catalog)), np.nan)
                for field, row in zip(FIELDS[:3], numbers, strict=True):
                    row[at] = values[names[field]].cast(pl.Float64).fill_null(np.nan)
                extrapolating = np.zeros(len(catalog), bool)
                extrapolating[at] = values[names["extrapolating"]].to_numpy()
                units = "probability" if target.is_class else str(target.metadata.get("units", ""))
                name = f"{target.name}{of}"
                value, lower, upper = numbers
                result.append(Prediction(name, units, head.coverage, value, lower, upper, extrapolating))
        return result

    def for_species(self, species: str, model: str | None) -> LinearPredictor | None:
        """Encoder and linear model of the first head for a species."""
        for head in self.heads:
            if species in head.species or not _is_named(head):
                encoder = encoder_of(head, model)
                return LinearPredictor(encoder, *linear_readout(head, head.targets[0].name))
        return None


def _is_named(head: Head) -> bool:
    return all(head.species) and bool(head.species)


def _vectors(path: Path, features: Any, space: VectorSpace, catalog: Catalog) -> Vectors:
    """Unit vectors in the order of the catalog."""
    n, step = len(catalog), 8192
    if space.basis is None:
        width, blocks = features.shape[1], (features[i : i + step] for i in range(0, n, step))
    else:
        width, blocks = space.basis.shape[1], (block.matrix for block in iter_embeddings(path))
    vectors = np.empty((n, width), np.float32)
    position, start = np.argsort(catalog.order), 0
    for block in blocks:
        vectors[position[start : start + len(block)]] = space(block)
        start += len(block)
    return vectors


def _layout(
    vectors: Vectors, given: Coordinates | None, layout: Layout, k: int, seed: int
) -> tuple[Coordinates, Nearest]:
    """Coordinates and the k nearest neighbours of all RNAs."""
    n = len(vectors)
    with progress_bar("nearest neighbours", n) as advance:
        if n > EXACT:
            index = ClusterIndex(vectors, seed)
            if given is not None:
                return given, index.search(k, progress=advance)
            with ThreadPoolExecutor(1) as pool:  # the layout itself works on one thread
                placed = pool.submit(landmark_coordinates, layout, vectors, index, seed)
                close = index.search(k, progress=advance)
                return placed.result()[0], close
        more = 0 if given is not None else max(0, NEIGHBORS[layout] - k)
        close = find_exactly(vectors, k, more, advance)
    if given is None:
        info(f"{LAYOUTS[layout]} of {n:,} RNAs")
        given = coordinates_of(layout, vectors, close, seed)
    return given, Nearest(close.rows[:, :k], close.similarity[:, :k])


def _write_map(
    data: Path, catalog: Catalog, coordinates: Coordinates, columns: list[Column], about: dict[str, Any]
) -> None:
    """The first shard, with all that the map needs, and one shard per column."""
    described = []
    for number, column in enumerate(columns):
        description, arrays = column.packed()
        described.append(description)
        write_shard(data, f"column-{number}", {}, arrays)
    values = {
        **about,
        "rnas": len(catalog),
        "genes": catalog.genes,
        "columns": described,
        "shards": shard_bounds(catalog.starts),
    }
    write_shard(data, "map", values, {"xy": to_uint16(coordinates).ravel()})


def _write_names(data: Path, catalog: Catalog) -> None:
    """Names of RNAs and genes, for the search and for lists; each list is one text of lines."""
    first = catalog.table[catalog.starts[:-1]]
    species, numbers = np.unique(first["species"].to_numpy(), return_inverse=True)
    values = {
        "transcripts": _lines(catalog.table["transcript_id"].to_list()),
        "geneIds": _lines(first["gene_id"].to_list()),
        "symbols": _lines(_symbols(catalog)),
        "species": species.tolist(),
    }
    arrays: dict[str, NDArray[Any]] = {
        "starts": catalog.starts.astype(np.uint32),
        "sets": catalog.gene_set.astype(np.uint32),
        "speciesOf": numbers.astype(np.uint16),
        "lengths": catalog.table["length"].to_numpy().astype(np.uint32),
    }
    write_shard(data, "names", values, arrays)


def _lines(names: list[str]) -> str:
    """Names as the lines of one text, which a browser reads faster than a list."""
    return "\n".join(name.replace("\n", " ") for name in names)


def _symbols(catalog: Catalog) -> list[str]:
    """The first symbol that any isoform of a gene has."""
    symbols = catalog.table["gene_symbol"].to_list()
    return [next((symbols[row] for row in catalog.isoforms(gene) if symbols[row]), "") for gene in range(catalog.genes)]


def _write_mutations(
    data: Path, catalog: Catalog, genes: list[int], predictor: _Predictor, model: str | None
) -> list[int]:
    """One shard per gene that was asked for; the genes that have one."""
    written = []
    with progress() as bar:
        for gene in genes:
            rows = catalog.isoforms(gene)
            name = catalog.table["gene_symbol"][rows.start] or catalog.table["gene_id"][rows.start]
            species = catalog.table["species"][rows.start]
            chosen = predictor.for_species(species, model)
            codes = [catalog.codes(row) for row in rows]
            if chosen is None or not any(own is not None for own in codes):
                info(f"--mutate {name}: no head for {species}; left out")
                continue
            task = bar.add_task(name, total=3 * max(len(own) for own in codes if own is not None))
            values, arrays = explain_gene(chosen, codes, partial(bar.advance, task))
            write_shard(data, f"mutations-{gene}", values, arrays)
            written.append(gene)
    return written


def _write_own(data: Path, vectors: Vectors, space: VectorSpace, heads: list[Head], meta: dict[str, str]) -> bool:
    """The encoder for the browser, and what it needs to place an RNA on the map; whether there is one."""
    shipped = pretrained.bundled_model(meta["sha256"])
    if shipped is None:
        return False
    write_browser_model(data / "model.js", pretrained.load(str(shipped)), heads)
    shutil.copyfile(BROWSER_PROGRAM, data.parent / BROWSER_PROGRAM.name)
    rows = np.linspace(0, len(vectors) - 1, min(OWN_RNAS, len(vectors))).astype(np.int64)
    sample = vectors[rows]
    axes = principal_axes(sample, OWN_DIMENSIONS)
    projected = sample @ axes
    unit = float(np.abs(projected).max()) / OWN_STEPS or 1.0
    basis = axes if space.basis is None else space.basis @ axes
    arrays: dict[str, NDArray[Any]] = {
        "mean": space.mean,
        "scale": space.scale,
        "basis": basis.astype(np.float32).ravel(),
        "rows": rows.astype(np.uint32),
        "vectors": np.rint(projected / unit).astype(np.int8).T.ravel(),
    }
    write_shard(data, "vectors", {"unit": unit, "dimensions": axes.shape[1]}, arrays)
    return True
