"""The ONNX file, run by ONNX Runtime, against the encoder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoclr
from isoclr.cli import main
from isoclr.errors import MissingExtraError
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import Encoder
from isoclr.models.onnx import to_onnx

runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def embed(content: bytes | str, codes: list[Codes], extra: int = 0) -> Any:
    """Embeddings of one padded batch; what stands in the padding is arbitrary."""
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    lengths = np.array([len(one) for one in codes])
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 5, (len(codes), lengths.max() + extra)).astype(np.uint8)
    for row, one in zip(batch, codes, strict=True):
        row[: len(one)] = one
    (embeddings,) = session.run(["embedding"], {"codes": batch, "lengths": lengths})
    return embeddings


def random_codes(*lengths: int) -> list[Codes]:
    """Codes with all nucleotides, codon starts and exon ends."""
    rng = np.random.default_rng(1)
    marks = np.array([0, 0, 8, 16, 24])
    return [(rng.integers(0, 5, n) + rng.choice(marks, n)).astype(np.uint8) for n in lengths]


@pytest.mark.parametrize(("growing", "tracks"), [(False, 6), (True, 4)])
@pytest.mark.parametrize("pooling", ["last", "all", "last-sqrt", "all-std", "all-std-sqrt"])
def test_equals_the_encoder_in_padded_batches(
    small_encoder: Callable[..., Encoder], pooling: str, growing: bool, tracks: int
) -> None:
    model = small_encoder(pooling, growing=growing, tracks=tracks)
    codes = random_codes(1, 2, 31, 32, 33, 500, 1001)
    content = to_onnx(model)
    expected = model.embed_codes(codes)
    for extra in (0, 1, 30):
        np.testing.assert_allclose(embed(content, codes, extra), expected, rtol=1e-5, atol=1e-5)


def test_the_command_writes_the_model_that_ships(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert main(["export", "isoclr-s", "--onnx", str(path)]) == 0
    model, codes = isoclr.load("isoclr-s"), random_codes(700, 90)
    assert np.abs(embed(str(path), codes) - model.embed_codes(codes)).max() < 1e-5
    found = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_modelmeta()
    assert found.custom_metadata_map == {"model": "isoclr-s", "sha256": model.sha256}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--onnx", "new.onnx"], "nowhere"),
        (["isoclr-s", "--onnx", "old.onnx"], "old.onnx: exists"),
        (["isoclr-s", "--onnx", "a/new.txt"], "unknown format, expected a name that ends in .onnx"),
        (["isoclr-s", "--onnx", "a.onnx/"], "is a directory"),
    ],
)
def test_bad_input_writes_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.onnx").write_text("old")
    Path("a.onnx").mkdir()
    assert main(["export", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.onnx", "old.onnx"]
    assert Path("old.onnx").read_text() == "old"


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"onnx: pip install 'isoclr\[onnx\]'"):
        to_onnx(isoclr.create("isoclr-s", seed=0))
