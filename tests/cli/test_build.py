import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from isoclr.cli import main
from isoclr.corpus.corpus import open_corpus


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tail = 'gene_id "g"; transcript_id "t";'
    (tmp_path / "T.fa").write_text(">t\nATGAAATAACC\n>u\nGGGTTT\n")
    (tmp_path / "G.fa").write_text(">1\nATGAAATAACCGGG\n")
    (tmp_path / "A.gtf").write_text(
        f"chr1\tx\texon\t1\t11\t.\t+\t.\t{tail}\nchr1\tx\tCDS\t1\t6\t.\t+\t0\t{tail}\n"
    )
    (tmp_path / "ids.tsv").write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\ng\t1\tX\n")
    (tmp_path / "inputs.toml").write_text(
        '[[input]]\nspecies = "mouse"\ntranscripts = "T.fa"\nannotation = "A.gtf"\n'
    )
    (tmp_path / "D").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b">t\n" + b"ACGT" * 99)[:-9])
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    (tmp_path / "unknown.toml").write_text('homolgy = "x"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_transcripts_with_an_annotation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "build",
                "--out",
                "C",
                "--species",
                "human",
                "--transcripts",
                "T.fa",
                "--annotation",
                "A.gtf",
            ]
        )
        == 0
    )
    printed = capsys.readouterr()
    assert "gene sets" in printed.out  # the tables
    assert "Corpus('C'" in printed.err  # the messages
    assert len(open_corpus("C")) == 2


def test_a_genome_with_an_annotation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "build",
                "--out",
                "C",
                "--species",
                "worm",
                "--genome",
                "G.fa",
                "--annotation",
                "A.gtf",
            ]
        )
        == 0
    )
    assert "chr1 = 1" in capsys.readouterr().err
    assert open_corpus("C").index["cds_end"].tolist() == [9]


def test_a_toml_file(folder: Path) -> None:
    assert main(["build", "--out", "C", "inputs.toml"]) == 0
    assert open_corpus("C").species == ["mouse"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--out C", "nothing to build from"),
        ("--out C --species human --transcripts nowhere.fa", "no file nowhere.fa"),
        ("--out C nowhere.toml", "nowhere.toml: cannot be read"),
        ("--out C inputs.toml --shard 3/2", "shard is '3/2'"),
        ("--out C inputs.toml --gene-ids cow=ids.tsv", "no input of 'cow'"),
        ("--out . inputs.toml", "exists already"),
        ("--out C --species human --transcripts D", "D is a directory, expected a file"),
        (
            "--out C --species human --transcripts empty",
            "empty: the file is empty, expected a FASTA",
        ),
        ("--out C --species human --transcripts cut.gz", "cut.gz: the gzip file is cut off"),
        ("--out C --species human --transcripts binary", r"binary: begins with '\x89'"),
        ("--out C --species human --genome empty --annotation A.gtf", "empty: the file is empty"),
        ("--out C --species human --genome cut.gz --annotation A.gtf", "the gzip file is cut off"),
        ("--out C --species human --genome T.fa --annotation A.gtf", "no sequence name in common"),
        ("--out C --species human --genome G.fa", "a genome without annotation"),
        ("--out C --species human --transcripts T.fa --annotation empty", "expected an annotation"),
        ("--out C --species human --transcripts T.fa --annotation cut.gz", "is cut off"),
        ("--out C --species human --transcripts T.fa --annotation binary", "binary: binary data"),
        (
            "--out C --species human --transcripts G.fa --annotation A.gtf",
            "no transcript id in common",
        ),
        ("--out C inputs.toml --homology nowhere", "--homology: no file nowhere"),
        ("--out C inputs.toml --homology empty", "empty: the file is empty, expected HomoloGene"),
        ("--out C inputs.toml --homology cut.gz", "is cut off"),
        ("--out C inputs.toml --homology binary", "is a binary file, expected HomoloGene"),
        ("--out C inputs.toml --gene-ids binary", "is a binary file, expected a TSV"),
        ("--out C unknown.toml", "unknown.toml: unknown key 'homolgy'"),
        ("--out C inputs.toml --max-length 3", "no transcript is left: dropped 2 longer_than"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.iterdir())
    assert main(["build", *words.split()]) == 2
    line = capsys.readouterr().err
    assert line.startswith("isoclr: error: ")
    assert line.count("\n") == 1
    assert message in line
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("species", "message"),
    [
        ("mouse", "mouse: none of its 2 genes is in h.data; a table of its gene ids may help"),
        ("mose", "mose: none of its 2 genes is in h.data; its name is not known"),
    ],
)
def test_a_species_that_homology_does_not_know_is_told(
    species: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "h.data").write_text("3\t9606\t1\tX\t\t\n")
    words = f"build --out C --homology h.data --transcripts T.fa --species {species}"
    assert main(words.split()) == 0
    assert message in capsys.readouterr().err
    assert main([*words.replace("--out C", "--out D2").split()[:-1], "human"]) == 0
    assert "none of its" in capsys.readouterr().err  # t and u are no genes of the file
    (folder / "h.data").write_text("3\t9606\t1\tt\t\t\n")
    assert main([*words.replace("--out C", "--out D3").split()[:-1], "human"]) == 0
    assert "none of its" not in capsys.readouterr().err


def test_building_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from isoclr.cli import main\n"
        "sys.exit(main('build --out C inputs.toml'.split()) or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
