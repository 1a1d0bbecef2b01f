from collections.abc import Sequence
from pathlib import Path

import pytest

import isoclr
from isoclr.corpus.codes import CODON_START, EXON_END, letters
from isoclr.embedding.sources import Rnas, read_rnas
from isoclr.errors import InputError


def read(*inputs: Path, annotation: Sequence[Path] = (), orf: bool = True) -> list[Rnas]:
    return read_rnas(inputs, species="human", genome=None, annotation=annotation, orf=orf)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_fasta_gives_every_record_in_order(fasta: Path) -> None:
    (rnas,) = read(fasta)
    assert rnas.lengths.tolist() == [400, 35, 1200, 90, 5000, 41, 700]
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
    assert rnas.table.row(0)[-2:] == (366, "orf")
    assert (rnas.codes_of(0) & CODON_START > 0).sum() == 122
    (rnas,) = read(path, orf=False)
    assert rnas.table.row(0)[-2:] == (0, "none")
    assert not (rnas.codes_of(0) & CODON_START).any()


def test_an_annotation_gives_exons_and_cds(tmp_path: Path) -> None:
    rna = "CC" + "ATG" + "GCA" * 3 + "TAA" + "CCCC"
    table = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\na\t2\t15\t4\t10,11\n"
    annotation = write(tmp_path / "a.structures.tsv", table)
    (rnas,) = read(write(tmp_path / "a.fa", f">a\n{rna}\n"), annotation=[annotation])
    assert rnas.table.row(0)[-2:] == (15, "annotated")
    assert (rnas.codes_of(0) & EXON_END).nonzero()[0].tolist() == [9, 20]


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
        (">a\nACGT\n>b\n>c\nACGT\n", r"record 'b': 1 empty"),
        (">a\nACGT\n>b\n", r"record 'b': 1 empty"),
        (">a\nACGT\n>b\nACG\n>a\nACGT\n", r"record 'a': 1 repeated among"),
        (">a\nACGT\n>a\nACGA\n", r"record 'a': 1 repeated with another sequence"),
        (">p\nMKVLL\n", r"'p'.*'L'.*expected a nucleotide"),
        ("\x00\x01binary", "expected FASTA"),
    ],
)
def test_bad_records_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(write(tmp_path / "a.fa", text))
    assert "\n" not in str(caught.value)


def test_an_rna_in_two_inputs_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "1.fa", ">a\nACGT\n>b\nACGT\n")
    two = write(tmp_path / "2.fa", ">c\nACGT\n>b\nACGT\n")
    with pytest.raises(InputError, match=r"2\.fa: b and 0 more stand in .*1\.fa too"):
        read(one, two)


def test_something_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to embed"):
        read()
    with pytest.raises(InputError, match="a genome needs --annotation"):
        read_rnas([], species="", genome=tmp_path / "g.fa", annotation=[], orf=True)
    with pytest.raises(InputError, match="not a corpus"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"a\.gtf: a corpus has exons .* of its own"):
        read(tmp_path, annotation=[tmp_path / "a.gtf"])
