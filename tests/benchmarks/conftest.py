"""Fixtures that run benchmarks in this process, as ``python -m benchmarks.NAME`` does."""

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from isoclr import cli

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))  # benchmarks are not part of the installed package

from benchmarks.harness import ProcessResult  # noqa: E402
from tests.forks import NARROW  # noqa: E402

from benchmarks import atlas, embed, gpu, growth, pretrain_step, scaling  # noqa: E402
from isoclr.models.encoder import MODELS  # noqa: E402
from isoclr.models.resnet import Architecture  # noqa: E402


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a benchmark's ``main`` in this process: ``main(module, "--option", value, …)``."""

    def run(module: object, *words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, words)])
        module.main()  # type: ignore[attr-defined]

    return run


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    """Twelve random mRNAs of 40 to 900 nt."""
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)
    records = []
    for i, length in enumerate(np.linspace(40, 900, 12).astype(int)):
        sequence = letters[rng.integers(0, 4, length)].tobytes().decode()
        records.append(f">t{i} gene:g{i // 2}\n{sequence}\n")
    path = tmp_path / "mrnas.fa"
    path.write_text("".join(records))
    return path


@pytest.fixture
def narrow_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The architecture isoclr-s is narrow."""
    monkeypatch.setitem(MODELS, "isoclr-s", Architecture(*NARROW))


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands that a benchmark starts in this process instead, which takes a tenth of the time."""

    def run_python(args: Sequence[str], *, env: object = None) -> ProcessResult:
        words = [str(word) for word in args]
        if "torch.distributed.run" in words:
            words = words[words.index("-m", 1) :]  # one rank is enough here
        capsys.readouterr()
        if words[0] == "-c":
            monkeypatch.setattr(sys, "argv", words[1:])
            exec(words[1], {})
        elif words[1] == "isoclr":
            assert cli.main(words[2:]) == 0
        else:
            monkeypatch.setattr(sys, "argv", words[1:])
            importlib.import_module(words[1]).main()
        return ProcessResult(1.0, 0.5, capsys.readouterr().out)

    for module in (atlas, embed, growth, gpu, pretrain_step, scaling):
        monkeypatch.setattr(module, "run_python", run_python)
