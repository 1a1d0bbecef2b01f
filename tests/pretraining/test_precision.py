import pytest
import torch

from isoclr.errors import InputError
from isoclr.pretraining.precision import activation_dtype, products_for

CPU = torch.device("cpu")


def test_what_is_asked_for() -> None:
    assert activation_dtype("bf16", CPU) == torch.bfloat16
    assert activation_dtype("float32", CPU) == torch.float32


@pytest.mark.parametrize(("major", "dtype"), [(7, torch.float32), (8, torch.bfloat16)])
def test_auto_is_bf16_on_gpus_that_have_it(
    monkeypatch: pytest.MonkeyPatch, major: int, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (major, 0))
    assert activation_dtype("auto", torch.device("cuda")) == dtype


@pytest.mark.parametrize(("has", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_auto_is_bf16_on_cpus_that_have_it(
    monkeypatch: pytest.MonkeyPatch, has: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    assert activation_dtype("auto", CPU) == dtype


def test_unknown() -> None:
    with pytest.raises(InputError, match="--precision is 'fp8', expected auto, bf16 or float32"):
        activation_dtype("fp8", CPU)


def settings() -> tuple[str, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.bfloat16, ("high", True)), (torch.float32, ("highest", False))],
)
def test_float32_products_on_a_gpu_are_as_exact_as_the_activations(
    dtype: torch.dtype, expected: tuple[str, bool]
) -> None:
    before = settings()
    with products_for(dtype, torch.device("cuda")):
        assert settings() == expected
    assert settings() == before


def test_a_cpu_multiplies_as_ever() -> None:
    before = settings()
    with products_for(torch.bfloat16, CPU):
        assert settings() == before
