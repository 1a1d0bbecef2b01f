from typing import Any

import numpy as np
import pytest
import torch

from isoclr.embedding.embed import encoder_embedder
from isoclr.errors import InputError, IsoclrError
from isoclr.models.encoder import MODELS, create
from isoclr.models.packing import STRIDE, pack
from isoclr.training.device import (
    RuntimeConfig,
    Switch,
    activation_bytes,
    activation_dtype,
    matmul_precision,
    plan_memory,
    reraise_out_of_memory,
    resolve_device,
)

CPU = torch.device("cpu")


def test_given_precision() -> None:
    assert activation_dtype("bf16", CPU) == torch.bfloat16
    assert activation_dtype("float32", CPU) == torch.float32


@pytest.mark.parametrize(("major", "dtype"), [(7, torch.float32), (8, torch.bfloat16)])
def test_auto_precision_on_gpus(monkeypatch: pytest.MonkeyPatch, major: int, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (major, 0))
    assert activation_dtype("auto", torch.device("cuda")) == dtype


@pytest.mark.parametrize(("has", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_auto_precision_on_cpus(monkeypatch: pytest.MonkeyPatch, has: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    assert activation_dtype("auto", CPU) == dtype


@pytest.mark.parametrize("has", [False, True])
def test_slow_bf16_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    encoder = create("isoclr-xs")
    activation_dtype("auto", CPU)
    encoder_embedder(encoder, device="cpu")
    assert "bf16" not in capsys.readouterr().err
    activation_dtype("bf16", CPU)
    encoder_embedder(encoder, device="cpu", precision="bf16")
    assert capsys.readouterr().err.count("this processor has no instructions for bf16") == (0 if has else 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"threads": 0}, "--threads is 0, expected at least 1"), ({"device": None}, "--device is None")],
)
def test_runtime_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RuntimeConfig(**options)


@pytest.mark.parametrize("device", ["tpu9", "meta"])  # PyTorch knows meta, and computes nothing on it
def test_unknown_device(device: str) -> None:
    with pytest.raises(InputError, match=f"--device is '{device}'"):
        resolve_device(device)


def test_a_gpu_is_called_cuda() -> None:
    with pytest.raises(InputError, match=r"^--device is 'gpu', expected auto, cpu, cuda \(a GPU\), cuda:1, …$"):
        resolve_device("gpu")


def settings() -> tuple[str, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("dtype", "expected"), [(torch.bfloat16, ("high", True)), (torch.float32, ("highest", False))])
def test_matmul_precision_on_a_gpu(dtype: torch.dtype, expected: tuple[str, bool]) -> None:
    before = settings()
    with matmul_precision(dtype, torch.device("cuda")):
        assert settings() == expected
    assert settings() == before


def test_matmul_precision_on_a_cpu() -> None:
    before = settings()
    with matmul_precision(torch.bfloat16, CPU):
        assert settings() == before


CUDA = torch.device("cuda", 0)
SMALL = MODELS["isoclr-s"]
BATCH = 4_500_000


def tuned(device: torch.device, model: str = "isoclr-s", nt: int = BATCH, **options: object):  # type: ignore[no-untyped-def]
    return plan_memory(
        MODELS[model],
        device=device,
        dtype=torch.bfloat16,
        nt=nt,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def gigabytes(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Free memory of a pretended GPU, in GB."""
    memory = {"free": 140.0}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (memory["free"] * 1e9, memory["free"] * 1e9))
    return memory


def test_plan_on_a_cpu() -> None:
    found = tuned(CPU)
    assert (found.packing.chunk_nt, found.packing.round_to) == (32_768, 4_096)
    assert tuned(CPU, "isoclr-l").packing.round_to == STRIDE
    assert (found.activation_checkpointing, found.compile) == (True, False)
    assert found.packing.gap == SMALL.gap


def test_plan_on_a_gpu(gigabytes: dict[str, float]) -> None:
    found = tuned(CUDA)
    assert found.packing.chunk_nt > 1.5 * BATCH
    assert found.packing.round_to == 131_072
    assert (found.activation_checkpointing, found.compile) == (False, True)


def test_plan_on_a_small_gpu(gigabytes: dict[str, float]) -> None:
    gigabytes["free"] = 12.0  # IsoCLR-S keeps about 8 GB of such a batch
    assert tuned(CUDA).activation_checkpointing
    assert not tuned(CUDA, nt=BATCH // 4).activation_checkpointing


@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize(("switch", "expected"), [("on", True), ("off", False)])
def test_given_plan(gigabytes: dict[str, float], device: torch.device, switch: Switch, expected: bool) -> None:
    found = tuned(device, chunk_nt=1000, activation_checkpointing=switch, compile=switch)
    assert (found.packing.chunk_nt, found.activation_checkpointing, found.compile) == (1000, expected, expected)


@pytest.mark.parametrize("nt", [1, 31, 5000, 10**6, 10**8])
def test_widths_on_a_gpu(gigabytes: dict[str, float], nt: int) -> None:
    step = tuned(CUDA, nt=nt).packing.round_to
    assert step % STRIDE == 0
    assert step <= max(STRIDE, nt / 16)
    assert min(nt, 2**23) / step <= 64


def test_widths_without_packing(gigabytes: dict[str, float]) -> None:
    found = tuned(CUDA, "isoclr-l").packing
    assert (found.gap, found.round_to) == (None, 512)


@pytest.mark.parametrize(("model", "dtype"), [("isoclr-s", torch.bfloat16), ("isoclr-m", torch.float32)])
def test_activation_bytes(model: str, dtype: torch.dtype) -> None:
    network = create(model, seed=0).network.train()
    rnas = [np.random.default_rng(0).integers(0, 4, n).astype(np.uint8) for n in (3000, 6000)]
    chunks, _ = pack(rnas, gap=network.architecture.gap, chunk_nt=2**20)
    kept = {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = network(chunks, dtype)
    assert result.requires_grad
    nt = sum(chunk.codes.numel() for chunk in chunks)
    assert 0.7 < sum(kept.values()) / nt / activation_bytes(MODELS[model], dtype) < 1.05


def test_out_of_memory_is_one_line() -> None:
    with (
        pytest.raises(IsoclrError, match=r"--activation-checkpointing on.*out of memory\. Tried") as error,
        reraise_out_of_memory(),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 GiB")
    assert "\n" not in str(error.value)


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "empty", lambda *_, **__: torch.zeros(1))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for local, expected in (("0", 0), ("1", 1)):
        monkeypatch.setenv("LOCAL_RANK", local)
        assert resolve_device("cuda") == torch.device("cuda", expected)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="process 3 of this machine has no GPU of its own, found 2"):
        resolve_device("cuda")
