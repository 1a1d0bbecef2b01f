"""``--model``: ours, or a language model of other groups with a folder of its files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import isoclr
from isoclr.baselines.language_models import open_language_model
from isoclr.baselines.language_models.rna_fm import RnaFM
from isoclr.baselines.language_models.settings import Settings
from isoclr.embedding import embed, read_embeddings
from isoclr.embedding.opening import OpenModel, open_model
from isoclr.embedding.sources import read_rnas
from isoclr.errors import InputError

CONFIG = {
    "vocab_size": 9,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 66,
}


@pytest.fixture
def rna_fm(tmp_path: Path) -> Path:
    """A folder with a tiny RNA-FM."""
    folder = tmp_path / "rna-fm"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(["<pad>", "<cls>", "<eos>", "<unk>", *"ACGUN"]))
    torch.manual_seed(0)
    network = RnaFM(Settings(folder / "config.json", CONFIG))
    for value in network.state_dict().values():
        nn.init.normal_(value)
    save_file(network.state_dict(), folder / "model.safetensors")
    return folder


def opened(model: str, **options: Any) -> OpenModel:
    given = {"revision": None, "model_dir": None, "chunk_nt": None, "precision": "float32"}
    return open_model(model, device=torch.device("cpu"), **{**given, **options})


def test_a_language_model_embeds_a_fasta_as_ours_do(
    fasta: Path, rna_fm: Path, tmp_path: Path
) -> None:
    out = embed((fasta,), model="rna-fm", model_dir=rna_fm, out=tmp_path / "e.parquet", orf=False)
    read = read_embeddings(out)
    lm = open_language_model("rna-fm", directory=rna_fm)
    (rnas,) = read_rnas([fasta], species="", genome=None, annotation=[], orf=False)
    assert read.table.equals(rnas.table)
    expected = lm.embed([rnas.codes_of(i) for i in range(len(rnas))])
    assert read.matrix == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert read.meta == {
        "model": "rna-fm",
        "sha256": lm.sha256,
        "n_tracks": "4",
        "pooling": "mean",
        "precision": "float32",
        "isoclr": isoclr.__version__,
    }


def test_precision_and_chunks_reach_a_language_model(rna_fm: Path) -> None:
    whole = opened("rna-fm", model_dir=rna_fm)
    half = opened("rna-fm", model_dir=rna_fm, precision="bf16", chunk_nt=1024)
    codes = [np.arange(40, dtype=np.uint8) % 4, np.arange(9, dtype=np.uint8) % 3]
    one, other = whole.embed_codes(codes), half.embed_codes(codes)
    assert (one.shape, whole.dim, whole.tracks) == ((2, 8), 8, 4)
    assert not np.array_equal(one, other)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_a_folder_named_like_a_language_model_is_still_what_was_asked_for(
    rna_fm: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opened("rna-fm", model_dir=rna_fm).name == "rna-fm"
    assert opened(str(model)).name == "isoclr-s"


def test_what_does_not_go_together_is_one_line(rna_fm: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"--model isoclr-s is no language model"):
        opened("isoclr-s", model_dir=rna_fm)
    with pytest.raises(InputError, match="has no revision 'main'"):
        opened(str(model), revision="main")
    with pytest.raises(InputError, match="has no revision 'main'"):
        opened("rna-fm", model_dir=rna_fm, revision="main")
    with pytest.raises(InputError, match=r"nt-500m-1000g: no commit of .* is known"):
        opened("nt-500m-1000g")
