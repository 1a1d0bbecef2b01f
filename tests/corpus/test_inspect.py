import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from isoclr.cli import main
from isoclr.corpus.build import build
from isoclr.corpus.corpus import Corpus
from isoclr.corpus.inspect import check_plot, describe, inspect, show_tracks
from isoclr.errors import InputError
from isoclr.genomics.encoding import encode, nucleotides


@pytest.fixture
def corpus(toml: Any, tmp_path: Path) -> Corpus:
    """Human: gene A of three isoforms, B of one; mouse: gene a, A's ortholog, of one."""
    human, mouse, homology = (tmp_path / name for name in ("h.fa", "m.fa", "homologene.data"))
    gtf = tmp_path / "h.gtf"
    human.write_text(
        ">A1 gene:1 gene_symbol:A\nATGAAATAACC\n>A2 gene:1 gene_symbol:A\nATGAAACCCTAA\n"
        ">A3 gene:1 gene_symbol:A transcript_biotype:lncRNA\nCCC\n>A4 gene:1\nATGAAATAACC\n"
        ">B1 gene:2\nGGGG\n>L gene:2\n" + "G" * 50 + "\n"
    )
    tail = 'gene_id "1"; transcript_id "A1"; gene_name "A";'
    gtf.write_text(f"1\tx\texon\t1\t11\t.\t+\t.\t{tail}\n1\tx\tCDS\t1\t6\t.\t+\t0\t{tail}\n")
    mouse.write_text(">a1 gene:77\nTTTTT\n>a2 gene:77\n\n")
    homology.write_text("3\t9606\t1\tA\t\t\n3\t10090\t77\ta\t\t\n")
    inputs = toml(
        {"species": "human", "transcripts": human, "annotation": gtf}, {"species": "mouse", "transcripts": mouse}
    )
    return build(inputs, out=tmp_path / "c", homology=homology, orf_min_length=9, max_length=40)


def test_groups(corpus: Corpus) -> None:
    everything, human, mouse = inspect(corpus).groups
    assert (everything.gene_sets, everything.transcripts) == (2, 5)
    assert everything.mean == 2.5
    assert everything.several == 0.5
    assert (human.gene_sets, human.transcripts, human.mean, human.several) == (2, 4, 2.0, 0.5)
    assert (human.genes, human.mapped) == (2, 0.5)
    assert (mouse.gene_sets, mouse.transcripts, mouse.mapped) == (1, 1, 1.0)
    assert everything.genes == 3
    assert everything.mapped == pytest.approx(2 / 3)


def test_tracks_and_lengths(corpus: Corpus) -> None:
    summary = inspect(corpus.path)
    assert summary.cds_source == {"annotated": 1, "orf": 1, "none": 3}
    assert summary.exons_known == 1
    assert summary.canonical == 0
    assert summary.lengths["50%"] == 5
    assert summary.lengths["100%"] == 12


def test_dropped_and_noted(corpus: Corpus) -> None:
    summary = inspect(corpus)
    assert summary.dropped["human"] == {"longer_than_max_length": 1, "identical_sequence": 1}
    assert summary.noted["human"] == {"not_in_annotation": 4, "stop_codon_added": 1} | summary.noted["human"]
    assert summary.files["m.fa"] == {"empty_sequence": 1}
    assert summary.records == 7
    shown = {cell for table in summary.tables() for row in table.rows for cell in row}
    assert {"identical_sequence", "empty_sequence", "m.fa", "not_in_annotation"} <= shown


def test_json(corpus: Corpus) -> None:
    summary = json.loads(json.dumps(inspect(corpus).to_dict()))
    assert summary["groups"][0]["transcripts"] == 5


@pytest.mark.parametrize("name", ["p.foo", "p", "folder.png", "file/p.png"])
def test_plot_with_an_impossible_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=str(tmp_path / name)):
        check_plot(tmp_path / name)


def test_show_tracks() -> None:
    lines = show_tracks(encode(nucleotides("CCATGNAATAAC"), np.array([4, 8]), (2, 11)))
    assert [line.rstrip() for line in lines] == [
        " 1 CCATGNAATAAC" + " " * 48 + " 12",
        "     M  X  *" + " " * 52 + "codons",
        "      |       |" + " " * 49 + "exon ends",
    ]


def test_show_tracks_in_lines_of_60() -> None:
    lines = show_tracks(nucleotides("A" * 60 + "C" * 60 + "G"))
    assert [line.split() for line in lines] == [["1", "A" * 60, "60"], ["61", "C" * 60, "120"], ["121", "G", "121"]]


def test_genetic_code() -> None:
    code = (
        "ATG:M TGG:W TAA:* TAG:* TGA:* AAA:K TTT:F CAT:H GAG:E GGC:G CCG:P AGA:R "
        "TGC:C ATA:I GTT:V CTA:L TAC:Y GAC:D AGT:S ACG:T CAA:Q AAC:N GCT:A"
    )
    for codon, amino_acid in (pair.split(":") for pair in code.split()):
        assert show_tracks(encode(nucleotides(codon), None, (0, 3)))[1].split()[0] == amino_acid


def test_describe(tmp_path: Path) -> None:
    fasta = tmp_path / "t.fa"
    fasta.write_text(
        ">NM_000001.2 gene:ENSG00000000001.4 gene_symbol:ABC\nCCATGAAATAGC\n>b gene:ENSG00000000001.4\nGGG\n"
    )
    corpus = build(out=tmp_path / "c", species="human", transcripts=fasta, orf_min_length=9)
    header, *rows = describe(corpus, "NM_000001").split("\n")
    assert header == (
        "NM_000001.2: gene ENSG00000000001.4 ABC; gene set human|ENSG00000000001 "
        "(2 transcripts of 1 species); human; 12 nt; exons unknown; CDS 3-11 (orf)"
    )
    assert len(rows) == 2
    assert "no CDS" in describe(corpus, "b")
    gene = describe(corpus, "ENSG00000000001")
    assert [line.split(":")[0] for line in gene.split("\n")] == ["NM_000001.2", "b"]
    assert describe(corpus, "ABC") == describe(corpus, "NM_000001")  # the other RNA has no symbol
    assert describe(corpus, "b", brief=True) == describe(corpus, "b").split("\n")[0]
    with pytest.raises(InputError, match=r"no transcript, gene or symbol 'abc' .* did you mean ABC"):
        describe(corpus, "abc")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(tmp_path)
    Path("T.fa").write_text(">t gene:g\nATGAAATAACC\n>u gene:g\nGGGTTT\n")
    words = "build --out C --species human --transcripts T.fa --orf-min-length 9"
    assert main(words.split()) == 0
    capsys.readouterr()
    return "C"


def test_command(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", folder, "--json", "n.json", "--plot", "new/p.png", "--verify"]) == 0
    printed = capsys.readouterr()
    assert "2 transcripts in the inputs, 2 kept" in printed.out
    assert "all files are unchanged" in printed.err
    assert json.loads(Path("n.json").read_text())["groups"][0]["gene_sets"] == 1
    picture = imread("new/p.png")
    assert picture.shape[0] > 300
    assert picture.std() > 0.05
    assert [file.name for file in Path("new").iterdir()] == ["p.png"]


def test_command_with_transcript(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", folder, "--transcript", "t"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("t: gene g; gene set human|g (2 transcripts of 1 species); human; 11 nt")
    assert out[1].split() == ["1", "ATGAAATAACC", "11"]
    assert out[2].split() == ["M", "K", "*", "codons"]


def test_command_errors(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", folder, "--transcript", "nobody"]) == 2
    assert main(["inspect", "nowhere"]) == 2
    codes = bytearray(Path(folder, "codes.bin").read_bytes())
    codes[0] ^= 1
    Path(folder, "codes.bin").write_bytes(codes)
    assert main(["inspect", folder, "--verify"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("isoclr: error: ") for line in lines)
