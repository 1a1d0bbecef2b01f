"""Whole runs: they learn, stop, resume and write what they should."""

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.models.load import load
from isoclr.pretraining import trainer as checkpoint
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.pretrain import CorpusOn, Machine, PretrainResult, pretrain, set_up
from isoclr.training.distributed import Distributed
from isoclr.training.logging import read

RECIPE = PretrainConfig(batch_size=8, held_out=0.3, precision="float32")


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)


def test_a_step_can_be_done_with_what_is_prepared(corpus: Corpus) -> None:
    said: list[str] = []
    made = set_up(corpus, RECIPE, Distributed(), Machine(chunk_nt=4096), say=said.append)
    result = made.learner.step(made.batch_of(0), 0, 0.001).result()
    assert result.loss > 0
    assert made.held_out is not None
    assert made.learner.validate(made.held_out)["pairs"] == len(made.data.held_out)
    assert said == []  # a memory map takes no time


def test_the_machines_options_reach_network_and_chunks(corpus: Corpus) -> None:
    made = set_up(corpus, RECIPE, Distributed(), Machine(chunk_nt=512, recompute="off"), say=print)
    assert not made.learner.network.recompute
    assert made.tuning.packing.chunk_nt == 512
    assert all(chunk.codes.numel() <= 512 for chunk in made.batch_of(0).chunks)
    assert set_up(corpus, RECIPE, Distributed(), Machine(), say=print).learner.network.recompute


def test_the_packing_is_that_of_the_architecture(corpus: Corpus) -> None:
    made = set_up(
        corpus, PretrainConfig(model="isoclr-l", batch_size=8), Distributed(), Machine(), say=print
    )
    assert made.tuning.packing.gap is None
    assert all(len(c.starts) == len(c.codes) for c in made.batch_of(0).chunks)  # a row each


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@gpu
@pytest.mark.parametrize("where", ["device", "cpu"])
def test_a_gpu_has_the_batches_of_a_cpu(corpus: Corpus, where: CorpusOn) -> None:
    on_cpu = set_up(corpus, RECIPE, Distributed(), Machine(chunk_nt=2**20), say=print)
    world = Distributed(device=torch.device("cuda", 0))
    machine = Machine(corpus_on=where, chunk_nt=2**20, compile="off")
    on_gpu = set_up(corpus, RECIPE, world, machine, say=print)
    for step in range(3):
        ours, theirs = on_gpu.batch_of(step), on_cpu.batch_of(step)
        assert ours.gene_sets.tolist() == theirs.gene_sets.tolist()
        for a, b in zip(ours.chunks, theirs.chunks, strict=True):
            assert a.codes.device == world.device
            nt = b.codes.numel()  # a GPU's chunk may be rounded up further
            assert torch.equal(a.codes.cpu().flatten()[:nt], b.codes.flatten())


@gpu
def test_nothing_waits_for_a_gpu_until_a_steps_figures_are_read(corpus: Corpus) -> None:
    world = Distributed(device=torch.device("cuda", 0))
    made = set_up(corpus, RECIPE, world, Machine(compile="off", recompute="off"), say=print)
    made.learner.step(made.batch_of(0), 0, 0.001).result()
    torch.cuda.set_sync_debug_mode("error")
    try:
        launched = made.learner.step(made.batch_of(1), 1, 0.001)
        made.batch_of(2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert launched.result().loss > 0


STEPS = 8
TIMED = {"seconds", "nt_per_second"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def options(**changed: Any) -> dict[str, Any]:
    return {
        "steps": STEPS,
        "batch_size": 8,
        "precision": "float32",
        "held_out": 0.3,
        "validate_every": 5,
        "learning_rate": 0.001,
        "threads": 1,
        **changed,
    }


def as_arguments(corpus: Path, out: Path, **changed: Any) -> list[str]:
    arguments = ["-m", "isoclr", "pretrain", str(corpus), "--out", str(out)]
    for name, value in options(**changed).items():
        arguments += ["--" + name.replace("_", "-"), str(value)]
    return arguments


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def untimed(run: Path) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in record.items() if name not in TIMED}
        for record in read(run / "log.jsonl")
    ]


def wait_for_step(run: Path, step: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the log says that a step is done, or the process has ended."""
    while process.poll() is None and not any(r["step"] >= step for r in read(run / "log.jsonl")):
        time.sleep(0.02)


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory, small_corpus: Path) -> PretrainResult:
    torch.set_num_threads(1)
    return pretrain(small_corpus, out=tmp_path_factory.mktemp("runs") / "whole", **options())


def test_a_run_leaves_a_model_a_checkpoint_and_a_log(never_stopped: PretrainResult) -> None:
    out = never_stopped.out
    assert {file.name for file in out.iterdir()} == {
        "checkpoint.safetensors",
        "config.json",
        "log.jsonl",
        "model.safetensors",
    }
    assert load(out).dim == 256
    assert (never_stopped.stopped_by, never_stopped.state.step) == (0, STEPS)


def test_the_log_tells_every_step_and_every_validation(never_stopped: PretrainResult) -> None:
    records = read(never_stopped.out / "log.jsonl")
    steps = [record for record in records if "loss" in record]
    assert [record["step"] for record in steps] == list(range(1, STEPS + 1))
    assert [r["step"] for r in records if "held_out_retrieval" in r] == [5, STEPS]
    assert sum(record["nt"] for record in steps) == never_stopped.state.nt
    rates = [record["learning_rate"] for record in steps]
    assert rates.index(max(rates)) in range(2, 7)
    assert rates[-1] < rates[0]


def test_held_out_gene_sets_are_not_trained_on(never_stopped: PretrainResult) -> None:
    # 18 of the 24 families have two relatives or more
    assert never_stopped.gene_sets == 24 - round(0.3 * 18)
    assert never_stopped.state.validation is not None
    assert never_stopped.state.validation["pairs"] == round(0.3 * 18)


def test_killed_at_random_and_resumed_is_never_stopped(
    never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, *as_arguments(small_corpus, out, checkpoint_steps=2), "--resume"]
    rng = np.random.default_rng()
    kills = sorted(rng.choice(np.arange(1, STEPS), 2, replace=False).tolist())
    for step, number in zip(kills, (signal.SIGKILL, signal.SIGTERM), strict=True):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for_step(out, step, process)
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(number)
        ended = process.wait(timeout=120)
        assert ended in (0, {signal.SIGKILL: -9, signal.SIGTERM: 143}[number])
    subprocess.run(command, check=True, timeout=240, capture_output=True)
    assert digest(out) == digest(never_stopped.out), kills
    assert untimed(out) == untimed(never_stopped.out), kills


def test_a_finished_run_resumed_stays_as_it_is(
    never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    out.mkdir()
    for file in never_stopped.out.iterdir():
        (out / file.name).write_bytes(file.read_bytes())
    again = pretrain(small_corpus, out=out, resume=True, **options(steps=None))
    assert again.state.step == STEPS
    assert digest(out) == digest(never_stopped.out)


def test_a_run_starts_from_a_trained_model_and_says_which(
    never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path
) -> None:
    start = load(never_stopped.out)
    changed = options(steps=2, init=str(never_stopped.out), learning_rate=0.0)
    run = pretrain(small_corpus, out=tmp_path / "run", **changed)
    for name, parameter in load(run.out).network.named_parameters():
        assert torch.equal(parameter, start.network.get_parameter(name)), name
    assert checkpoint.load(run.out / "checkpoint.safetensors").recipe["init"] == start.sha256
    with pytest.raises(InputError, match=rf"--init {start.sha256} \(given: \)"):
        pretrain(small_corpus, out=run.out, resume=True, **options(steps=2, learning_rate=0.0))


def test_a_model_of_another_kind_is_no_start(
    never_stopped: PretrainResult, small_corpus: Path, tmp_path: Path
) -> None:
    changed = options(init=str(never_stopped.out), tracks=4)
    with pytest.raises(InputError, match="its number of tracks is 6, the run's is 4"):
        pretrain(small_corpus, out=tmp_path / "run", **changed)
    assert not (tmp_path / "run").exists()


def test_all_blocks_pooled_and_tracks_dropped(small_corpus: Path, tmp_path: Path) -> None:
    changed = options(steps=2, pooling="all", drop_splice=0.3, drop_tracks=0.3)
    run = pretrain(small_corpus, out=tmp_path / "run", **changed)
    assert load(run.out).dim == sum([64, 64, 128, 128, 128, 128, 256, 256])
    recipe = checkpoint.load(run.out / "checkpoint.safetensors").recipe
    for name in (
        "pooling",
        "drop_splice",
        "drop_tracks",
        "batch_size",
        "learning_rate",
        "held_out",
    ):
        assert recipe[name] == changed[name], name


@pytest.mark.slow
def test_an_encoder_learns_who_belongs_to_whom(make_corpus: Any, tmp_path: Path) -> None:
    corpus = make_corpus(160, length=300, evenness=0.7)
    run = pretrain(
        corpus,
        out=tmp_path / "run",
        **options(steps=60, batch_size=31, learning_rate=0.003, validate_every=10),
    )
    records = [r for r in read(run.out / "log.jsonl") if "held_out_loss" in r]
    first, last = records[0], records[-1]
    assert last["held_out_pairs"] == 36
    assert last["held_out_loss"] < first["held_out_loss"] - 3
    # an encoder that spreads RNAs evenly without knowing partners cannot come below this
    assert last["held_out_loss"] < 2 * math.log(35) - 0.3
    assert last["held_out_retrieval"] > 10 / 36  # ten times chance


def test_an_existing_run_is_not_overwritten(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already; add --resume"):
        pretrain(small_corpus, out=tmp_path, **options())
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("option", ["chunk_nt", "log_every", "validate_every"])
def test_an_option_below_one_is_named(small_corpus: Path, tmp_path: Path, option: str) -> None:
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')} is 0, expected at least 1"):
        pretrain(small_corpus, out=tmp_path / "run", **options(**{option: 0}))
    with pytest.raises(InputError, match="--threads 0: expected 1 or more"):
        pretrain(small_corpus, out=tmp_path / "run", **options(threads=0))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("minutes", [-1.0, float("nan")])
def test_a_time_that_never_comes_is_named(
    small_corpus: Path, tmp_path: Path, minutes: float
) -> None:
    with pytest.raises(InputError, match=r"--checkpoint-minutes is .*, expected at least 0"):
        pretrain(small_corpus, out=tmp_path / "run", **options(checkpoint_minutes=minutes))


def test_nothing_but_a_run_is_resumed(small_corpus: Path, tmp_path: Path) -> None:
    """Another model's directory would lose its weights when the run ends."""
    (tmp_path / "model.safetensors").write_text("mine")
    for out in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(InputError, match="is no run to resume"):
            pretrain(small_corpus, out=out, resume=True, **options())
    with pytest.raises(InputError, match="is a file, expected a folder"):
        pretrain(small_corpus, out=tmp_path / "model.safetensors" / "run", **options())
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_other_options_are_named(never_stopped: PretrainResult, small_corpus: Path) -> None:
    with pytest.raises(InputError, match=r"--mask 0\.15 \(given: 0\.3\)"):
        pretrain(small_corpus, out=never_stopped.out, resume=True, **options(mask=0.3))


def test_another_corpus_is_named(never_stopped: PretrainResult, make_corpus: Any) -> None:
    with pytest.raises(InputError, match="was trained on another corpus"):
        pretrain(make_corpus(24, seed=1), out=never_stopped.out, resume=True, **options())


def test_a_damaged_checkpoint_is_one_line(small_corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not readable as safetensors") as error:
        pretrain(small_corpus, out=tmp_path, resume=True, **options())
    assert "\n" not in str(error.value)


def test_a_corpus_too_small_to_contrast(make_corpus: Any, tmp_path: Path) -> None:
    corpus = make_corpus(3)
    with pytest.raises(InputError, match=r"1 gene sets to train on .*min-transcripts 3"):
        pretrain(corpus, out=tmp_path / "run", **options(min_transcripts=3, held_out=0))
    assert not (tmp_path / "run").exists()


def test_a_plan_in_minutes_ends_in_time(small_corpus: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    run = pretrain(
        small_corpus, out=tmp_path / "run", **options(steps=None, minutes=0.05, held_out=0)
    )
    assert 3 <= run.state.seconds < time.monotonic() - began + 0.01
    rates = [record["learning_rate"] for record in read(run.out / "log.jsonl")]
    assert rates[-1] < max(rates) or len(rates) < 3


def torchrun(corpus: Path, out: Path) -> "subprocess.Popen[bytes]":
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [sys.executable, *launcher, *as_arguments(corpus, out, checkpoint_steps=2), "--resume"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def ranks_of(process: "subprocess.Popen[bytes]") -> list[int]:
    """Process ids of torchrun's workers, by rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    environments = {int(c): Path(f"/proc/{c}/environ").read_bytes() for c in children}
    return [
        pid
        for rank in (0, 1)
        for pid, env in environments.items()
        if f"\0RANK={rank}\0".encode() in env
    ]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the ranks in /proc")
def test_a_killed_rank_ends_the_job_clearly_and_resume_goes_on(
    small_corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    job = torchrun(small_corpus, out)
    wait_for_step(out, 4, job)
    os.kill(ranks_of(job)[1], signal.SIGKILL)
    message = job.communicate(timeout=120)[1].decode()
    assert job.returncode != 0
    assert "isoclr: error: rank 0 of 2 has lost another process of the job" in message
    assert "--resume" in message
    assert not (out / "model.safetensors").exists()

    again = torchrun(small_corpus, out)
    message = again.communicate(timeout=240)[1].decode()
    assert again.returncode == 0, message
    assert [r["step"] for r in read(out / "log.jsonl") if "loss" in r] == list(range(1, STEPS + 1))
    assert json.loads((out / "config.json").read_text())["name"] == "isoclr-s"
    assert load(out).dim == 256
