"""AnnData in and out, and scanpy on it."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError

anndata: Any = pytest.importorskip("anndata")
pd: Any = pytest.importorskip("pandas")
from isoclr.integrations.anndata import add_embeddings  # noqa: E402

META = {"model": "m", "sha256": "ab", "n_tracks": "6", "pooling": "all", "precision": "float32"}


def embeddings(ids: list[str], genes: list[str], species: list[str] | None = None) -> Embeddings:
    n = len(ids)
    table = pl.DataFrame(
        {
            "transcript_id": ids,
            "gene_id": genes,
            "gene_symbol": [""] * n,
            "species": species or ["human"] * n,
            "length": list(range(100, 100 + n)),
            "cds_length": [0] * n,
            "cds_source": ["none"] * n,
            "canonical": [True] * n,
        }
    )
    matrix = np.random.default_rng(0).normal(size=(n, 60)).astype(np.float32)
    return Embeddings(table, matrix, {**META, "isoclr": "0"})


def test_repeated_ids_survive_a_file(tmp_path: Path) -> None:
    ours = embeddings(["a", "a", "b"], ["g", "h", "i"], ["human", "mouse", "human"])
    data = ours.to_anndata()
    assert list(data.obs_names) == ["a", "a-1", "b"]
    write(tmp_path / "e.h5ad", ours)
    again = read_embeddings(tmp_path / "e.h5ad")
    assert again.table.equals(ours.table)
    assert np.array_equal(again.matrix, ours.matrix)


def test_scanpy_takes_the_file_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages' imports
        sc: Any = pytest.importorskip("scanpy")
        pytest.importorskip("igraph")
    ids = [f"t{i}" for i in range(90)]
    write(tmp_path / "e.h5ad", embeddings(ids, ids))
    data = sc.read_h5ad(tmp_path / "e.h5ad")
    capfd.readouterr()
    sc.pp.neighbors(data, use_rep="X", metric="cosine")
    sc.tl.leiden(data, flavor="igraph", n_iterations=2, directed=False)
    assert data.obs["leiden"].nunique() >= 1
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_embeddings_are_added_by_transcript_and_by_gene() -> None:
    ids, genes = [f"ENST0000000000{i}" for i in range(3)], ["ENSG00000000001", "ENSG00000000002"]
    ours = embeddings([f"{one}.2" for one in ids], [f"{genes[i]}.7" for i in (0, 0, 1)])
    names = [genes[0], f"{ids[0]}.9", f"{genes[1]}.1", "unknown"]
    data = anndata.AnnData(np.ones((2, 4), np.float32), var=pd.DataFrame(index=names))
    assert add_embeddings(data, ours) == 3
    added = data.varm["X_isoclr"]
    assert np.array_equal(added[:3], ours.matrix[[1, 0, 2]])  # the longer of the first gene
    assert np.isnan(added[3]).all()
    used = data.var["X_isoclr_transcript"].to_list()
    assert used == [*(ours.ids[i] for i in (1, 0, 2)), ""]
    assert data.uns["X_isoclr"]["model"] == "m"
    data.obs["rna"] = [ids[2], ids[0]]
    assert add_embeddings(data, ours, axis="obs", column="rna", key="e") == 2
    assert np.array_equal(data.obsm["e"], ours.matrix[[2, 0]])


def test_what_cannot_be_added_is_named() -> None:
    data = anndata.AnnData(np.ones((1, 1), np.float32), var=pd.DataFrame(index=["g1"]))
    with pytest.raises(InputError, match="none of the 1 ids of var"):
        add_embeddings(data, embeddings(["x"], ["y"]))
    with pytest.raises(InputError, match="no column 'gene'"):
        add_embeddings(data, embeddings(["x"], ["y"]), column="gene")
    with pytest.raises(InputError, match="several species"):
        add_embeddings(data, embeddings(["x", "z"], ["g1", "g1"], ["human", "mouse"]))


def test_sequences_of_an_anndata_are_embedded(tmp_path: Path) -> None:
    model = isoclr.create("isoclr-s", seed=0)
    var = pd.DataFrame({"sequence": ["AUGGC", "GGAC"]}, index=["a", "b"])
    data: Any = anndata.AnnData(np.ones((3, 2), np.float32), var=var)
    found = isoclr.embed(data, model=model)
    assert found.ids == ["a", "b"]
    data.obs["seq"] = ["A", "C", "G"]
    with pytest.raises(InputError, match="both obs and var"):
        isoclr.embed(data, model=model)
