"""Building an atlas of many RNAs, and opening its page in Chromium: seconds, memory and size.

    isoclr subset corpus -o part --transcripts ids.txt && isoclr embed part -o part.parquet
    python -m benchmarks.atlas part.parquet --corpus part --rnas 70000 926628

The RNAs are copies of a few thousand real ones. A copy has new names, and its embedding is moved by a share of the
difference between those of two random RNAs, so that copies vary in the same directions as real RNAs. Writes
``results/atlas.csv``; ``--work`` keeps inputs and atlases.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np
import polars as pl

from benchmarks import harness, simulated
from benchmarks.browser import find_chromium, open_browser
from benchmarks.harness import Measurement, run_python
from isoclr._io import atomic_directory
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.write import write as write_corpus
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.io import read_embeddings

SIZES = (70_000, simulated.TEN_SPECIES)
NOISE = 0.2
"""Share of the difference between two random RNAs that is added to the embedding of a copy."""
GOALS = {
    70_000: {"build": "", "folder": "at most 15 MB", "search ready": "at most 2 s"},
    simulated.TEN_SPECIES: {"build": "at most 900 s", "build, memory": "at most 4 GB", "search ready": "at most 4 s"},
}
WATCH = """
globalThis.shownAt = {};
new MutationObserver(() => {
  for (const key of ["painted", "ready"]) {
    if (document.documentElement.dataset[key] && !(key in shownAt)) {
      shownAt[key] = 0;
      requestAnimationFrame(() => setTimeout(() => { shownAt[key] = performance.now() / 1000; }));
    }
  }
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-painted", "data-ready"] });
"""
"""Seconds from the start of the navigation until the frame that shows the map, and until the search works."""


def enlarge(embeddings: Embeddings, corpus: Corpus, n: int, out: Path) -> None:
    """Write a corpus of n RNAs and its embeddings, in shards; an existing folder is kept.

    Args:
        embeddings: Embeddings of the corpus, in its order.
        corpus: The real RNAs.
        n: Number of RNAs; the first are the real ones.
        out: Folder for ``corpus`` and ``embeddings``.
    """
    if out.exists():
        return
    rng = np.random.default_rng(0)
    of, table = len(corpus), corpus.transcripts
    assert table["transcript_id"].equals(embeddings.table["transcript_id"])
    names = pl.Series(rng.permutation(n))
    parts = []
    with atomic_directory(out) as folder:
        (folder / "embeddings").mkdir()
        for number, start in enumerate(range(0, n, of)):
            count = min(of, n - start)
            suffix, symbol = f"-{number}", pl.col("gene_symbol")
            new: dict[str, pl.Expr | pl.Series] = {
                "transcript_id": "T" + names[start : start + count].cast(pl.String).str.zfill(8),
                "gene_id": pl.col("gene_id") + suffix,
                "gene_symbol": pl.when(symbol != "").then(symbol + suffix).otherwise(symbol),
            }
            parts.append(table[:count].with_columns(gene_set=pl.col("gene_set") + suffix, **new))
            a, b = rng.integers(0, of, (2, count))
            matrix = embeddings.matrix[:count].copy()
            if number:
                matrix += np.float32(NOISE) * (embeddings.matrix[a] - embeddings.matrix[b])
            moved = Embeddings(embeddings.table[:count].with_columns(**new), matrix, embeddings.meta)
            write(folder / f"embeddings/{number:04}.parquet", moved)
        whole = pl.concat(parts).with_columns(start=pl.col("offset"), source=pl.lit(0, pl.Int64))
        meta: dict[str, Any] = {key: corpus.meta[key] for key in ("species", "by_species")}
        (folder / "corpus").mkdir()
        write_corpus(folder / "corpus", whole.drop("offset"), [corpus.codes], meta)


def measure_build(inputs: Path, n: int, out: Path, options: Sequence[str]) -> list[Measurement]:
    """Time, memory and size of ``isoclr atlas`` in a process of its own."""
    args = ["-m", "isoclr", "atlas", str(inputs / "embeddings"), "--corpus", str(inputs / "corpus")]
    process = run_python([*args, "-o", str(out), "--overwrite", *options])
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    return [
        _measurement("build", n, process.seconds, "s"),
        _measurement("build, processor time", n, process.cpu_seconds, "s"),
        _measurement("build, memory", n, process.peak_gb, "GB"),
        _measurement("folder", n, size, "MB"),
    ]


def _measurement(name: str, n: int, value: float, unit: str) -> Measurement:
    return Measurement(f"{name} @ {n:,} RNAs", value, unit, note=GOALS.get(n, {}).get(name, ""))


def measure_page(program: str, folder: Path, n: int, repeats: int) -> list[Measurement]:
    """Seconds until the map is shown and the search works, each time in a new browser."""
    painted, ready, busy, loaded = [], [], [], []
    for _ in range(repeats):
        with open_browser(program) as page:
            page.call("Performance.enable", timeDomain="threadTicks")
            page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            page.open(folder / "index.html")
            page.wait("shownAt.ready > 0")
            painted.append(page.run("shownAt.painted"))
            ready.append(page.run("shownAt.ready"))
            metrics = {one["name"]: one["value"] for one in page.call("Performance.getMetrics")["metrics"]}
            busy.append(metrics["TaskDuration"])
            urls = {
                event["params"]["request"]["url"]
                for event in page.events
                if event["method"] == "Network.requestWillBeSent"
            }
            files = [Path(unquote(urlparse(url).path)) for url in urls if url.startswith("file:")]
            loaded.append(sum(file.stat().st_size for file in files) / 1e6)
    goals = GOALS.get(n, {})
    size = f" @ {n:,} RNAs"
    return [
        Measurement.median(f"map shown{size}", painted, "s"),
        Measurement.median(f"search ready{size}", ready, "s", goals.get("search ready", "")),
        Measurement.median(f"page, processor time{size}", busy, "s", "main thread"),
        Measurement.median(f"page, loaded{size}", loaded, "MB"),
    ]


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "atlas.csv")
    parser.add_argument("embeddings", type=Path, help="embeddings of some thousand real RNAs")
    parser.add_argument("--corpus", type=Path, required=True, help="their corpus")
    parser.add_argument("--rnas", type=int, nargs="+", default=SIZES)
    parser.add_argument("--task", nargs="*", default=["half-life"], help="shipped heads")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="times that a page is opened")
    parser.add_argument("--keep", action="store_true", help="open atlases that exist already")
    parser.add_argument("--work", type=Path, default=harness.WORK, help="folder that keeps the atlases")
    options = parser.parse_args()

    machine, results = harness.machine(), []
    program = find_chromium()
    words = ["--threads", str(options.threads), *(["--task", *options.task] if options.task else [])]
    for n in options.rnas:
        inputs, out = options.work / f"atlas-{n}.inputs", options.work / f"atlas-{n}"
        enlarge(read_embeddings(options.embeddings), open_corpus(options.corpus), n, inputs)
        if not (options.keep and out.exists()):
            results += measure_build(inputs, n, out, words)
        if program is not None:
            results += measure_page(program, out, n, options.repeats)
        harness.report(f"atlas: {machine['cpu']}, {machine['cores']} cores", options.out, results, machine, update=True)


if __name__ == "__main__":
    main()
