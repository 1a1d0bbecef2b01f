"""Whole runs: training, stops, resuming, and the files of a run."""

import hashlib
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from tests.forks import NARROW, Fork, Forks

from isoclr.cli import main
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.models.encoder import MODELS
from isoclr.models.load import load
from isoclr.models.resnet import Architecture, ProjectionHead
from isoclr.pretraining.config import Budget, LoggingConfig, PretrainConfig, PretrainRuntime
from isoclr.pretraining.pretrain import PretrainResult, pretrain, set_up
from isoclr.pretraining.trainer import Checkpoint, RunState
from isoclr.training.distributed import Distributed
from isoclr.training.logging import read_log

pytestmark = pytest.mark.usefixtures("narrow")

CONFIG = PretrainConfig(batch_size=8, val_fraction=0.3, precision="float32")


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)


def test_set_up(corpus: Corpus) -> None:
    messages: list[str] = []
    runtime = PretrainRuntime(chunk_nt=4096)
    made = set_up(corpus, CONFIG, Distributed(), runtime, message=messages.append)
    result = made.model.step(made.batch_of(0), 0, 0.001).result()
    assert result.loss > 0
    assert made.validation_batch is not None
    metrics = made.model.validate(made.validation_batch)
    assert metrics["pairs"] == len(made.data.validation_sets)
    assert messages == []  # a memory map is not copied


def test_runtime_options(corpus: Corpus) -> None:
    made = set_up(corpus, CONFIG, Distributed(), PretrainRuntime(chunk_nt=512, activation_checkpointing="off"))
    assert not made.model.network.recompute
    assert made.plan.packing.chunk_nt == 512
    assert all(chunk.codes.numel() <= 512 for chunk in made.batch_of(0).chunks)
    assert set_up(corpus, CONFIG, Distributed(), PretrainRuntime()).model.network.recompute


def test_packing_of_the_architecture(corpus: Corpus) -> None:
    made = set_up(corpus, PretrainConfig(model="isoclr-l", batch_size=8), Distributed(), PretrainRuntime())
    assert made.plan.packing.gap is None
    assert all(len(c.starts) == len(c.codes) for c in made.batch_of(0).chunks)  # a row each


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@gpu
@pytest.mark.parametrize("where", ["device", "cpu"])
def test_batches_on_a_gpu(corpus: Corpus, where: Literal["device", "cpu"]) -> None:
    on_cpu = set_up(corpus, CONFIG, Distributed(), PretrainRuntime(chunk_nt=2**20))
    world = Distributed(device=torch.device("cuda", 0))
    runtime = PretrainRuntime(corpus_on=where, chunk_nt=2**20, compile="off")
    on_gpu = set_up(corpus, CONFIG, world, runtime)
    for step in range(3):
        ours, theirs = on_gpu.batch_of(step), on_cpu.batch_of(step)
        assert ours.gene_sets.tolist() == theirs.gene_sets.tolist()
        for a, b in zip(ours.chunks, theirs.chunks, strict=True):
            assert a.codes.device == world.device
            nt = b.codes.numel()  # a GPU's chunk may be rounded up further
            assert torch.equal(a.codes.cpu().flatten()[:nt], b.codes.flatten())


@gpu
def test_steps_do_not_wait_for_a_gpu(corpus: Corpus) -> None:
    world = Distributed(device=torch.device("cuda", 0))
    made = set_up(corpus, CONFIG, world, PretrainRuntime(compile="off", activation_checkpointing="off"))
    made.model.step(made.batch_of(0), 0, 0.001).result()
    torch.cuda.set_sync_debug_mode("error")
    try:
        launched = made.model.step(made.batch_of(1), 1, 0.001)
        made.batch_of(2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert launched.result().loss > 0


STEPS = 6
TIMED = {"seconds", "nt_per_second"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def options(**changed: Any) -> dict[str, Any]:
    return {
        "steps": STEPS,
        "batch_size": 4,
        "precision": "float32",
        "val_fraction": 0.3,
        "validate_every": 4,
        "learning_rate": 0.001,
        "threads": 1,
        **changed,
    }


def configs(**changed: Any) -> dict[str, Any]:
    """The options as the configs of :func:`pretrain`."""
    given = options(**changed)
    kinds = {"config": PretrainConfig, "budget": Budget, "runtime": PretrainRuntime, "logging": LoggingConfig}
    return {
        name: kind(**{f.name: given.pop(f.name) for f in fields(kind) if f.name in given})
        for name, kind in kinds.items()
    } | given


def as_arguments(corpus: Path, out: Path, **changed: Any) -> list[str]:
    arguments = ["pretrain", str(corpus), "--out", str(out)]
    for name, value in options(**changed).items():
        arguments += ["--" + name.replace("_", "-"), str(value)]
    return arguments


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def untimed(run: Path) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in record.items() if name not in TIMED} for record in read_log(run / "log.jsonl")
    ]


def wait_for_step(run: Path, step: int, process: Fork) -> None:
    """Until the log says that a step is done, or the process has ended."""
    while process.poll() is None and not any(r["step"] >= step for r in read_log(run / "log.jsonl")):
        time.sleep(0.02)


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory, small_corpus: Path, narrow: None) -> PretrainResult:
    torch.set_num_threads(1)
    return pretrain(small_corpus, out=tmp_path_factory.mktemp("runs") / "whole", **configs())


def test_files_of_a_run(never_stopped: PretrainResult) -> None:
    out = never_stopped.out
    assert {file.name for file in out.iterdir()} == {
        "checkpoint.safetensors",
        "config.json",
        "log.jsonl",
        "model.safetensors",
    }
    assert load(out).dim == 16
    assert (never_stopped.stopped_by, never_stopped.state.step) == (0, STEPS)


def test_log_of_a_run(never_stopped: PretrainResult) -> None:
    records = read_log(never_stopped.out / "log.jsonl")
    steps = [record for record in records if "loss" in record]
    assert [record["step"] for record in steps] == list(range(1, STEPS + 1))
    assert [r["step"] for r in records if "val_retrieval" in r] == [4, STEPS]
    assert sum(record["nt"] for record in steps) == never_stopped.state.nt
    rates = [record["learning_rate"] for record in steps]
    assert rates.index(max(rates)) in range(2, 7)
    assert rates[-1] < rates[0]


def test_validation_sets_are_not_trained_on(never_stopped: PretrainResult) -> None:
    # 18 of the 24 families have two relatives or more
    assert never_stopped.gene_sets == 24 - round(0.3 * 18)
    assert never_stopped.state.validation is not None
    assert never_stopped.state.validation["pairs"] == round(0.3 * 18)


def test_killed_and_resumed_is_bit_exact(
    never_stopped: PretrainResult, small_corpus: Path, forks: Forks, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = [*as_arguments(small_corpus, out, checkpoint_steps=2), "--resume"]
    rng = np.random.default_rng()
    kills = sorted(rng.choice(np.arange(1, STEPS), 2, replace=False).tolist())
    for step, number in zip(kills, (signal.SIGKILL, signal.SIGTERM), strict=True):
        process = forks.start(command)
        wait_for_step(out, step, process)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(number)
        ended = process.wait()
        assert ended in (0, {signal.SIGKILL: -9, signal.SIGTERM: 143}[number])
    last = forks.start(command)
    assert last.wait() == 0, last.shown
    assert digest(out) == digest(never_stopped.out), kills
    assert untimed(out) == untimed(never_stopped.out), kills


def test_resume_a_finished_run(never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    out.mkdir()
    for file in never_stopped.out.iterdir():
        (out / file.name).write_bytes(file.read_bytes())
    again = pretrain(small_corpus, out=out, resume=True, **configs(steps=None))
    assert again.state.step == STEPS
    assert digest(out) == digest(never_stopped.out)


def test_another_length_of_a_resumed_run_is_said(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain(small_corpus, out=tmp_path / "run", **configs(steps=2))
    for steps, said in ((None, False), (2, False), (1, True)):
        capsys.readouterr()
        pretrain(small_corpus, out=tmp_path / "run", resume=True, **configs(steps=steps))
        assert ("the run's length was 2 steps, and is 1 steps from now on" in capsys.readouterr().err) == said


def test_init(never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path) -> None:
    start = load(never_stopped.out)
    changed = {"steps": 2, "init": str(never_stopped.out), "learning_rate": 0.0}
    run = pretrain(small_corpus, out=tmp_path / "run", **configs(**changed))
    for name, parameter in load(run.out).network.named_parameters():
        assert torch.equal(parameter, start.network.get_parameter(name)), name
    assert Checkpoint.load(run.out / "checkpoint.safetensors").options["init"] == start.sha256
    with pytest.raises(InputError, match=rf"--init {start.sha256} \(given: none\)"):
        pretrain(small_corpus, out=run.out, resume=True, **configs(steps=2, learning_rate=0.0))


def test_options_of_a_checkpoint(small_corpus: Path, tmp_path: Path) -> None:
    changed = options(steps=2, pooling="all", drop_splice=0.3, drop_tracks=0.3)
    run = pretrain(small_corpus, out=tmp_path / "run", **configs(**changed))
    assert load(run.out).dim == sum([8, 8, 8, 16])
    recipe = Checkpoint.load(run.out / "checkpoint.safetensors").options
    for name in ("pooling", "drop_splice", "drop_tracks", "batch_size", "learning_rate", "val_fraction"):
        assert recipe[name] == changed[name], name


def test_pooling_of_a_continued_model(small_corpus: Path, tmp_path: Path) -> None:
    first = pretrain(small_corpus, out=tmp_path / "first", **configs(steps=1, pooling="all"))
    continued = configs(steps=2, init=str(first.out))
    run = pretrain(small_corpus, out=tmp_path / "run", **continued)
    assert load(run.out).network.architecture.pooling == "all"
    again = pretrain(small_corpus, out=run.out, resume=True, **continued)
    assert again.state.step == 2
    other = pretrain(small_corpus, out=tmp_path / "other", **configs(steps=1, init=str(first.out), pooling="last"))
    assert load(other.out).network.architecture.pooling == "last"


def test_an_encoder_learns(make_corpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "isoclr-s", Architecture((16, 32, 32, 64), (1, 1, 1, 1), (1, 2, 4, 8)))
    monkeypatch.setattr("isoclr.pretraining.model.ProjectionHead", partial(ProjectionHead, hidden=256, out=64))
    corpus = make_corpus(160, length=120, evenness=0.7)
    run = pretrain(
        corpus, out=tmp_path / "run", **configs(steps=40, batch_size=31, learning_rate=0.012, validate_every=20)
    )
    records = [r for r in read_log(run.out / "log.jsonl") if "val_loss" in r]
    first, last = records[0], records[-1]
    assert last["val_pairs"] == 36
    assert last["val_loss"] < first["val_loss"] - 2
    # an encoder that spreads RNAs evenly without knowing partners cannot come below this
    assert last["val_loss"] < 2 * math.log(35) - 0.3
    assert last["val_retrieval"] > 10 / 36  # ten times chance


def test_existing_directory(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already; add --resume"):
        pretrain(small_corpus, out=tmp_path, **configs())
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_resume_a_foreign_directory(small_corpus: Path, tmp_path: Path) -> None:
    """Another model's directory would lose its weights when the run ends."""
    (tmp_path / "model.safetensors").write_text("mine")
    for out in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(InputError, match="is no run to resume"):
            pretrain(small_corpus, out=out, resume=True, **configs())
    with pytest.raises(InputError, match="is a file, expected a folder"):
        pretrain(small_corpus, out=tmp_path / "model.safetensors" / "run", **configs())
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_resume_with_other_options(never_stopped: PretrainResult, small_corpus: Path) -> None:
    with pytest.raises(InputError, match=r"--mask 0\.15 \(given: 0\.3\)"):
        pretrain(small_corpus, out=never_stopped.out, resume=True, **configs(mask=0.3))


def test_resume_a_checkpoint_that_is_older_than_an_option(
    never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    shutil.copytree(never_stopped.out, out)
    checkpoint = Checkpoint.load(out / "checkpoint.safetensors")
    older = {name: value for name, value in checkpoint.options.items() if name != "in_silico_isoforms"}
    monkeypatch.setattr(Checkpoint, "load", lambda _: replace(checkpoint, options=older))
    pretrain(small_corpus, out=out, resume=True, **configs(steps=None))
    with pytest.raises(InputError, match=r"--no-in-silico-isoforms \(given: --in-silico-isoforms\)"):
        pretrain(small_corpus, out=out, resume=True, **configs(in_silico_isoforms=True))


def test_resume_with_another_corpus(never_stopped: PretrainResult, make_corpus: Any) -> None:
    with pytest.raises(InputError, match="was trained on another corpus"):
        pretrain(make_corpus(24, seed=1), out=never_stopped.out, resume=True, **configs())


def test_resume_a_damaged_checkpoint(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not readable as safetensors") as error:
        pretrain(small_corpus, out=tmp_path, resume=True, **configs())
    assert "\n" not in str(error.value)


def test_minutes(small_corpus: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    run = pretrain(small_corpus, out=tmp_path / "run", **configs(steps=None, minutes=0.01, val_fraction=0))
    assert 0.6 <= run.state.seconds < time.monotonic() - began + 0.01
    rates = [record["learning_rate"] for record in read_log(run.out / "log.jsonl")]
    assert rates[-1] < max(rates) or len(rates) < 3


def test_killed_rank(small_corpus: Path, forks: Forks, free_port: Callable[[], int], tmp_path: Path) -> None:
    """The other rank ends in one line, and the job goes on from its checkpoint, of another length."""
    out = tmp_path / "run"
    words = [*as_arguments(small_corpus, out, steps=10**6, checkpoint_steps=2), "--resume"]
    ranks = forks.start_ranks(free_port(), 2, words)
    wait_for_step(out, 2, ranks[0])
    ranks[1].send_signal(signal.SIGKILL)
    assert ranks[0].wait() == 2
    assert "isoclr: error: rank 0 of 2 has lost another process of the job" in ranks[0].shown
    assert "--resume" in ranks[0].shown
    assert not (out / "model.safetensors").exists()

    done = read_log(out / "log.jsonl")[-1]["step"]
    words = [*as_arguments(small_corpus, out, steps=done + 2), "--resume"]
    for rank in forks.start_ranks(free_port(), 2, words):
        assert rank.wait() == 0, rank.shown
    assert [r["step"] for r in read_log(out / "log.jsonl") if "loss" in r] == list(range(1, done + 3))
    assert load(out).dim == 16


METRICS = {"step": 20.0, "loss": 1.25, "retrieval": 0.5, "alignment": 0.125, "uniformity": -2.0, "pairs": 36.0}


def result(stopped_by: int = 0) -> PretrainResult:
    state = RunState(20, 1_234_567, 90, 3.5, METRICS)
    return PretrainResult(Path("RUN"), state, 8, 60, stopped_by)


def test_printed_result(capsys: pytest.CaptureFixture[str]) -> None:
    result().print()
    out, err = capsys.readouterr()
    for shown in ("1,234,567", "2.5", "3.500", "36", "0.500", "-2"):
        assert shown in out
    assert "the encoder is in RUN" in err
    assert result().exit_code == 0
    (row,) = result().rows()
    assert (row["steps"], row["val_retrieval"]) == (20, 0.5)


@pytest.mark.parametrize("number", [15, 2])
def test_printed_result_of_a_stopped_run(capsys: pytest.CaptureFixture[str], number: int) -> None:
    stopped = result(stopped_by=number)
    assert stopped.exit_code == 128 + number
    stopped.print()
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize("rank", ["0", "1"])
def test_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rank: str) -> None:
    """Options reach the configs, a recipe gives defaults, and only the first rank prints."""
    seen: dict[str, Any] = {}

    def pretrain(
        corpus: Path,
        *,
        out: Path,
        config: PretrainConfig = PretrainConfig(),
        budget: Budget = Budget(),
        runtime: PretrainRuntime = PretrainRuntime(),
        logging: LoggingConfig = LoggingConfig(),
        resume: bool = False,
    ) -> PretrainResult:
        """Record the options."""
        seen.update(locals())
        return result()

    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr("isoclr.pretraining.pretrain.pretrain", pretrain)
    command = ["pretrain", "C", "-o", "RUN", "--config", "isoclr-s.v1", "--steps", "20"]
    command += ["--mask", "0.3", "--compile", "off", "--log-every", "5", "--resume"]
    assert main(command) == 0
    assert (seen["corpus"], seen["out"], seen["resume"]) == (Path("C"), Path("RUN"), True)
    config: PretrainConfig = seen["config"]
    assert (config.mask, config.aux_weight, config.batch_size) == (0.3, 30, 64)
    assert seen["budget"] == Budget(steps=20)
    assert seen["runtime"] == PretrainRuntime(compile="off")
    assert seen["logging"] == LoggingConfig(log_every=5, validate_every=250)
    assert ("1,234,567" in capsys.readouterr().out) == (rank == "0")


def test_missing_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, run = tmp_path / "none", tmp_path / "run"
    assert main(["pretrain", str(corpus), "--out", str(run), "--steps", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"isoclr: error: {corpus}: ")
    assert err.count("\n") == 1
    assert not run.exists()


def test_invalid_minutes(small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(["pretrain", str(small_corpus), "-o", str(out), "--minutes=nan"]) == 2
    err = capsys.readouterr().err
    assert "--minutes" in err
    assert err.count("\n") == 1
    assert not out.exists()


def test_changed_corpus(make_corpus: Any, tmp_path: Path) -> None:
    corpus = make_corpus(24)
    codes = bytearray((corpus / "codes.bin").read_bytes())
    codes[100] ^= 1
    (corpus / "codes.bin").write_bytes(codes)
    with pytest.raises(InputError, match=r"codes\.bin: SHA-256"):
        pretrain(corpus, out=tmp_path / "run", **configs())
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_few_pairs_are_warned_about(
    small_corpus: Path, make_corpus: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain(small_corpus, out=tmp_path / "many", **configs(steps=1))
    assert "warning" not in capsys.readouterr().err
    pretrain(make_corpus(24, largest=1), out=tmp_path / "few", **configs(steps=1))
    err = " ".join(capsys.readouterr().err.split())
    assert "warning: only 0.0% of the gene sets" in err
    assert "--homology" in err
    assert "--init isoclr-s" in err


def test_average_is_saved_and_resumed_bit_for_bit(
    small_corpus: Path, never_stopped: PretrainResult, forks: Forks, tmp_path: Path
) -> None:
    whole = pretrain(small_corpus, out=tmp_path / "whole", **configs(ema=0.9))
    plain = never_stopped
    saved, now = load(whole.out).network.state_dict(), load(plain.out).network.state_dict()
    assert any(not torch.equal(saved[name], now[name]) for name in now)
    assert whole.state.validation != plain.state.validation
    assert whole.state.loss == plain.state.loss  # averaging does not change the training
    tensors = Checkpoint.load(whole.out / "checkpoint.safetensors").tensors
    for name, tensor in saved.items():
        assert torch.equal(tensors["ema." + name], tensor), name

    out = tmp_path / "stopped"
    process = forks.start([*as_arguments(small_corpus, out, ema=0.9, checkpoint_steps=3)])
    wait_for_step(out, 4, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    pretrain(small_corpus, out=out, resume=True, **configs(ema=0.9))
    assert digest(out) == digest(whole.out)
    with pytest.raises(InputError, match=r"--ema 0\.9 \(given: 0\.0\)"):
        pretrain(small_corpus, out=out, resume=True, **configs())


def test_imports_of_loading_and_training(small_corpus: Path, never_stopped: PretrainResult, tmp_path: Path) -> None:
    """A GPU node has torch, numpy, safetensors, jaxtyping, msgspec and rich; loading from disk needs not even those."""
    code = f"""
import sys
for absent in ("polars", "pysam", "scipy", "sklearn", "tyro", "pandas", "matplotlib", "huggingface_hub"):
    sys.modules[absent] = None
import isoclr
isoclr.load({str(never_stopped.out)!r})
slow = [name for name in ("httpx", "httpx2", "requests", "rich", "torch._dynamo") if name in sys.modules]
from isoclr.models import encoder, resnet
encoder.MODELS["isoclr-s"] = resnet.Architecture(*{NARROW})
from isoclr.pretraining.config import Budget, PretrainConfig, PretrainRuntime
run = isoclr.pretrain(
    {str(small_corpus)!r}, out={str(tmp_path / "run")!r}, config=PretrainConfig(batch_size=4),
    budget=Budget(steps=1), runtime=PretrainRuntime(device="cpu"),
)
print(run.state.step, slow)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("1 []\n", 0), done.stderr
