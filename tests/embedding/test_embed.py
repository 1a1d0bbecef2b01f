""" """

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import isoclr
from isoclr._console import _Speed, nt_progress
from isoclr.atlas.browser_model import write_browser_model
from isoclr.baselines.language_models.model import open_language_model
from isoclr.baselines.language_models.transformers import RnaFM, RnaFmConfig
from isoclr.cli import main
from isoclr.embedding import distributed
from isoclr.embedding.distributed import Embedder
from isoclr.embedding.embed import BEYOND, added_features, crop, embed, open_embedder
from isoclr.embedding.inputs import RnaTable, read_rnas, shard_rows
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, encode, letters, nucleotides
from isoclr.genomics.features import UPSTREAM, upstream_features
from isoclr.models.encoder import Encoder, create
from isoclr.probing.resolve import find_head

pytestmark = pytest.mark.usefixtures("narrow")
UTR = "GATGCCCTAACCGG"
RNA = encode(nucleotides(UTR + "ATGGCTGGATAA" + "GGCC"), np.array([9, 21]), (14, 26))


@pytest.fixture(scope="module")
def encoder(narrow: None) -> Encoder:
    return create("isoclr-s", seed=0)


def test_region_is_the_utr_without_exon_ends() -> None:
    region = crop(RNA, "utr5")
    assert len(region) == len(UTR) + BEYOND
    assert not (region & EXON_END).any()
    assert (region == RNA[: len(region)] & ~np.uint8(EXON_END)).all()
    assert crop(RNA, "rna") is RNA
    assert f"the 5' UTR and the first {BEYOND} nt of the coding sequence" in str(embed.__doc__)
    assert len(crop(encode(nucleotides("GGGACC" * 9)), "utr5")) == BEYOND  # no coding sequence


def test_features_of_a_region_are_those_of_the_rna() -> None:
    (row,) = added_features([crop(RNA, "utr5")], "utr5")
    assert row.tolist() == upstream_features(RNA).tolist()
    assert added_features([RNA, RNA], "rna").shape == (2, 0)


def test_embeddings_of_regions(encoder: Encoder, tmp_path: Path) -> None:
    fasta = tmp_path / "rnas.fa"
    fasta.write_text(f">a CDS=15-26\n{UTR}ATGGCTGGATAAGGCC\n>b CDS=15-26\n{UTR}ATGGCTTTTTAAGG\n")
    found = isoclr.embed(fasta, model=encoder, region="utr5")
    assert found.matrix.shape == (2, encoder.dim + len(UPSTREAM))
    assert (found.matrix[0] == found.matrix[1]).all()  # what differs lies beyond the region
    assert found.table["length"].to_list() == [20, 20]
    assert found.meta["region"] == "utr5"
    region = encode(nucleotides(UTR + "ATGGCT"), None, (14, 20))
    expected = encoder.embed_codes([region])[0]
    assert found.matrix[0, : encoder.dim] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert "region" not in isoclr.embed(fasta, model=encoder).meta


def test_region_survives_a_file(encoder: Encoder, tmp_path: Path) -> None:
    out = isoclr.embed({"a": UTR + "ATGGCTGGATAAGGCC"}, model=encoder, region="utr5", out=tmp_path / "e.npz")
    assert read_embeddings(out).meta["region"] == "utr5"


def test_a_head_of_a_region_explains_no_embedding(tmp_path: Path) -> None:
    head = isoclr.load_head(find_head("mean-ribosome-load", "human"))
    assert head.region == "utr5"
    with pytest.raises(InputError, match="isoclr predict and isoclr variants can use it"):
        head.linear()
    with pytest.raises(InputError, match="reads the region utr5"):
        write_browser_model(tmp_path / "model.js", isoclr.load("isoclr-s.v1"), [head])


def test_it_counts_nucleotides_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    with nt_progress() as bar:
        task = bar.add_task("embedding", total=2_000_000)
        bar.advance(task, 2_000_000)
        speed = next(column for column in bar.columns if isinstance(column, _Speed))
        bar.tasks[0].start_time = bar.get_time() - 4
        bar.tasks[0].stop_time = bar.tasks[0].start_time + 4
        assert str(speed(bar.tasks[0])) == "0.50 Mnt/s"
        bar.tasks[0].stop_time += 96
        assert str(speed(bar.tasks[0])) == "20.0 knt/s"


def test_rows_are_the_model_s_in_the_order_of_the_input(
    fasta: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = embed((fasta,), model=str(model), out=tmp_path / "deep" / "e.parquet", species="human")
    read = read_embeddings(out)
    encoder = isoclr.load(model)
    (rnas,) = read_rnas([fasta], species="human", genome=None, annotation=[], orf=True)
    assert read.table.equals(rnas.table)
    for i in range(len(rnas)):  # one by one: the same whatever the batch
        assert read.matrix[i] == pytest.approx(encoder.embed_codes([rnas.codes_of(i)])[0], rel=1e-5, abs=1e-5)
    assert read.meta == {
        "model": "isoclr-s",
        "sha256": encoder.sha256,
        "n_tracks": "6",
        "pooling": "last",
        "precision": "float32",
        "isoclr": isoclr.__version__,
    }
    monkeypatch.setattr(distributed, "ROWS", 3)  # three blocks instead of one
    blocks = embed((fasta,), model=str(model), out=tmp_path / "blocks.npz", chunk_nt=2048)
    assert read_embeddings(blocks).matrix == pytest.approx(read.matrix, rel=1e-5, abs=1e-5)


def test_shards_put_together_are_the_whole(fasta: Path, model: Path, tmp_path: Path) -> None:
    whole = embed((fasta,), model=str(model))
    for i in (1, 2, 3, 4):
        embed((fasta,), model=str(model), out=tmp_path / f"parts/{i}.parquet", shard=f"{i}/4")
    parts = read_embeddings(tmp_path / "parts")
    assert parts.table.equals(whole.table)
    assert parts.matrix == pytest.approx(whole.matrix, rel=1e-5, abs=1e-5)


def test_bf16_is_close_and_says_so(fasta: Path, model: Path) -> None:
    whole = embed((fasta,), model=str(model))
    half = embed((fasta,), model=str(model), precision="bf16")
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
    assert read.table.row(0) == ("T", "G", "", "x", 130, 0, "none", False)
    codes = isoclr.genomics.encoding.encode(isoclr.genomics.encoding.nucleotides(spliced), np.array([50, 80]))
    assert read.matrix == pytest.approx(isoclr.load(model).embed_codes([codes]), rel=1e-5, abs=1e-5)


def test_an_output_that_exists_stays(fasta: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.npz"
    out.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        embed((fasta,), model=str(model), out=out)
    assert out.read_bytes() == b"mine"
    embed(str(fasta), model=str(model), out=out, overwrite=True)  # one path needs no tuple
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
        with pytest.raises(InputError, match=f"--device is {device!r}"):
            embed((fasta,), model=str(model), out=tmp_path / "e.npz", device=device)


def test_sizes_that_cannot_work_are_refused(fasta: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.npz"
    with pytest.raises(InputError, match="--threads 0: expected 1 to 1,024"):
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


def test_an_annotated_rna_is_the_same_from_a_corpus_a_fasta_and_a_genome(model: Path, tmp_path: Path) -> None:
    world = isoclr.simulate(out=tmp_path / "world", size="tiny", species=1, genes=5).path
    genome, annotation = world / "human/genome.fa.gz", world / "human/annotation.gtf.gz"
    corpus = isoclr.build(out=tmp_path / "corpus", species="human", genome=genome, annotation=(annotation,))
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


CONFIG: dict[str, Any] = {
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
    network = RnaFM(RnaFmConfig(**CONFIG))
    for value in network.state_dict().values():
        nn.init.normal_(value)
    save_file(network.state_dict(), folder / "model.safetensors")
    return folder


def opened(model: str, **options: Any) -> Embedder:
    return open_embedder(model, device="cpu", **options)


def test_a_language_model_embeds_a_fasta_as_ours_do(fasta: Path, rna_fm: Path, tmp_path: Path) -> None:
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
    assert (one.shape, whole.dim, whole.meta["n_tracks"]) == ((2, 8), 8, "4")
    assert not np.array_equal(one, other)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_a_folder_named_like_a_language_model_is_still_what_was_asked_for(
    rna_fm: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opened("rna-fm", model_dir=rna_fm).meta["model"] == "rna-fm"
    assert opened(str(model)).meta["model"] == "isoclr-s"


def test_what_does_not_go_together_is_one_line(rna_fm: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"--model isoclr-s is no language model"):
        opened("isoclr-s", model_dir=rna_fm)
    with pytest.raises(InputError, match="has no revision 'main'"):
        opened(str(model), revision="main")
    with pytest.raises(InputError, match="has no revision 'main'"):
        opened("rna-fm", model_dir=rna_fm, revision="main")
    with pytest.raises(InputError, match=r"nt-500m-1000g: no commit of .* is known"):
        opened("nt-500m-1000g")


def rnas(name: str, lengths: list[int]) -> RnaTable:
    table = pl.DataFrame({"transcript_id": [f"{name}{i}" for i in range(len(lengths))], "length": lengths})
    starts = np.cumsum([0, *lengths[:-1]])
    return RnaTable(table, np.zeros(sum(lengths), np.uint8), starts)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 20])
def test_the_parts_are_the_whole_in_order(of: int) -> None:
    inputs = [rnas("a", [50, 10, 900]), rnas("b", [5]), rnas("c", [300, 20, 20, 70])]
    whole = [name for part in inputs for name in part.table["transcript_id"]]
    found = [
        name
        for number in range(1, of + 1)
        for part in shard_rows(inputs, number, of)
        for name in part.table["transcript_id"]
    ]
    assert found == whole


def test_the_parts_have_equally_many_nucleotides() -> None:
    lengths = np.random.default_rng(0).integers(100, 5000, 1000).tolist()
    sums = [
        sum(int(part.lengths.sum()) for part in shard_rows([rnas("a", lengths)], number, 4)) for number in range(1, 5)
    ]
    assert max(sums) - min(sums) <= 2 * 5000


def test_a_part_keeps_its_own_codes() -> None:
    whole = rnas("a", [4, 4, 4])
    whole.codes[:] = np.repeat([0, 1, 2], 4)
    (last,) = shard_rows([whole], 3, 3)
    assert last.codes_of(0).tolist() == [2, 2, 2, 2]


def read(*inputs: Path, annotation: Sequence[Path] = (), orf: bool = True) -> list[RnaTable]:
    return read_rnas(inputs, species="human", genome=None, annotation=annotation, orf=orf)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_fasta_gives_every_record_in_order(fasta: Path) -> None:
    (rnas,) = read(fasta)
    assert rnas.lengths.tolist() == [400, 35, 1200, 90, 2500, 41, 700]
    assert rnas.table["gene_id"][4] == "ENSG00000000001.2"
    assert set(rnas.table["species"]) == {"human"}
    records = fasta.read_text().split(">")[1:]
    for i, record in enumerate(records):
        assert letters(rnas.codes_of(i)) == record.split("\n")[1]


def test_long_and_identical_rnas_stay(tmp_path: Path) -> None:
    long = "ACGGT" * 4000
    (rnas,) = read(write(tmp_path / "a.fa", f">a\n{long}\n>b\nACGT\n>c\nACGT\n"))
    assert rnas.lengths.tolist() == [20_000, 4, 4]


def test_open_reading_frames_are_called_unless_off(tmp_path: Path) -> None:
    rna = "CC" + "ATG" + "GCA" * 120 + "TAA" + "CCCC"
    path = write(tmp_path / "a.fa", f">a\n{rna}\n")
    (rnas,) = read(path)
    assert rnas.table.row(0)[-3:-1] == (366, "orf")
    assert (rnas.codes_of(0) & CODON_START > 0).sum() == 122
    (rnas,) = read(path, orf=False)
    assert rnas.table.row(0)[-3:-1] == (0, "none")
    assert not (rnas.codes_of(0) & CODON_START).any()


def test_an_annotation_gives_exons_and_cds(tmp_path: Path) -> None:
    rna = "CC" + "ATG" + "GCA" * 3 + "TAA" + "CCCC"
    table = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\na\t2\t15\t4\t10,11\n"
    annotation = write(tmp_path / "a.structures.tsv", table)
    (rnas,) = read(write(tmp_path / "a.fa", f">a\n{rna}\n"), annotation=[annotation])
    assert rnas.table.row(0)[-3:-1] == (15, "annotated")
    assert (rnas.codes_of(0) & EXON_END).nonzero()[0].tolist() == [9, 20]


def test_rnas_that_an_annotation_does_not_help_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\nNM_1.1\t0\t9\t0\t9\nb\t0\t6\t0\t6\n"
    annotation = write(tmp_path / "a.structures.tsv", table)
    text = ">NM_1.2\nATGGCTTAA\n>b\nATGGCTTAA\n>c\nACGT\n>{}\nACGA\n"
    read(write(tmp_path / "a.fa", text.format("d")), annotation=[annotation])
    seen = " ".join(capsys.readouterr().err.split())
    assert "2 of 4 RNAs are not in the annotation, such as c; read without its exons and coding sequences" in seen
    assert "1 of 4 RNAs is of another length in the annotation, such as b; read without its exons" in seen
    assert "non-coding" not in seen
    read(write(tmp_path / "a.fa", text.format("b.2")), annotation=[annotation])
    assert "such as b.2 (the annotation has b); read" in " ".join(capsys.readouterr().err.split())


def test_rnas_without_a_coding_sequence_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orf = "ATG" + "GCA" * 120 + "TAA"
    path = write(tmp_path / "a.fa", f">a\n{orf}\n>b\nATGGCTTAA\n>NR_1.1\nACGA\n>c CDS=1-9\nATGGCTTAA\n")
    read(path)
    seen = " ".join(capsys.readouterr().err.split())
    assert "1 of 4 RNAs has neither an annotated coding sequence nor an open reading frame of 300 nt; read as" in seen
    read(path, orf=False)
    assert "non-coding" not in capsys.readouterr().err


def test_a_corpus_gives_what_it_has(fasta: Path, tmp_path: Path) -> None:
    corpus = isoclr.build(out=tmp_path / "corpus", species="yeti", transcripts=fasta)
    (rnas,) = read(corpus.path)
    (direct,) = read(fasta)
    assert set(rnas.table["species"]) == {"yeti"}
    assert rnas.table.drop("species").equals(direct.table.drop("species"))
    for i in range(len(rnas)):
        assert rnas.codes_of(i).tolist() == direct.codes_of(i).tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (">a\nACGT\n>b\n>c\nACGT\n", r"record 'b' \(line 3\) has no sequence"),
        (">a\nACGT\n>b\n", r"record 'b' \(line 3\) has no sequence; .*--skip-bad"),
        (">a\nACGT\n>a\nACGA\n", r"record 'a' \(line 3\) repeats an id with another sequence"),
        (">x\n\n>a\nAC\n>a\nAG\n>a\nAT\n", r"'x' \(line 1\) has no .*'a' \(line 5\) repeats .* \(2 such records\)"),
        (">p\nMKVLL\n", r"'p'.*'L'.*expected a nucleotide"),
        ("\x00\x01binary", "expected FASTA"),
    ],
)
def test_bad_records_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(write(tmp_path / "a.fa", text))
    assert "\n" not in str(caught.value)


def test_bad_records_are_skipped_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ">a\nACGT\n> \nAC\n>p\nMKVLL\n>e\n>a\nACGA\n>b\nAC\n>b\nAC\n"
    path = write(tmp_path / "a.fa", text)
    rnas = read_rnas([path], species="", genome=None, annotation=[], orf=False, skip_bad=True)
    assert rnas[0].table["transcript_id"].to_list() == ["a", "b"]
    seen = " ".join(capsys.readouterr().err.split())
    for words in ("no name", "no nucleotide", "no sequence", "repeats another", "an id with"):
        assert "left out: 1 record, which " in seen
        assert words in seen


def test_an_rna_in_two_inputs_is_kept_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "1.fa", ">a\nACGT\n>b\nACGT\n")
    two = write(tmp_path / "2.fa", ">b\nACGT\n>c\nACGA\n>c\nACGA\n")
    first, second = read(one, two)
    assert first.table["transcript_id"].to_list() == ["a", "b"]
    assert second.table["transcript_id"].to_list() == ["c"]
    assert second.codes_of(0).tolist() == [0, 1, 2, 0]
    assert "2.fa: left out: 1 RNA that an earlier input has too" in capsys.readouterr().err
    three = write(tmp_path / "3.fa", ">b\nACGG\n")
    with pytest.raises(InputError, match=r"3\.fa: b is in .*1\.fa too, with another sequence"):
        read(one, two, three)


def test_a_species_without_effect_is_refused_and_an_unknown_one_is_said(
    fasta: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(embed((fasta,), model=str(model), species="marsian").table["species"]) == {"marsian"}
    assert "--species: 'marsian' is no name that isoclr knows" in capsys.readouterr().err
    assert set(embed({"a": "AUG"}, model=str(model), species="hg38").table["species"]) == {"human"}
    assert "--species" not in capsys.readouterr().err
    corpus = isoclr.build(out=tmp_path / "corpus", species="yeti", transcripts=fasta)
    with pytest.raises(InputError, match="--species human: a corpus has its own species"):
        embed((corpus.path,), model=str(model), species="human")


def test_standard_input_and_output(fasta: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(fasta.read_bytes())))
    piped = embed((Path("-"),), model=str(model), species="9606")
    assert set(piped.table["species"]) == {"human"}
    direct = embed((fasta,), model=str(model), species="Homo sapiens")
    assert piped.table.equals(direct.table)
    assert (piped.matrix == direct.matrix).all()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b">a\nJ\n")))
    with pytest.raises(InputError, match=r"^standard input: record 'a' \(line 1\)"):
        embed((Path("-"),), model=str(model))


def test_something_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to embed"):
        read()
    with pytest.raises(InputError, match="a genome needs --annotation"):
        read_rnas([], species="", genome=tmp_path / "g.fa", annotation=[], orf=True)
    with pytest.raises(InputError, match="not a corpus"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"a\.gtf: a corpus has its own exons"):
        read(tmp_path, annotation=[tmp_path / "a.gtf"])


def test_without_an_output_embeddings_are_returned(fasta: Path, model: Path, tmp_path: Path) -> None:
    in_memory = embed((fasta,), model=str(model), species="human")
    read = read_embeddings(embed((fasta,), model=str(model), species="human", out=tmp_path / "e.parquet"))
    assert in_memory.table.equals(read.table)
    assert (in_memory.matrix == read.matrix).all()
    assert in_memory.meta == read.meta


def test_command(fasta: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "e.parquet"
    words = ["embed", str(fasta), "--model", str(model), "-o", str(out)]
    assert main(words) == 0
    assert len(read_embeddings(out)) == 7
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "7 RNAs, isoclr-s with weights of your own" in seen.err
    assert "(pooling last, 16 values)" in seen.err
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
