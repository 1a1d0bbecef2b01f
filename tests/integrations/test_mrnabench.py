"""Our encoder within mRNABench's own code."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, Codes, letters
from isoclr.models.encoder import Encoder


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, with its configuration in a folder of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return pytest.importorskip("mrna_bench")


def frame_of(rnas: list[Codes]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sequence": [letters(one) for one in rnas],
            "cds": [((one & CODON_START) > 0).astype(np.int8) for one in rnas],
            "splice": [((one & EXON_END) > 0).astype(np.int8) for one in rnas],
        }
    )


def test_its_data_set_embedder_runs_our_model(
    bench: Any, rnas: list[Codes], encoder: Encoder, tmp_path: Path, capsys: Any
) -> None:
    from isoclr.integrations.mrnabench import register

    embedder: Any = pytest.importorskip("mrna_bench.embedder")
    folder = encoder.save(tmp_path / "my_model")
    register()
    model = bench.load_model("IsoCLR", str(folder), torch.device("cpu"))
    assert model.short_name == "my-model"
    assert torch.is_grad_enabled()
    found = embedder.DatasetEmbedder.from_dataframe(model, frame_of(rnas)).embed_dataset()
    found = found if isinstance(found, torch.Tensor) else torch.stack(found)
    assert np.allclose(found, encoder.embed_codes(rnas), atol=1e-5)
    assert os.environ["HOME"] == str(tmp_path)


def test_both_interfaces(bench: Any, rnas: list[Codes], encoder: Encoder) -> None:
    from isoclr.integrations.mrnabench import IsoCLR

    model, frame = IsoCLR(encoder), frame_of(rnas)
    tracks = frame["cds"].to_list(), frame["splice"].to_list()
    many = torch.stack(model.embed(frame["sequence"].to_list(), *tracks))
    one = model.embed_sequence_sixtrack(frame["sequence"][0], tracks[0][0], tracks[1][0])
    assert np.allclose(many[0], one[0], atol=1e-5)
    assert one.shape == (1, encoder.dim)
    bare = model.embed_sequence(frame["sequence"][0])
    assert not np.allclose(bare, one, atol=1e-2)
    largest = model.embed([frame["sequence"][0]], agg_fn=lambda x: x.max(0).values)
    assert largest[0].shape == (encoder.network.architecture.dim,)
    with pytest.raises(InputError, match="cds has 1 values"):
        model.embed([frame["sequence"][0]], [np.ones(1, np.int32)])
