"""A real browser, driven over its own debugging protocol, that can reach nothing but files."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60  # seconds; a loaded machine is slow


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, port: int) -> None:
        self._socket = websocket.create_connection(_page(port), timeout=PATIENCE)
        self._last = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer; events that come meanwhile are kept."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv())
            if message.get("id") == self._last:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def open(self, path: Path, width: int = 1280, height: int = 900) -> None:
        """Load a file and wait until its script has run."""
        self.resize(width, height)
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"never: {condition}"
            time.sleep(0.1)

    def move(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "char", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "char" else {}
            if kind == "char" and not text:
                continue
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text
            )

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path, whole: bool = True) -> None:
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """Errors and warnings on the console, exceptions, and requests for anything but files."""
        self.run("0")
        found = []
        for event in self.events:
            kind, told = event["method"], event["params"]
            if kind == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]))
            elif kind == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
                found.append(str(told["args"]))
            elif kind == "Log.entryAdded" and told["entry"]["level"] == "error":
                found.append(told["entry"]["text"])
            elif kind == "Network.requestWillBeSent":
                url = told["request"]["url"]
                if not url.startswith(("file:", "data:", "blob:")):
                    found.append(f"asks for {url}")
        return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The debugging port of a running Chromium; the test is skipped when there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    profile = tmp_path_factory.mktemp("chromium")
    options = (
        "--headless=new --no-sandbox --disable-gpu --enable-unsafe-swiftshader --no-first-run "
        "--disable-background-networking --disable-component-update --remote-allow-origins=* "
        f"--remote-debugging-port={port} --user-data-dir={profile} about:blank"
    )
    with subprocess.Popen(
        [program, *options.split()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield port
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser(chromium: int, page: Path) -> Iterator[Browser]:
    """The page, opened once: the drawing library alone is 5 MB to read."""
    opened = Browser(chromium)
    opened.open(page)
    yield opened
    opened.close()


def _page(port: int) -> str:
    """Address of the page's debugger, once the browser listens."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                pages = json.load(answer)
            return str(next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page"))
        except (OSError, StopIteration):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


MANIFEST = {
    "isoclr": "0.0.1",
    "command": "isoclr benchmark plan.toml",
    "python": "3.11",
    "packages": {},
    "machine": {"cpu": "a processor", "cores": 2},
    "seed": 0,
    "results": [{"study": "main", "title": "one", "name": "x", "seconds": 60.0}],
    "missing": 1,
    "models": {"ours": {"model": "isoclr-s", "pooling": "last", "tracks": 6, "sha256": "a" * 64}},
    "tasks": {
        "half-life": {
            "title": "half-life <of> mRNAs",
            "labels": "h.tsv",
            "citation": "Somebody 2022",
            "units": "z",
            "rnas": "coding",
            "splits": ["fold"],
            "published": "half-life human",
        }
    },
}
"""What the page reads of a manifest."""


def _probe(study: str, method: str, value: float, **more: object) -> list[dict[str, object]]:
    told = {
        "study": study,
        "task": "half-life",
        "split": "fold",
        "method": method,
        "model": "ridge",
    }
    ends = {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 100}
    return [
        {**told, **more, "dim": 2, "metric": "pearson", **ends},
        {**told, **more, "dim": 2, "metric": "mse", **ends, "value": 1 - value**2},
    ]


def _of_tables() -> dict[str, list[dict[str, object]]]:
    difference = {
        "study": "main",
        "task": "half-life",
        "split": "fold",
        "method": "ours",
        "against": "k-mers + codons",
        "model": "ridge",
        "against_model": "ridge",
        "metric": "pearson",
        "value": -0.1,
        "low": -0.15,
        "high": -0.05,
        "p": 0.001,
        "n": 8,
    }
    low = {"study": "low_data", "task": "half-life", "split": "random", "metric": "pearson"}
    neighbour = {"part": "neighbours", "scope": "all RNAs", "relation": "isoform", "length": "all"}
    term = {"task": "gene-ontology-human", "hierarchy": "molecular_function", "method": "ours"}
    ends = {"value": 0.7, "low": 0.6, "high": 0.8, "n": 50}
    motif = {"part": "motifs", "task": "half-life", "motif": "AU-rich", "region": "3' UTR"}
    base = {
        "part": "every base",
        "task": "half-life",
        "transcript": "T1",
        "consequence": "missense",
    }
    return {
        "corpus": [
            {
                "species": "all",
                "gene_sets": 3000,
                "transcripts": 7000,
                "mean": 2.3,
                "several": 0.3,
            }
        ],
        "main": _probe("main", "ours", 0.5) + _probe("main", "k-mers + codons", 0.6),
        "main_differences": [
            difference,
            {**difference, "against": "length alone", "value": 0.2, "low": 0.1, "high": 0.3},
        ],
        "finetuning": _probe("finetuning", "ours, fine-tuned", 0.7),
        "low_data": [{**low, "method": "ours", "share": 1.0}],
        "low_data_means": [
            {**low, "method": m, "share": s, "train": int(10 * s), **ends}
            for m in ("ours", "k-mers + codons")
            for s in (1.0, 10.0, 100.0)
        ],
        "ablations": _probe("ablations", "full", 0.4) + _probe("ablations", "no mask", 0.3),
        "leaks": [
            {"task": "half-life", "split": "fold", "metric": "gene", "value": 3, "n": 40},
            {"task": "half-life", "split": "fold", "metric": "gene set", "value": None, "n": 40},
        ],
        "ontology": [
            {**term, "metric": m, "term_id": i, "term": "a function", **ends}
            for m in ("roc_auc", "cross_entropy")
            for i in ("all", "GO:1")
        ],
        "latent": [
            {**neighbour, "method": "ours", "k": 1, "metric": "found", **ends},
            {
                **neighbour,
                "method": "ours",
                "k": 1,
                "metric": "chance of like length",
                "value": 0.1,
            },
            {
                "part": "geometry",
                "relation": "isoform",
                "method": "ours",
                "metric": "alignment",
                **ends,
            },
            {"part": "encoded", "property": "GC", "method": "ours", "metric": "r2", **ends},
            {"part": "map", "colour": "half-life", "method": "ours", "metric": "spearman", **ends},
        ],
        "mutagenesis": [
            {**motif, "metric": "effect beyond control", **ends},
            {**base, "metric": "mean effect", "value": -0.01, "n": 9},
            {**base, "metric": "mean absolute effect", "value": 0.02, "n": 9},
        ],
    }


POINTS = 60


def _map() -> pl.DataFrame:
    """Two maps of the same RNAs; the first RNA lies far from the others."""
    places = [(100.0, 100.0)] + [(float(i % 8), float(i // 8)) for i in range(1, POINTS)]
    shown = pl.DataFrame(
        {
            "transcript_id": [f"ENST{i:04d}.1" for i in range(POINTS)],
            "gene_id": [f"ENSG{i:04d}" for i in range(POINTS)],
            "gene_symbol": ["TP53", ""] + [f"SYM{i}" for i in range(2, POINTS)],
            "x": [x for x, _ in places],
            "y": [y for _, y in places],
            "half-life": [None, *(i / 10 for i in range(1, POINTS))],
            "function": ["binding", None] + ["kinase"] * (POINTS - 2),
        }
    )
    other = shown.with_columns(x=-pl.col("x"), method=pl.lit("random-init encoder"))
    return pl.concat([shown.with_columns(method=pl.lit("ours")), other])


def _mutations() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    effects = rng.normal(0, 0.01, (120, 4))
    return pl.DataFrame(
        {
            "transcript_id": "T1",
            "position": np.arange(1, 121),
            "base": list("ACGU" * 30),
            "importance": -effects.sum(1) / 3,
            **{base: effects[:, i] for i, base in enumerate("ACGU")},
            "exon_end": [i in (59, 119) for i in range(120)],
            "task": "half-life",
            "target": "half-life",
            "value": 0.5,
            "coding_start": 30,
            "coding_end": 90,
        }
    )


@pytest.fixture(scope="session")
def results_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark's directory with something of every study."""
    folder = tmp_path_factory.mktemp("benchmark")
    for name in ("results", "tables"):
        (folder / name).mkdir()
    for name, rows in _of_tables().items():
        pl.DataFrame(rows, infer_schema_length=None).write_csv(folder / "results" / f"{name}.csv")
    (folder / "results" / "manifest.json").write_text(json.dumps(MANIFEST))
    names = [f"ENST{i:04d}.1" for i in range(POINTS)]
    measured = np.linspace(-2, 2, POINTS)
    pl.DataFrame(
        {
            "transcript_id": names,
            "gene_id": [f"ENSG{i:04d}" for i in range(POINTS)],
            "gene_symbol": ["TP53"] + [f"SYM{i}" for i in range(1, POINTS)],
            "measured": measured,
            "predicted": measured / 2,
            "task": "half-life",
            "model": "ridge",
            "dealt": "fold",
        }
    ).write_parquet(folder / "tables" / "predictions.parquet")
    _map().write_parquet(folder / "tables" / "map.parquet")
    kinds = {
        "half-life": {"kind": "quantity", "skewed": False},
        "function": {"kind": "class", "skewed": False},
    }
    (folder / "tables" / "map_colours.json").write_text(json.dumps(kinds))
    _mutations().write_parquet(folder / "tables" / "mutations.parquet")
    return folder


@pytest.fixture(scope="session")
def page(results_of_all: Path) -> Path:
    """The page of that benchmark."""
    from isoclr.evaluation.report.document import write_page

    return write_page(results_of_all)
