import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.simulated import simulate

from benchmarks import throughput
from isoclr.corpus.corpus import open_corpus
from isoclr.errors import InputError
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime

pytestmark = pytest.mark.usefixtures("narrow")


def test_parts_of_a_step_are_timed(tmp_path: Path) -> None:
    corpus = simulate(tmp_path / "corpus", 20)
    config = PretrainConfig(precision="float32", batch_size=4, learning_rate=0.001)
    runtime = PretrainRuntime(device="cpu", threads=1)
    measured = throughput.throughput(corpus, config=config, runtime=runtime, steps=2, warmup=1)
    assert (measured.steps, measured.pairs, measured.ranks) == (2, 4, 1)
    assert math.isfinite(measured.loss)
    assert measured.nt_per_second == pytest.approx(measured.nt / measured.seconds)
    lengths = open_corpus(corpus).index["length"]
    assert 2 * lengths.min() <= measured.nt <= 8 * lengths.max()
    assert 0 < measured.padding < 1
    assert 0 < measured.views_seconds < measured.seconds
    assert 0 < measured.loss_seconds < measured.seconds
    assert measured.warmup_seconds > 0
    assert (measured.device, measured.precision) == ("cpu", "float32")
    assert (measured.activation_checkpointing, measured.compiled, measured.shapes >= 1) == (True, False, True)
    assert 10**8 < measured.peak_bytes < 10**11


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not a corpus"):
        throughput.throughput(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_simulated_corpus(main: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--batch-size", 2, "--steps", 1, "--warmup", 0, "--chunk-nt", 4096)
    main(throughput, "--simulate", 20, *options)
    result = json.loads(capsys.readouterr().out)
    assert (result["transcripts"], result["pairs"], result["steps"]) == (20, 2, 1)
    assert result["nt_per_second"] > 0
    assert result["peak_bytes"] > 1e7


@pytest.mark.parametrize("corpora", [(), ("corpus", "--simulate", 20)])
def test_one_corpus(main: Callable[..., None], corpora: tuple[object, ...]) -> None:
    with pytest.raises(SystemExit):
        main(throughput, *corpora, "--batch-size", 2)
