"""What contrast brings without composition, composition without contrast, and both.

    bash runs/paper_small.sh OUT --only ablations
    python -m benchmarks.contrast_and_composition OUT --data ../shared/data

The encoders are those of the ablations: equal steps and pairs, several seeds. Each is probed as in
``benchmarks.strong_baselines``: alone, without what a ridge on the composition features explains of it, and together
with the strongest simple features. Also the nearest neighbours among the RNAs of gene sets that several species have,
with the features whitened or not, and with ``--ontology`` terms of the Gene Ontology; both by the embeddings, by what
composition does not explain of them, and by composition. ``random`` is an untrained encoder. Writes
``contrast_and_composition.csv``, ``…_retrieval.csv`` and ``…_ontology.csv`` to results/; what OUT has already is not
made again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import isoclr
from benchmarks import harness, strong_baselines
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.tasks.rnas import rnas_of_corpus
from isoclr.tasks.splits import SplitConfig

RUNS = {
    "splice + homology + mask + six tracks": "contrast",
    "composition alone": "composition",
    "with the composition": "both",
}
"""Names of ablations, and what they are called here."""
TASKS = (
    "half-life-human",
    "half-life-mouse",
    "translation-efficiency-hela",
    "mrna-localisation",
    "protein-to-mrna-ratio",
)
QUERIES = 4000
"""RNAs whose nearest neighbours are searched."""


def encoders(benchmark: Path) -> dict[str, Path]:
    """Directories of the encoders of the last evaluation's ablations, by name and seed, such as ``contrast-0``."""
    path = benchmark / "results/manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"results": []}
    by_name: dict[str, Path] = {}
    for result in manifest["results"]:
        if result["study"] == "ablations":
            path = benchmark / "cache/ablations" / f"{result['name']}.json"
            stored = json.loads(path.read_text(encoding="utf-8"))
            if name := RUNS.get(stored["rows"][0]["method"]):
                for seed, run in enumerate(stored["details"]["runs"], start=manifest["seed"]):
                    by_name[f"{name}-{seed}"] = benchmark / "runs" / run
    return dict(sorted(by_name.items()))


def untrained(like: Path, out: Path) -> Path:
    """An untrained encoder with the architecture of another one."""
    if not out.exists():
        model = isoclr.load(like)
        isoclr.create(model.name, tracks=model.tracks, seed=0, pooling=model.network.architecture.pooling).save(out)
    return out


def homologs(corpus: Corpus) -> list[str]:
    """Transcripts of the gene sets that several species have."""
    several = corpus.transcripts.filter(pl.col("species").n_unique().over("gene_set") > 1)
    return list(several["transcript_id"])


def part(corpus: Path, names: Sequence[str], out: Path) -> Path:
    """The part of a corpus with some transcripts."""
    if not out.exists():
        listed = out.with_suffix(".txt")
        listed.write_text("\n".join(names) + "\n", encoding="utf-8")
        isoclr.subset(corpus, out=out, transcripts=listed)
    return out


def embedded(rnas: Path, model: Path, out: Path) -> Path:
    """Embeddings of the RNAs of a corpus."""
    if not out.exists():
        isoclr.embed(rnas, model=str(model), out=out, precision="float32")
    return out


def with_residuals(rnas: Path, files: Mapping[str, Path], stem: str) -> tuple[Path, ...]:
    """Embeddings, the same without what composition explains of them, and the composition features of the RNAs."""
    features = rnas.parent / f"{stem}-composition features.parquet"
    rest = {path: path.with_stem(f"{path.stem} given composition") for path in files.values()}
    if not all(path.exists() for path in (features, *rest.values())):
        corpus = open_corpus(rnas)
        composition = strong_baselines.composition(strong_baselines.codes_of_corpus(corpus))
        row = {name: i for i, name in enumerate(corpus.transcripts["transcript_id"])}
        for path, out in rest.items():
            read = isoclr.read_embeddings(path)
            own = composition.of(np.array([row[name] for name in read.ids]))
            left = strong_baselines.given(strong_baselines.components(read.matrix), own)
            replace(read, matrix=left.values).save(out, overwrite=True)
        replace(read, matrix=own.values).save(features, overwrite=True)
    return (*files.values(), *rest.values(), features)


def main(argv: Sequence[str] | None = None) -> None:
    parser = harness.options_of(__doc__, Path("results/contrast_and_composition.csv"))
    parser.add_argument("folder", type=Path, metavar="OUT", help="the directory that runs/paper_small.sh filled")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--data", type=Path, default=harness.DATA)
    parser.add_argument("--ontology", action="store_true", help="Gene Ontology terms too, by the first seed's encoders")
    options = parser.parse_args(argv)
    folder: Path = options.folder
    corpus = folder / "corpus"
    models = encoders(folder / "benchmark")
    contrast = [name for name in models if name.startswith("contrast-")]
    if not contrast:
        parser.error(f"{folder}: no ablations in it, expected those of runs/paper_small.sh")
    models = {"random": untrained(models[contrast[0]], folder / "random"), **models}
    first_seed = contrast[0].removeprefix("contrast")

    opened = open_corpus(corpus)
    labelled = part(
        corpus, strong_baselines.labelled_ids(options.tasks, rnas_of_corpus(opened), options.data), folder / "labelled"
    )
    files = {name: embedded(labelled, model, folder / f"labelled-{name}.parquet") for name, model in models.items()}
    arguments = {
        "--models": [f"{name}={path}" for name, path in files.items()],
        "--tasks": options.tasks,
        "--kernel": [],
        "--data": [options.data],
        "--folder": [folder / "features"],
        "--out": [options.out],
    }
    strong_baselines.main([str(labelled), *(str(one) for name, values in arguments.items() for one in (name, *values))])

    several = part(corpus, homologs(opened), folder / "homologs")
    neighbours = {name: embedded(several, model, folder / f"homologs-{name}.parquet") for name, model in models.items()}
    paths = with_residuals(several, neighbours, "homologs")
    tables = []
    for whiten in (False, True):
        metrics = isoclr.retrieval(paths, corpus=several, whiten=whiten, sample=QUERIES, threads=1).metrics
        tables.append(metrics.filter(length="all").with_columns(whitened=pl.lit(whiten)))
    _write(pl.concat(tables), _next_to(options.out, "retrieval"))

    if options.ontology:
        chosen = {name: path for name, path in files.items() if name == "random" or name.endswith(first_seed)}
        first, *others = with_residuals(labelled, chosen, "labelled")
        report = isoclr.ontology(
            first, corpus=labelled, data=options.data, splits=SplitConfig(splits=3), others=tuple(others)
        )
        named = pl.col("method").replace("embedding", first.name)
        _write(pl.DataFrame(report.rows()).with_columns(named), _next_to(options.out, "ontology"))


def _write(rows: pl.DataFrame, out: Path) -> None:
    """Write rows whose methods are names of files."""
    name = pl.col("method").str.replace(r"^(?:homologs|labelled)-(.+)\.parquet$", "$1")
    rows.with_columns(name).write_csv(out, float_precision=6)


def _next_to(path: Path, name: str) -> Path:
    return path.with_stem(f"{path.stem}_{name}")


if __name__ == "__main__":
    main()
