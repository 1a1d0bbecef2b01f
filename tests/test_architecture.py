"""Imports run one way, without circles, and light commands import little."""

import ast
import inspect
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import isoclr
from isoclr import cli
from isoclr.cli import BY_NAME, load_function

SOURCE = Path(isoclr.__file__).parent

# Each package may import those of the lines above it, and its own modules.
LAYERS: list[set[str]] = [
    {"errors", "_version", "_package"},
    {"_atomic", "_html"},
    {"_io"},
    {"_config", "_console", "_process", "_threads", "datasets"},
    {"_tensors"},
    {"_options", "_report"},
    {"genomics"},
    {"corpus", "simulation", "downloads"},
    {"models"},
    {"training"},
    {"pretraining", "baselines"},
    {"embedding"},
    {"tasks"},
    {"plotting"},
    {"probing"},
    {"finetuning"},
    {"analysis"},
    {"variants"},
    {"atlas"},
    {"evaluation", "integrations"},
    {"cli"},
]
LAYER_OF = {package: layer for layer, packages in enumerate(LAYERS) for package in packages}


def package_of(module: str) -> str:
    """The package or top-level module that ``isoclr.corpus.build`` belongs to: ``corpus``."""
    return module.split(".")[1]


@cache
def modules() -> list[tuple[str, ast.Module]]:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        relative = path.relative_to(SOURCE.parent).with_suffix("")
        parts = [part for part in relative.parts if part != "__init__"]
        found.append((".".join(parts), ast.parse(path.read_text())))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_run_one_way() -> None:
    wrong = []
    for module, tree in modules():
        if module in ("isoclr", "isoclr.__main__"):
            continue  # the public API and the entry point import from everywhere
        for name in imported(tree):
            if not name.startswith("isoclr."):
                continue
            here, there = package_of(module), package_of(name)
            if here != there and LAYER_OF[there] >= LAYER_OF[here]:
                wrong.append(f"{module} imports {name}")
    assert not wrong, wrong


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        module: {name.rpartition(".")[0] for name in imported(tree)} | set(imported(tree))
        for module, tree in modules()
        if module not in ("isoclr", "isoclr.__main__")
    }
    graph = {module: names & graph.keys() - {module} for module, names in graph.items()}
    while leaves := {module for module, names in graph.items() if not names}:
        graph = {module: names - leaves for module, names in graph.items() if module not in leaves}
    used = set[str]().union(*graph.values())
    assert not graph, f"circles among {sorted(graph.keys() & used)}"


def test_every_package_has_a_layer() -> None:
    packages = {package_of(module) for module, _ in modules() if module != "isoclr"}
    assert packages - {"__main__"} == set(LAYER_OF)


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import isoclr", {"torch", "polars", "pysam", "numpy", "tyro", "rich", "matplotlib"}),
        ("from isoclr.cli import main; main(['--help'])", {"torch", "polars", "numpy", "tyro"}),
        ("import isoclr; isoclr.build; isoclr.open_corpus", {"torch", "sklearn", "matplotlib"}),
        ("import isoclr; isoclr.probe, isoclr.convert", {"torch"}),
        ("import isoclr; isoclr.create, isoclr.load", {"polars", "pysam", "sklearn", "tyro"}),
        (
            "import isoclr; isoclr.predict, isoclr.retrieval, isoclr.variants",
            {"sklearn", "scipy.stats", "scipy.sparse"},
        ),
        (
            "import isoclr, isoclr.pretraining.data; isoclr.pretrain; isoclr.open_corpus",
            {"polars", "pysam", "sklearn", "tyro", "matplotlib", "scipy", "pandas"},
        ),
    ],
)
def test_what_an_import_may_load(statement: str, unwanted: set[str]) -> None:
    assert not loaded_after(statement) & unwanted


def test_help_answers_at_once_and_names_every_command() -> None:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "isoclr", "--help"], capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 5  # 0.05 s on a quiet machine
    for name in BY_NAME:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("name", BY_NAME)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: isoclr {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conquer"], "unknown command 'conquer'; available commands: download"),
        (["varians"], "unknown command 'varians'; did you mean variants?"),
        (["inspect", "nowhere"], "nowhere"),
        (["embed", "nowhere.fa", "--model", "nowhere", "-o", "x.parquet"], "nowhere"),
        (["pretrain", "nowhere", "--out", "x"], "nowhere"),
        (["probe", "nowhere.parquet", "nowhere.tsv"], "nowhere."),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isoclr: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir()), "a failed command must leave nothing behind"


def test_no_pickle_is_read_or_written() -> None:
    for module, tree in modules():
        names = set(imported(tree))
        assert not names & {"pickle", "dill", "joblib", "torch.load", "torch.save"}, module
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                assert called not in ("torch.load", "torch.save"), module
                if called in ("np.load", "numpy.load"):
                    options = {k.arg: ast.unparse(k.value) for k in node.keywords}
                    assert options.get("allow_pickle", "False") == "False", module


NAMES = {"map": "map_rnas", "tasks": "list_tasks", "models": "list_models"}


@pytest.mark.parametrize("command", BY_NAME)
def test_every_command_is_a_function_of_isoclr(command: str) -> None:
    load_function(BY_NAME[command].function)  # its package may take the function's name
    for _ in range(2):
        function = getattr(isoclr, NAMES.get(command, command))
        assert callable(function)
    if command != "inspect":  # the command also prints
        assert inspect.signature(function) == inspect.signature(load_function(BY_NAME[command].function))
