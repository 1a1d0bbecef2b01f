from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoclr
from isoclr.corpus.codes import letters
from isoclr.embedding import embed, embed_files, read_embeddings
from isoclr.embedding.sources import read_rnas
from isoclr.errors import InputError


def test_rows_are_the_model_s_in_the_order_of_the_input(
    fasta: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = embed((fasta,), model=str(model), out=tmp_path / "deep" / "e.parquet", species="human")
    read = read_embeddings(out)
    encoder = isoclr.load(model)
    (rnas,) = read_rnas([fasta], species="human", genome=None, annotation=[], orf=True)
    assert read.table.equals(rnas.table)
    for i in range(len(rnas)):  # one by one: the same whatever the batch
        assert read.matrix[i] == pytest.approx(
            encoder.embed_codes([rnas.codes_of(i)])[0], rel=1e-5, abs=1e-5
        )
    assert read.meta == {
        "model": "isoclr-s",
        "sha256": encoder.sha256,
        "n_tracks": "6",
        "pooling": "last",
        "precision": "float32",
        "isoclr": isoclr.__version__,
    }
    monkeypatch.setattr(embed_files, "ROWS", 3)  # three blocks instead of one
    blocks = embed((fasta,), model=str(model), out=tmp_path / "blocks.npz", chunk_nt=2048)
    assert read_embeddings(blocks).matrix == pytest.approx(read.matrix, rel=1e-5, abs=1e-5)


def test_shards_put_together_are_the_whole(fasta: Path, model: Path, tmp_path: Path) -> None:
    whole = read_embeddings(embed((fasta,), model=str(model), out=tmp_path / "whole.parquet"))
    for i in (1, 2, 3, 4):
        embed((fasta,), model=str(model), out=tmp_path / f"parts/{i}.parquet", shard=f"{i}/4")
    parts = read_embeddings(tmp_path / "parts")
    assert parts.table.equals(whole.table)
    assert parts.matrix == pytest.approx(whole.matrix, rel=1e-5, abs=1e-5)


def test_bf16_is_close_and_says_so(fasta: Path, model: Path, tmp_path: Path) -> None:
    whole = read_embeddings(embed((fasta,), model=str(model), out=tmp_path / "a.npz"))
    half = read_embeddings(
        embed((fasta,), model=str(model), out=tmp_path / "b.npz", precision="bf16")
    )
    assert half.meta["precision"] == "bf16"
    close = np.corrcoef(whole.matrix.ravel(), half.matrix.ravel())[0, 1]
    assert 0.99 < close < 1


def test_a_genome_and_its_annotation_give_spliced_rnas(model: Path, tmp_path: Path) -> None:
    genome = "ACGTTGCA" * 50
    (tmp_path / "g.fa").write_text(f">chr1\n{genome}\n")
    row = 'chr1\tx\t{}\t{}\t{}\t.\t+\t.\tgene_id "G"; transcript_id "T";\n'
    exons = ((11, 60), (101, 180))
    (tmp_path / "g.gtf").write_text("".join(row.format("exon", *exon) for exon in exons))
    out = embed(
        model=str(model),
        out=tmp_path / "e.npz",
        genome=tmp_path / "g.fa",
        annotation=(tmp_path / "g.gtf",),
        orf=False,
        species="x",
    )
    read = read_embeddings(out)
    spliced = genome[10:60] + genome[100:180]
    (tmp_path / "t.fa").write_text(f">T\n{spliced}\n")
    assert read.table.row(0) == ("T", "G", "x", 130, 0, "none")
    codes = isoclr.corpus.codes.encode(isoclr.corpus.codes.nucleotides(spliced), np.array([50, 80]))
    assert read.matrix == pytest.approx(isoclr.load(model).embed_codes([codes]), rel=1e-5, abs=1e-5)


def test_an_output_that_exists_stays(fasta: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.npz"
    out.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        embed((fasta,), model=str(model), out=out)
    assert out.read_bytes() == b"mine"
    embed((fasta,), model=str(model), out=out, overwrite=True)
    assert len(read_embeddings(out)) == 7


def test_bad_input_leaves_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "p.fa").write_text(">p\nMKVLL\n")
    with pytest.raises(InputError, match="expected a nucleotide"):
        embed((tmp_path / "p.fa",), model=str(model), out=tmp_path / "out" / "e.parquet")
    assert not (tmp_path / "out").exists()


def test_no_such_model_and_no_such_device(fasta: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        embed((fasta,), model="nowhere", out=tmp_path / "e.npz")
    for device in ("moon", "meta"):  # torch knows meta, and computes nothing on it
        with pytest.raises(InputError, match=f"--device {device}"):
            embed((fasta,), model=str(model), out=tmp_path / "e.npz", device=device)


def test_one_path_needs_no_tuple(fasta: Path, model: Path, tmp_path: Path) -> None:
    out = embed(str(fasta), model=str(model), out=tmp_path / "e.npz")  # type: ignore[arg-type]
    assert len(read_embeddings(out)) == 7


def test_sizes_that_cannot_work_are_refused(fasta: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.npz"
    with pytest.raises(InputError, match="--threads 0: expected 1 or more"):
        embed((fasta,), model=str(model), out=out, threads=0)
    with pytest.raises(InputError, match="--chunk-nt 0: expected 1,024 or more"):
        embed((fasta,), model=str(model), out=out, chunk_nt=0)


def test_a_bare_record_is_embedded_as_the_python_api_embeds_it(model: Path, tmp_path: Path) -> None:
    frames = [99, 100, 101]  # codons of the longest frame: 297, 300 and 303 nt, around the least
    rnas = ["GGC" + "AUG" + "GCU" * (codons - 2) + "UAA" + "CCCC" for codons in frames]
    text = "".join(f">rna{i}\n{rna}\n" for i, rna in enumerate(rnas))
    (tmp_path / "a.fa").write_text(text)
    encoder = isoclr.load(model)
    for orf in (True, False):
        out = embed((tmp_path / "a.fa",), model=str(model), out=tmp_path / f"{orf}.npz", orf=orf)
        read = read_embeddings(out)
        called = ["none", "orf", "orf"] if orf else ["none"] * 3
        assert read.table["cds_source"].to_list() == called
        assert read.matrix == pytest.approx(encoder.embed(rnas, orf=orf), rel=1e-5, abs=1e-5)


def test_an_annotated_rna_is_the_same_from_a_corpus_a_fasta_and_a_genome(
    model: Path, tmp_path: Path
) -> None:
    world = isoclr.simulate(out=tmp_path / "world", size="tiny", species=1, genes=12).path
    genome, annotation = world / "human/genome.fa.gz", world / "human/annotation.gtf.gz"
    corpus = isoclr.build(
        out=tmp_path / "corpus", species="human", genome=genome, annotation=(annotation,)
    )
    names = corpus.transcripts["transcript_id"].to_list()
    records = [f">{name}\n{letters(corpus.codes_of(i))}\n" for i, name in enumerate(names)]
    (tmp_path / "t.fa").write_text("".join(records))
    inputs: list[dict[str, Any]] = [
        {"inputs": (corpus.path,)},
        {"inputs": (tmp_path / "t.fa",), "annotation": (annotation,), "species": "human"},
        {"genome": genome, "annotation": (annotation,), "species": "human"},
    ]
    reads = []
    for i, options in enumerate(inputs):
        out = embed(model=str(model), out=tmp_path / f"{i}.npz", **options)
        reads.append(read_embeddings(out))
    for read in reads[1:]:
        assert read.table.sort("transcript_id").equals(reads[0].table.sort("transcript_id"))
        order = [read.table["transcript_id"].to_list().index(name) for name in names]
        assert read.matrix[order] == pytest.approx(reads[0].matrix, rel=1e-5, abs=1e-5)
