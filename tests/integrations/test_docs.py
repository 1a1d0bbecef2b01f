"""The code of README.md and docs/python.md runs."""

import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/python.md"
OPTIONAL = {"scanpy", "igraph", "leidenalg", "captum", "tangermeme", "mrna_bench", "anndata", "pandas"}


@pytest.fixture(autouse=True)
def logger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page silences it."""
    monkeypatch.setenv("HOME", str(tmp_path))  # mRNABench keeps its configuration there
    monkeypatch.chdir(tmp_path)
    yield
    logging.getLogger("isoclr").setLevel(logging.INFO)


@pytest.mark.slow
def test_code_of_the_page_runs() -> None:
    pytest.importorskip("pandas")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) > 8
    namespace: dict[str, object] = {}
    for block in blocks:
        first = block.splitlines()[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other packages
                exec(compile(block, f"docs/python.md: {first}", "exec"), namespace)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise
    assert namespace["value"] is not None
    assert namespace["encoder"].embed(["AUG"]).shape == (1, 32)  # type: ignore[attr-defined]


def test_code_of_the_readme_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["vectors"].shape == (2, 2304)  # type: ignore[attr-defined]
    assert len(namespace["corpus"]) == 607  # type: ignore[arg-type]
