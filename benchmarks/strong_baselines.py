"""Embeddings and the strongest simple baselines, on the same RNAs and folds.

    python -m benchmarks.strong_baselines CORPUS --data ../shared/data --folder OUT --models v1=A.parquet v2=B.parquet

Every method is a ridge regression with a penalty for each block of features (:func:`isoclr.probing.blocks.fit_blocks`),
or kernel ridge regression on blocks weighted by these penalties. An embedding is read by its leading principal
components, the best-varying ones with a penalty of their own. ``given composition`` is an embedding of which
everything is removed that a ridge regression predicts from the composition features, the targets of the auxiliary loss:
what is left of it does not come from that loss. Folds are the label file's own for half-life, else gene sets.
Localisation is the mean ROC AUC of seven compartments.

Features, principal components and scores are kept in the folder OUT; those of an embedding are named after its file's
time. Writes one row per task, method and metric, and the
differences of all methods from the simple baseline that is best on the task, paired by fold.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import linalg
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.extmath import randomized_svd

from benchmarks import harness
from isoclr.baselines.features import KmersAndCodons, StrongFeatures
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.io import read_embeddings
from isoclr.genomics.encoding import Codes
from isoclr.pretraining.augmentations import DeviceCorpus
from isoclr.pretraining.auxiliary import FEATURES as COMPOSITION
from isoclr.pretraining.auxiliary import sequence_features
from isoclr.probing.blocks import fit_blocks
from isoclr.probing.evaluate import mean_sizes, over_splits
from isoclr.probing.linear import fit_ridge
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, join_rnas, label_rnas
from isoclr.tasks.metrics import paired, pearson, roc_auc
from isoclr.tasks.rnas import RnaSource, rnas_of_corpus, rnas_of_task
from isoclr.tasks.splits import Split, SplitConfig
from isoclr.tasks.task import Task, read_label_task

Features = NDArray[np.float32]
TASKS = (
    "half-life-human",
    "half-life-mouse",
    "translation-efficiency-hela",
    "mrl-5utr",
    "mrna-localisation",
    "protein-to-mrna-ratio",
    "half-life-human-by-study",
    "decay-rate-icodon",
    "utr3-reporter-siegel",
)
FOLDS = 5
"""Folds of tasks whose labels have none."""
BANDS = (64, 192, 512)
"""Numbers of principal components of an embedding that share a penalty, the leading ones first."""
RANK = 256
"""Principal components of a wide block of simple features."""
STRONGEST = "strong features + composition"


@dataclass(frozen=True)
class FeatureBlocks:
    """Features ``(n, d)`` and the widths of their blocks."""

    values: Features
    widths: tuple[int, ...]

    def joined(self, other: "FeatureBlocks") -> "FeatureBlocks":
        """Both, side by side."""
        return FeatureBlocks(np.hstack([self.values, other.values]), self.widths + other.widths)

    def of(self, rows: NDArray[np.int64]) -> "FeatureBlocks":
        """Some rows."""
        return FeatureBlocks(self.values[rows], self.widths)


def standardized(values: Features) -> Features:
    """Features of mean 0 and standard deviation 1; constant ones become 0."""
    centred = np.asarray(values, np.float32) - values.mean(0)
    scale = centred.std(0)
    return np.where(scale > 1e-6, centred / np.maximum(scale, 1e-6), 0).astype(np.float32)


def components(values: Features) -> FeatureBlocks:
    """The leading principal components of standardized features, in bands; no label is used."""
    scaled = standardized(values)
    rank = min(sum(BANDS), *values.shape)
    d = scaled.shape[1]
    _, axes = linalg.eigh(scaled.T @ scaled, subset_by_index=(d - rank, d - 1))
    edges = np.minimum(np.cumsum((0, *BANDS)), rank)
    widths = tuple(int(n) for n in np.diff(edges) if n)
    return FeatureBlocks((scaled @ axes[:, ::-1]).astype(np.float32), widths)


def reduced(block: Features, rank: int = RANK) -> Features:
    """A wide block's leading principal components."""
    if block.shape[1] <= rank:
        return block
    left, spectrum, _ = randomized_svd(block, rank, n_iter=2, random_state=0)
    return np.asarray(left * spectrum, np.float32)


class _OneCorpus:
    """Codes of RNAs as a corpus has them."""

    def __init__(self, codes: Sequence[Codes]) -> None:
        lengths = np.array([len(one) for one in codes], np.int64)
        self.codes = np.concatenate(codes)
        self.index = {"offset": np.cumsum(lengths) - lengths, "length": lengths}


def composition(codes: Sequence[Codes], step: int = 256) -> FeatureBlocks:
    """The targets of the auxiliary loss."""
    parts = []
    for start in range(0, len(codes), step):
        some = DeviceCorpus(_OneCorpus(codes[start : start + step]))  # type: ignore[arg-type]
        parts.append(sequence_features(some, np.arange(len(some.lengths))).numpy())
    values = standardized(np.concatenate(parts))
    return FeatureBlocks(values, tuple(one.size for one in COMPOSITION.values()))


def strong(codes: Sequence[Codes]) -> FeatureBlocks:
    """The strong features, wide blocks as their principal components."""
    embedder = StrongFeatures()
    parts = [embedder.embed(codes[start : start + 2000]) for start in range(0, len(codes), 2000)]
    split = np.split(np.concatenate(parts), np.cumsum(embedder.blocks)[:-1], axis=1)
    blocks = [reduced(standardized(block)) for block in split]
    return FeatureBlocks(np.hstack(blocks), tuple(block.shape[1] for block in blocks))


def given(embedding: FeatureBlocks, other: FeatureBlocks) -> FeatureBlocks:
    """What a ridge regression on other features does not explain of an embedding; no label is used."""
    values = embedding.values.astype(np.float64)
    fitted = fit_blocks(other.values, values, other.widths, scale=False)
    left = embedding.values - fitted.predict(other.values)
    return FeatureBlocks(left.astype(np.float32), embedding.widths)


class Library:
    """Features of one source of RNAs, computed once and kept in a folder."""

    def __init__(self, folder: Path, codes: Callable[[], Sequence[Codes]]) -> None:
        self.folder, self.codes = folder, codes
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], FeatureBlocks]) -> FeatureBlocks:
        """The features of a name."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            made = make()
            np.savez(path, values=made.values, widths=made.widths)
        with np.load(path) as stored:  # numbers only, no pickle
            return FeatureBlocks(stored["values"], tuple(stored["widths"].tolist()))

    def scores(self, key: str, make: Callable[[], list[float]]) -> list[float]:
        """Scores of a key, by fold."""
        path = self.folder / "scores.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        if key not in known:
            known[key] = make()
            path.write_text(json.dumps(known, indent=1))
        return list(known[key])

    def kmers(self) -> FeatureBlocks:
        """k-mers, codons and lengths in one block."""
        values = standardized(KmersAndCodons().embed(self.codes()))
        return FeatureBlocks(values, (values.shape[1],))

    def simple(self) -> dict[str, FeatureBlocks]:
        """The simple baselines."""
        strong_ = self.get("strong", lambda: strong(self.codes()))
        composed = self.get("composition", lambda: composition(self.codes()))
        return {
            "k-mers + codons": self.get("kmers", self.kmers),
            "composition": composed,
            "strong features": strong_,
            STRONGEST: strong_.joined(composed),
        }


def components_of(path: Path, names: Sequence[str]) -> FeatureBlocks:
    """Principal components of the embeddings of RNAs, in the given order."""
    read = read_embeddings(path)
    place = {name: row for row, name in enumerate(read.table["transcript_id"])}
    return components(read.matrix[[place[name] for name in names]])


def stamped(name: str, path: Path) -> str:
    """A name that is new when the file is."""
    return f"{name}-{path.stat().st_mtime_ns:x}"


def methods(
    library: Library, models: Mapping[str, Path], names: Sequence[str]
) -> Iterator[tuple[str, str, FeatureBlocks]]:
    """Name, stamp of the embeddings' file and features of all methods; the simple ones first, with an empty stamp."""
    simple = library.simple()
    yield from ((name, "", features) for name, features in simple.items())
    for name, path in models.items():
        stamp = stamped(name, path)
        embedding = library.get(stamp, partial(components_of, path, names))
        rest = library.get(f"{stamp}-given", partial(given, embedding, simple["composition"]))
        yield name, stamp, embedding
        yield f"{name} given composition", stamp, rest
        yield f"{name} + {STRONGEST}", stamp, embedding.joined(simple[STRONGEST])


def score(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Pearson R of a quantity, or the mean ROC AUC of classes."""
    if true.ndim == 1:
        return pearson(true, predicted)
    return float(np.mean([roc_auc(a, b) for a, b in zip(true.T, predicted.T, strict=True)]))


KERNEL_PENALTIES = np.logspace(-4, 2, 13)
LANDMARKS = 1500  # Training samples that span the functions of kernel ridge regression
WIDTHS = (1.0, 4.0)
"""Squared widths of the Gaussian kernel to choose from, in medians of the squared distance."""


def kernel_ridge(
    x_train: NDArray[np.float64], x_test: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Predictions of kernel ridge regression with a Gaussian kernel, on random landmarks (Nyström's method).

    Penalty and width of the kernel have the smallest error when whole groups are left out.

    Args:
        x_train: ``(n, d)`` features of the training samples, in comparable units.
    """
    rows = np.random.default_rng(0).permutation(len(x_train))[:LANDMARKS]
    distances = [euclidean_distances(x, x_train[rows], squared=True) for x in (x_train, x_test)]
    median = float(np.median(distances[0][rows]))
    best, predicted = np.inf, np.zeros(len(x_test))
    for width in WIDTHS:
        train, test = (np.exp(-one / (width * median)) for one in distances)
        spectrum, axes = np.linalg.eigh(train[rows])
        keep = spectrum > spectrum[-1] * 1e-9
        root = axes[:, keep] / np.sqrt(spectrum[keep])
        train, test = train @ root, test @ root
        mean = train.mean(0)
        fitted = fit_ridge(train - mean, values, groups, KERNEL_PENALTIES)
        error = float((fitted.left_out**2).mean())
        if error < best:
            best, predicted = error, fitted.predict(test - mean)
    return predicted


def fit_predict_kernel(
    features: NDArray[np.floating],
    values: NDArray[np.float64],
    groups: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    widths: Sequence[int],
) -> NDArray[np.float64]:
    """Kernel ridge regression on features that are weighted by the penalties of their blocks."""
    x_train, x_test = features[train], features[test]
    fitted = fit_blocks(x_train, values[train], widths, scale=False)
    weighted = fitted.weighted(x_train), fitted.weighted(x_test)
    return kernel_ridge(*weighted, values[train], groups[train])


def cross_validate(
    features: FeatureBlocks, rnas: LabelledRnas, splits: Sequence[Split], *, kernel: bool = False
) -> list[float]:
    """The score on each fold."""
    targets = rnas.values if len(rnas.labels) == 1 else rnas.targets
    scores = []
    for split in splits:
        train, test = split.train, split.test
        if kernel:
            predicted = fit_predict_kernel(features.values, targets, rnas.groups, train, test, features.widths)
        else:
            scaled = targets[train] / targets[train].std(0)
            fitted = fit_blocks(features.values[train], scaled, features.widths, scale=False)
            predicted = fitted.predict(features.values[test])
        scores.append(score(targets[test], predicted))
    return scores


def labelled(task: Task, source: RnaSource) -> tuple[LabelledRnas, list[Split]]:
    """A task's RNAs and folds."""
    kind = "random" if task.construct else task.split
    config = SplitConfig(split=kind, folds=None if kind == "fold" else FOLDS)
    labels = task.labels().one_vs_rest()
    specs = [LabelSpec(one, one.name, task.species, task.rnas, task) for one in labels]
    rnas = label_rnas(specs, [source] * len(specs), config)
    return rnas, rnas.split(config)


def run(
    task: Task, source: RnaSource, library: Library, models: Mapping[str, Path], kernel: bool
) -> Iterator[list[dict[str, object]]]:
    """Rows of the methods so far, after each method of a task."""
    rnas, splits = labelled(task, source)
    names = source.table["transcript_id"].to_list()
    scores: dict[str, list[float]] = {}
    simple: list[str] = []
    for name, stamp, features in methods(library, models, names):
        with_kernel = kernel and name in (STRONGEST, *list(models)[-1:])
        for how in ("", ", kernel") if with_kernel else ("",):
            own = features.of(rnas.rows)
            scores[name + how] = library.scores(
                f"{task.name} {name}{how} {stamp}", partial(cross_validate, own, rnas, splits, kernel=bool(how))
            )
            print(f"{task.name}  {name + how:48} {np.mean(scores[name + how]):.4f}", flush=True)
            simple += [] if stamp else [name + how]
            yield summarize(task, rnas, splits, scores, simple)


def summarize(
    task: Task,
    rnas: LabelledRnas,
    splits: Sequence[Split],
    scores: Mapping[str, Sequence[float]],
    simple: Sequence[str],
) -> list[dict[str, object]]:
    """One row per method, with its difference from the best of the simple ones."""
    best = max(simple, key=lambda name: np.mean(scores[name]))
    same: dict[str, object] = {"task": task.name, "n": len(rnas), "folds": len(splits)}
    same |= {"metric": "pearson" if len(rnas.labels) == 1 else "roc_auc", "strongest_simple": best}
    rows = []
    for name, values in scores.items():
        interval = over_splits(values, splits)
        pairs = zip(values, scores[best], strict=True)
        difference = paired([a - b for a, b in pairs], *mean_sizes(splits))
        row = {"method": name, "mean": interval.mean, "low": interval.low, "high": interval.high}
        row |= {f"difference_{end}": getattr(difference, end) for end in ("mean", "low", "high")}
        rounded = {key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()}
        rows.append({**same, **rounded})
    return rows


def codes_of_corpus(corpus: Corpus) -> list[Codes]:
    """The codes of all RNAs."""
    return [corpus.codes_of(row) for row in range(len(corpus))]


def codes_of_task(task: Task) -> list[Codes]:
    """The codes of a reporter assay's mRNAs."""
    return list(task.sequences().values())


def labelled_ids(names: Sequence[str], source: RnaSource, data: Path) -> list[str]:
    """Transcripts of a corpus that represent a gene with a label of some task."""
    ids: set[str] = set()
    for name in names:
        task = read_label_task(name, data)
        if task.construct is None:
            labels = task.labels()
            samples, _ = join_rnas(LabelSpec(labels, name, task.species, task.rnas, task), source)
            ids.update(samples.table["transcript_id"])
    return sorted(ids)


def named_paths(pairs: Sequence[str]) -> dict[str, Path]:
    """``name=path`` arguments."""
    return {name: Path(path) for name, path in (pair.split("=", 1) for pair in pairs)}


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__, Path("results/strong_baselines.csv"))
    parser.add_argument("corpus", type=Path, help="the corpus, or its part with the labelled RNAs")
    parser.add_argument("--models", nargs="+", default=[], metavar="NAME=PARQUET")
    parser.add_argument("--constructs", nargs="*", default=[], metavar="TASK:NAME=PARQUET")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--kernel", nargs="*", default=["half-life-human"], metavar="TASK")
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--folder", type=Path, help="keeps computed features")
    parser.add_argument("--list", type=Path, help="only write the ids of the labelled RNAs to this file")
    options = parser.parse_args(argv)
    corpus: Corpus = open_corpus(options.corpus)
    of_corpus = rnas_of_corpus(corpus)
    if options.list is not None:
        options.list.write_text("\n".join(labelled_ids(options.tasks, of_corpus, options.data)) + "\n")
        return
    if options.folder is None:
        parser.error("--folder is required")
    constructs = named_paths(options.constructs)
    for name in options.tasks:
        task = read_label_task(name, options.data)
        if task.construct is None:
            source, models = of_corpus, named_paths(options.models)
            library = Library(options.folder / "corpus", partial(codes_of_corpus, corpus))
        else:
            models = {key.split(":", 1)[1]: path for key, path in constructs.items() if key.startswith(name + ":")}
            source = rnas_of_task(task)
            library = Library(options.folder / name, partial(codes_of_task, task))
        known = pl.read_csv(options.out).to_dicts() if options.out.exists() else []
        others = [row for row in known if row["task"] != name]
        for rows in run(task, source, library, models, name in options.kernel):
            harness.write_csv(options.out, others + rows)


if __name__ == "__main__":
    main()
