from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoclr
from isoclr.cli import main
from isoclr.embedding.convert import convert
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.inputs import read_rnas
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError


def npz(path: Path, matrix: np.ndarray, **arrays: Any) -> Path:
    np.savez(path, embedding=matrix, **arrays)
    return path


def test_rows_of_a_fasta_in_order_get_its_genes_and_lengths(fasta: Path, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    path = npz(tmp_path / "mrnabench.npz", matrix)
    out = convert(path, out=tmp_path / "e.parquet", model_name="orthrus", metadata=fasta, species="cow")
    read = read_embeddings(out)
    (rnas,) = read_rnas([fasta], species="cow", genome=None, annotation=[], orf=True)
    assert read.table.equals(rnas.table)
    assert (read.matrix == matrix).all()
    assert read.meta["model"] == "orthrus"


def test_ids_are_found_in_a_corpus_and_the_unknown_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(f">t{i} gene:g{i // 2}\n{'ACGT' * 9}{'C' * i}\n" for i in range(4))
    (tmp_path / "a.fa").write_text(text)
    corpus = isoclr.build(out=tmp_path / "corpus", species="human", transcripts=tmp_path / "a.fa")
    ids = np.array(["t2", "nobody", "t0"])
    path = npz(tmp_path / "e.npz", np.eye(3), transcript=ids)
    out = convert(path, out=tmp_path / "e.npz.parquet", metadata=corpus.path, species="mouse")
    shown = capsys.readouterr().err
    assert f"1 of 3 RNAs are not in {corpus.path}" in shown
    assert "3 RNAs × 3, e" in shown
    table = read_embeddings(out).table
    assert table["species"].to_list() == ["human", "mouse", "human"]
    assert table["length"].to_list() == [38, 0, 36]
    assert table["gene_id"][1] == "nobody"
    assert table["gene_id"][0] != table["gene_id"][2]


def test_embeddings_with_ids_are_read_as_they_are_and_said_to_have_no_genes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = npz(tmp_path / "e.npz", np.eye(2), ids=np.array(["a", "b"]))
    read = read_embeddings(path)
    assert read.table["transcript_id"].to_list() == ["a", "b"]
    assert "has no gene ids; every RNA counts as its own gene" in capsys.readouterr().err
    genes = npz(tmp_path / "g.npz", np.eye(2), ids=np.array(["a", "b"]), gene=np.array(["g", "g"]))
    assert read_embeddings(genes).table["gene_id"].to_list() == ["g", "g"]
    assert capsys.readouterr().err == ""


def test_what_cannot_be_converted_leaves_nothing(fasta: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "e.parquet"
    with pytest.raises(InputError, match=r"none\.npz: no such file, expected a file of \.parquet, \.h5ad, \.npz"):
        convert(tmp_path / "none.npz", out=out)
    matrix = np.eye(7)
    matrix[3, 3] = np.inf
    path = npz(tmp_path / "e.npz", matrix)
    with pytest.raises(InputError, match=r"the embedding of ENST00000000003\.1 is not finite"):
        convert(path, out=out, metadata=fasta)
    with pytest.raises(InputError, match=r"rnas\.tsv: no such file; expected a FASTA"):
        convert(path, out=out, metadata=tmp_path / "rnas.tsv")
    assert not out.parent.exists()
    (tmp_path / "e.parquet").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        convert(path, out=tmp_path / "e.parquet", metadata=fasta)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("damaged.npz", "not a NumPy archive"),
        ("empty.npz", "not a NumPy archive"),
        ("damaged.parquet", "cannot be read as embeddings"),
        ("rnas.fa", "unknown format, expected .parquet, .h5ad, .npz"),
        ("folder", "is a directory, expected a file"),
        ("nowhere.npz", "no such file"),
    ],
)
def test_a_file_that_is_none_is_one_line(name: str, message: str, tmp_path: Path) -> None:
    for damaged in ("damaged.npz", "damaged.parquet", "rnas.fa"):
        (tmp_path / damaged).write_bytes(b"\x80\x04 nothing of the kind")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=message) as caught:
        convert(tmp_path / name, out=tmp_path / "e.parquet")
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "pickle" not in str(caught.value)
    assert not (tmp_path / "e.parquet").exists()


def test_rnas_of_which_none_is_embedded_are_refused(fasta: Path, tmp_path: Path) -> None:
    path = npz(tmp_path / "e.npz", np.eye(2), transcript=np.array(["nobody", "noone"]))
    with pytest.raises(InputError, match=r"has none of the 2 RNAs of .* \(nobody, …\)"):
        convert(path, out=tmp_path / "e.parquet", metadata=fasta)
    assert not (tmp_path / "e.parquet").exists()


@pytest.mark.parametrize("suffix", [".parquet", ".h5ad", ".npz"])
def test_our_own_embeddings_keep_their_model(tmp_path: Path, embeddings: Embeddings, suffix: str) -> None:
    path = tmp_path / f"e{suffix}"
    write(path, embeddings)
    read = read_embeddings(convert(path, out=tmp_path / "same.parquet"))
    assert read.meta == embeddings.meta
    assert read.table.equals(embeddings.table)
    assert (read.matrix == embeddings.matrix).all()
    renamed = read_embeddings(convert(path, out=tmp_path / "b.npz", model_name="mine"))
    assert renamed.meta == {**embeddings.meta, "model": "mine"}


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "e.npz", embeddings=np.eye(2))
    (tmp_path / "rnas.tsv").write_text("transcript_id\tgene_id\nt1\tg\nt2\tg\n")
    out = tmp_path / "out.parquet"
    words = ["convert", str(tmp_path / "e.npz"), "-o", str(out), "--model-name", "orthrus"]
    assert main(words) == 2
    assert "--metadata" in capsys.readouterr().err
    assert main([*words, "--metadata", str(tmp_path / "rnas.tsv")]) == 0
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "2 RNAs × 2, orthrus" in seen.err
    assert read_embeddings(out).table["gene_id"].to_list() == ["g", "g"]
