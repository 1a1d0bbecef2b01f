import math
import subprocess
import sys
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.pretraining.throughput import Throughput, throughput


@pytest.fixture(scope="module")
def measured(small_corpus: Path) -> Throughput:
    return throughput(
        small_corpus,
        config=PretrainConfig(precision="float32", batch_size=8, learning_rate=0.001),
        runtime=PretrainRuntime(device="cpu", threads=1),
        steps=2,
        warmup=1,
    )


def test_steps_are_timed(measured: Throughput) -> None:
    assert (measured.steps, measured.pairs, measured.ranks) == (2, 8, 1)
    assert math.isfinite(measured.loss)
    assert measured.nt_per_second == pytest.approx(measured.nt / measured.seconds)
    assert 8 * 2 * 80 < measured.nt < 8 * 2 * 260  # RNAs of about 160 nt
    assert 0 < measured.padding < 1


def test_parts_of_a_step(measured: Throughput) -> None:
    assert 0 < measured.views_seconds < measured.seconds
    assert 0 < measured.loss_seconds < measured.seconds
    assert measured.warmup_seconds > 0


def test_device_and_memory(measured: Throughput) -> None:
    assert (measured.device, measured.precision) == ("cpu", "float32")
    assert (measured.activation_checkpointing, measured.compiled, measured.shapes >= 1) == (
        True,
        False,
        True,
    )
    assert 10**8 < measured.peak_bytes < 10**11


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not a corpus"):
        throughput(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_imports_of_training(small_corpus: Path) -> None:
    """A GPU node has torch, numpy, safetensors, jaxtyping and rich."""
    code = f"""
import sys
for absent in ("polars", "pysam", "scipy", "sklearn", "tyro", "pandas", "matplotlib", "huggingface_hub"):
    sys.modules[absent] = None
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.pretraining.throughput import throughput
config, runtime = PretrainConfig(batch_size=4), PretrainRuntime(device="cpu")
print(throughput({str(small_corpus)!r}, config=config, runtime=runtime, steps=1, warmup=0).steps)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
