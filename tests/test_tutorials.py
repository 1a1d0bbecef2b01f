"""The tutorials run from start to end, and the repository holds their outputs."""

import ast
import gzip
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from tests.forks import NARROW

from isoclr import datasets
from isoclr.models.encoder import MODELS
from isoclr.models.resnet import Architecture
from isoclr.variants.consequences import SEVERITY

TUTORIALS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.ipynb"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, name: str, namespace: dict[str, object]) -> None:
    """Run a cell as a notebook does: the value of a last expression is displayed."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
        for show in ("_repr_html_", "_repr_mimebundle_", "__repr__"):
            if hasattr(value, show):
                getattr(value, show)()


@pytest.fixture(scope="module")
def short_rnas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example set with its 109 RNAs of at most 1,500 nt, a fifteenth of its bases."""
    folder = tmp_path_factory.mktemp("data") / "example"
    shutil.copytree(datasets.FOLDER, folder)
    path = datasets.Example(folder).transcripts
    records = gzip.decompress(path.read_bytes()).decode().split(">")
    path.write_bytes(gzip.compress(">".join(one for one in records if len(one.partition("\n")[2]) <= 1_501).encode()))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs(path: Path, short_rnas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    if path.stem == "scanpy":
        pytest.importorskip("scanpy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "FOLDER", short_rnas)
    if path.stem == "own-species":  # it trains
        monkeypatch.setitem(MODELS, "isoclr-s", Architecture(*NARROW))
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    namespace: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages
        for number, cell in enumerate(code_cells(path), 1):
            run_cell("".join(cell["source"]), f"{path.name}, cell {number}", namespace)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_is_kept_as_executed(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [out for cell in cells for out in cell["outputs"]]
    assert not [out for out in outputs if out.get("name") == "stderr" or out["output_type"] == "error"]


def test_variants_of_the_tutorial_change_proteins() -> None:
    (notebook,) = (path.read_text() for path in TUTORIALS if path.stem == "variants")
    assert {"missense_variant", "stop_gained"} < {name for name in SEVERITY if name in notebook}
