import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr._io import sha256
from isoclr.cli import main
from isoclr.corpus.build import build, metadata
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.inputs import BuildConfig, Input, Plan
from isoclr.corpus.transcripts import TranscriptTable
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, letters


def _bytes(corpus: Corpus | Path) -> dict[str, bytes]:
    folder = corpus if isinstance(corpus, Path) else corpus.path
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def _check(corpus: Corpus, truth: list[Any]) -> None:
    """Every transcript's sequence, codons and exon ends are the true ones."""
    for one in truth:
        codes = corpus.codes_of(corpus.find(one.transcript_id))
        assert letters(codes) == one.sequence, one.transcript_id
        assert np.flatnonzero(codes & EXON_END).tolist() == one.exon_ends
        assert np.flatnonzero(codes & CODON_START).tolist() == one.codon_starts


def test_genome_with_annotation(world: Any, tmp_path: Path) -> None:
    corpus = build(out=tmp_path / "c", species="human", genome=world.genome, annotation=(world.annotation,))
    assert len(corpus) == len(world.truth)
    _check(corpus, world.truth)
    genes = {one.gene_id for one in world.truth}
    assert corpus.num_gene_sets == len(genes)
    table = corpus.transcripts
    assert table["n_exons"].to_list() == [
        len(next(t.exon_ends for t in world.truth if t.transcript_id == name)) for name in table["transcript_id"]
    ]
    assert set(table["cds_source"]) == {"annotated", "none"}
    assert set(table["gene_set"]) == {f"human|{gene.split('.')[0]}" for gene in genes}


def test_transcripts_with_annotation(world: Any, tmp_path: Path) -> None:
    corpus = build(out=tmp_path / "c", species="human", transcripts=world.transcripts, annotation=(world.annotation,))
    _check(corpus, world.truth)
    names = [one.transcript_id for one in world.truth]
    assert corpus.transcripts["transcript_id"].to_list() == names  # the FASTA's order


def test_canonical_transcripts(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (one.transcript_id for one in world.truth[:2])
    mane = tmp_path / "mane.txt"
    mane.write_text(
        f"RefSeq_nuc\tEnsembl_nuc\tMANE_status\nNM_1.1\t{first}\tMANE Select\nNM_2.1\t{second}\tMANE Plus Clinical\n"
    )
    files: Any = {"species": "human", "genome": world.genome, "annotation": (world.annotation,)}
    corpus = build(out=tmp_path / "c", mane=mane, **files)
    table = corpus.transcripts
    assert table.filter("canonical")["transcript_id"].to_list() == [first]
    assert corpus.meta["mane"]["name"] == "mane.txt"
    table.drop("canonical").write_parquet(corpus.path / "transcripts.parquet")  # that of an earlier version
    meta = json.loads((corpus.path / "corpus.json").read_text())
    file = corpus.path / "transcripts.parquet"
    meta["files"][file.name] = {"size": file.stat().st_size, "sha256": sha256(file)}
    (corpus.path / "corpus.json").write_text(json.dumps(meta))
    assert not open_corpus(corpus.path).transcripts["canonical"].any()
    (tmp_path / "inputs.toml").write_text("mane = 'none.txt'\n")
    (tmp_path / "none.txt").write_text("RefSeq_nuc\tEnsembl_nuc\tMANE_status\nNM_1.1\tENST1.1\tMANE Select\n")
    capsys.readouterr()
    build((tmp_path / "inputs.toml",), out=tmp_path / "d", **files)
    assert (
        f"none.txt: none of its MANE Select transcripts is among those of the inputs, such as {first}"
        in capsys.readouterr().err
    )


def test_transcripts_without_annotation(tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    fasta.write_text(">a\nCCATGAAACCCTAAGG\n>b\nCCCCCC\n")
    corpus = build(out=tmp_path / "c", species="axolotl", transcripts=fasta, orf_min_length=9)
    assert corpus.transcripts["cds_source"].to_list() == ["orf", "none"]
    assert corpus.transcripts["gene_set"].to_list() == ["axolotl|a", "axolotl|b"]
    assert corpus.index["n_exons"].tolist() == [0, 0]
    assert not (corpus.codes & EXON_END).any()
    without = build(out=tmp_path / "d", species="axolotl", transcripts=fasta, orf=False)
    assert without.transcripts["cds_source"].to_list() == ["none", "none"]


def test_same_bytes_with_any_number_of_jobs(world: Any, toml: Any, tmp_path: Path) -> None:
    inputs = toml(
        {"species": "human", "genome": world.genome, "annotation": world.annotation},
        {"species": "mouse", "transcripts": world.transcripts, "annotation": world.annotation},
        {"species": "cow", "transcripts": world.transcripts},
    )
    one = build(inputs, out=tmp_path / "one", jobs=1)
    four = build(inputs, out=tmp_path / "deeper" / "four", jobs=4)
    assert _bytes(one) == _bytes(four)
    assert sorted(_bytes(one)) == ["codes.bin", "corpus.json", "index.npy", "transcripts.parquet"]


def test_corpus_json(world: Any, tmp_path: Path) -> None:
    corpus = build(
        out=tmp_path / "c", species="Homo sapiens", genome=world.genome, annotation=(world.annotation,), max_length=200
    )
    meta = json.loads((corpus.path / "corpus.json").read_text())
    assert meta["species"] == ["human"]
    assert meta["options"]["max_length"] == 200
    assert meta["inputs"][0]["genome"]["name"] == "genome.fa"
    assert meta["inputs"][0]["genome"]["size"] == world.genome.stat().st_size
    assert len(meta["inputs"][0]["annotation"][0]["sha256"]) == 64
    assert meta["inputs"][0]["chromosomes_renamed"] == {"chr1": "1", "chr2": "2"}
    long = sum(len(one.sequence) > 200 for one in world.truth)
    assert meta["by_species"]["human"]["dropped"] == {"longer_than_max_length": long}
    assert meta["by_species"]["human"]["records"] == len(world.truth)
    assert meta["counts"]["transcripts"] == len(world.truth) - long == len(corpus)
    assert str(tmp_path) not in json.dumps(meta)


def test_homologs_share_a_gene_set(toml: Any, tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    fasta.write_text(">t{} gene:{} gene_symbol:{}\nACGTAC\n".format(1, "9", "X"))
    other = tmp_path / "other.fa"
    other.write_text(">u1 gene:ENSMUSG00000000001.4\nTTTT\n>u2 gene:ENSMUSG00000000002\nTTTTT\n")
    homology = tmp_path / "homologene.data"
    homology.write_text("3\t9606\t9\tX\t\t\n3\t10090\t77\tx\t\t\n")
    ids = tmp_path / "mouse.tsv"
    ids.write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\nENSMUSG00000000001\t77\tx\n")
    inputs = toml({"species": "human", "transcripts": fasta}, {"species": "mouse", "transcripts": other})

    def sets(name: str, **options: Any) -> list[str]:
        corpus = build(inputs, out=tmp_path / name, **options)
        return list(corpus.transcripts["gene_set"])

    joined = {"homology": homology, "gene_ids": (f"mouse={ids}",)}
    assert sets("a", **joined) == ["HID:3", "HID:3", "mouse|ENSMUSG00000000002"]
    assert sets("b", **joined, scope="within-species") == ["human|HID:3", "mouse|HID:3", "mouse|ENSMUSG00000000002"]
    orthologs = tmp_path / "gene_orthologs"
    orthologs.write_text("#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID\n9606\t9\tOrtholog\t10090\t77\n")
    assert sets("o", **joined | {"homology": orthologs}) == ["ORTH:9", "ORTH:9", "mouse|ENSMUSG00000000002"]
    assert sets("c") == ["human|9", "mouse|ENSMUSG00000000001", "mouse|ENSMUSG00000000002"]


def test_toml_file_of_inputs_and_options(world: Any, tmp_path: Path) -> None:
    file = tmp_path / "inputs.toml"
    file.write_text('max_length = 300\n[[input]]\nspecies = "human"\ngenome = "genome.fa"\nannotation = "genes.gtf"\n')
    given = build(
        out=tmp_path / "given", species="human", genome=world.genome, annotation=(world.annotation,), max_length=300
    )
    assert _bytes(build((file,), out=tmp_path / "toml")) == _bytes(given)
    wins = build((file,), out=tmp_path / "wins", max_length=250)
    assert wins.meta["options"]["max_length"] == 250


def test_no_noncoding(world: Any, tmp_path: Path) -> None:
    corpus = build(
        out=tmp_path / "c", species="human", genome=world.genome, annotation=(world.annotation,), noncoding=False
    )
    coding = [one for one in world.truth if one.codon_starts]
    assert len(corpus) == len(coding)
    dropped = corpus.meta["by_species"]["human"]["dropped"]
    assert dropped == {"noncoding": len(world.truth) - len(coding)}
    _check(corpus, coding)


def test_gzip_inputs(world: Any, tmp_path: Path) -> None:
    for file in (world.genome, world.annotation):
        Path(f"{file}.gz").write_bytes(gzip.compress(file.read_bytes()))
    plain = build(out=tmp_path / "p", species="human", genome=world.genome, annotation=(world.annotation,))
    packed = build(
        out=tmp_path / "z",
        species="human",
        genome=Path(f"{world.genome}.gz"),
        annotation=(Path(f"{world.annotation}.gz"),),
    )
    for name in ("codes.bin", "index.npy", "transcripts.parquet"):
        assert _bytes(plain)[name] == _bytes(packed)[name]


def test_failed_build_leaves_no_files(world: Any, tmp_path: Path) -> None:
    bad = tmp_path / "protein.fa"
    bad.write_text(">p\nMKVLAAGE\n")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"protein\.fa"):
        build(out=tmp_path / "c", species="human", transcripts=bad)
    with pytest.raises(InputError, match="no transcript is left: dropped"):
        build(out=tmp_path / "c", species="human", genome=world.genome, annotation=(world.annotation,), max_length=1)
    assert sorted(tmp_path.iterdir()) == before


def test_overwrite_replaces_only_a_corpus(world: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {"species": "human", "transcripts": world.transcripts}
    build(out=tmp_path / "c", **options)
    with pytest.raises(InputError, match="exists already"):
        build(out=tmp_path / "c", **options)
    build(out=tmp_path / "c", **options, overwrite=True)
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.tex").write_text("precious")
    with pytest.raises(InputError, match=r"chapter1\.tex"):
        build(out=other, **options, overwrite=True)
    assert (other / "chapter1.tex").exists()


def test_killed_build_leaves_no_corpus(world: Any, tmp_path: Path) -> None:
    out = tmp_path / "c"
    code = (
        "import isoclr.corpus.write as w, sys, time\n"
        "old = w._counts\n"
        "w._counts = lambda index: (print('torch' in sys.modules, flush=True), time.sleep(60), old(index))[2]\n"
        f"from isoclr import build; build(out={str(out)!r}, species='human', transcripts={str(world.transcripts)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "False\n"  # codes, index and names are on disk, without torch
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
    for folder in tmp_path.glob(".c.*"):
        with pytest.raises(InputError, match="not a corpus"):
            open_corpus(folder)
    assert len(build(out=out, species="human", transcripts=world.transcripts))


@pytest.mark.realdata
def test_real_transcripts(real_data: Path, tmp_path: Path) -> None:
    """GENCODE's chr19: nearly all coding sequences begin with ATG and end with a stop, none has one inside."""
    corpus = build(
        out=tmp_path / "c",
        species="human",
        transcripts=real_data / "transcripts/human_chr19.cdna.fa.gz",
        annotation=(real_data / "transcripts/human_chr19.gencode24.gtf.gz",),
    )
    noted = corpus.meta["by_species"]["human"]["noted"]
    reasons = ("length_disagrees", "poly_a_tail", "not_in_annotation")
    assert [noted[reason] for reason in reasons] == [129, 2, 265]  # of 11,470
    table = corpus.transcripts
    annotated = np.flatnonzero((table["cds_source"] == "annotated").to_numpy())
    assert len(annotated) > 7_000
    assert (corpus.index["n_exons"] > 0).sum() > 11_000
    inside = 0
    whole = 0
    for i in annotated[::7]:
        row = corpus.index[i]
        cds = letters(corpus.codes_of(int(i)))[row["cds_start"] : row["cds_end"]]
        codons = [cds[k : k + 3] for k in range(0, len(cds) - 2, 3)]
        inside += any(codon in ("TAA", "TAG", "TGA") for codon in codons[:-1])
        whole += codons[0] == "ATG" and codons[-1] in ("TAA", "TAG", "TGA")
    assert inside <= 0.01 * len(annotated[::7])
    assert whole >= 0.6 * len(annotated[::7])


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("species", "name", "annotation"),
    [
        ("human", "human_chr9_1Mb.fa.gz", "human_chr9_1Mb.ensembl91.gtf.gz"),
        ("mouse", "mouse_chr9_4Mb.fa.gz", "mouse_chr9_4Mb.gencode.gtf.gz"),
    ],
)
def test_real_genomes_have_open_reading_frames(
    species: str, name: str, annotation: str, real_data: Path, tmp_path: Path
) -> None:
    corpus = build(
        out=tmp_path / "c",
        species=species,
        genome=real_data / "genomes" / name,
        annotation=(real_data / "genomes" / annotation,),
        orf=False,
    )
    coding = np.flatnonzero(corpus.index["cds_start"] >= 0)
    assert len(coding) >= 10
    for i in coding.tolist():
        row = corpus.index[i]
        cds = letters(corpus.codes_of(i))[row["cds_start"] : row["cds_end"]]
        inside = {cds[k : k + 3] for k in range(0, len(cds) - 5, 3)}
        assert not inside & {"TAA", "TAG", "TGA"}, corpus.transcripts["transcript_id"][i]


def test_orf_of_one_input(tmp_path: Path) -> None:
    """``orf = false`` reads one input's RNAs as non-coding; those with an annotated CDS keep it."""
    (tmp_path / "a.fa").write_text(">a\nCCATGAAACCCTAAGG\n>b CDS=3-8\nCCATGTAAACCCTAAGG\n")
    (tmp_path / "c.fa").write_text(">c\nCATGAAACCCTAAGG\n")
    table = '[[input]]\nspecies = "x"\ntranscripts = "{}.fa"\n'
    for orf, source in (("true", "orf"), ("false", "none")):
        inputs = tmp_path / "inputs.toml"
        inputs.write_text(table.format("a") + f"orf = {orf}\n" + table.format("c"))
        corpus = build((inputs,), out=tmp_path / orf, orf_min_length=9)
        assert corpus.transcripts["cds_source"].to_list() == [source, "annotated", "orf"]
        assert corpus.meta["inputs"][0].get("orf", True) == (orf == "true")
        assert corpus.meta["options"]["orf"] is True


def _part(records: int, dropped: dict[str, int], noted: dict[str, int]) -> TranscriptTable:
    codes = np.empty(0, np.uint8)
    return TranscriptTable(pl.DataFrame(), codes, records, Counter(dropped), Counter(noted))


def test_metadata(tmp_path: Path) -> None:
    fasta, homology = tmp_path / "t.fa", tmp_path / "h.data"
    fasta.write_text(">a\nACGT\n")
    homology.write_text("12345")
    inputs = [Input(name, fasta, None, ()) for name in ("human", "mouse", "human")]
    plan = Plan(inputs, homology, {}, BuildConfig())
    parts = [_part(10, {"empty": 1}, {"odd": 2}), _part(20, {}, {}), _part(30, {"empty": 2, "noncoding": 5}, {})]
    meta = metadata(plan, parts, {"human": (3, 9)}, {fasta: "f" * 64, homology: "0" * 64})
    assert meta["by_species"]["human"] == {
        "records": 40,
        "genes": 9,
        "mapped_genes": 3,
        "dropped": {"empty": 3, "noncoding": 5},
        "noted": {"odd": 2},
    }
    assert meta["by_species"]["mouse"]["genes"] == 0
    assert meta["inputs"][1]["transcripts"] == {"name": "t.fa", "size": 8, "sha256": "f" * 64}
    assert meta["homology"] == {"name": "h.data", "size": 5, "sha256": "0" * 64}
    assert "jobs" not in meta["options"]  # it does not change the corpus


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tail = 'gene_id "g"; transcript_id "t";'
    (tmp_path / "T.fa").write_text(">t\nATGAAATAACC\n>u\nGGGTTT\n")
    (tmp_path / "G.fa").write_text(">1\nATGAAATAACCGGG\n")
    (tmp_path / "A.gtf").write_text(f"chr1\tx\texon\t1\t11\t.\t+\t.\t{tail}\nchr1\tx\tCDS\t1\t6\t.\t+\t0\t{tail}\n")
    (tmp_path / "ids.tsv").write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\ng\t1\tX\n")
    (tmp_path / "inputs.toml").write_text('[[input]]\nspecies = "mouse"\ntranscripts = "T.fa"\nannotation = "A.gtf"\n')
    (tmp_path / "D").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b">t\n" + b"ACGT" * 99)[:-9])
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    (tmp_path / "unknown.toml").write_text('homolgy = "x"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_command_with_transcripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--out", "C", "--species", "human", "--transcripts", "T.fa", "--annotation", "A.gtf"]) == 0
    printed = capsys.readouterr()
    assert "gene sets" in printed.out  # the tables
    assert "Corpus('C'" in printed.err  # the messages
    assert len(open_corpus("C")) == 2


def test_command_with_genome(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--out", "C", "--species", "worm", "--genome", "G.fa", "--annotation", "A.gtf"]) == 0
    assert "chr1 = 1" in capsys.readouterr().err
    assert open_corpus("C").index["cds_end"].tolist() == [9]


def test_command_with_toml(folder: Path) -> None:
    assert main(["build", "--out", "C", "inputs.toml"]) == 0
    assert open_corpus("C").species == ["mouse"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--out C", "nothing to build from"),
        ("--out C --species human --transcripts nowhere.fa", "no file nowhere.fa"),
        ("--out C nowhere.toml", "nowhere.toml: not found"),
        ("--out C inputs.toml --gene-ids cow=ids.tsv", "no input of 'cow'"),
        ("--out . inputs.toml", "expected the name of a new directory"),
        ("--out C --species human --transcripts D", "D is a directory, expected a file"),
        ("--out C --species human --transcripts empty", "empty: the file is empty, expected a FASTA"),
        ("--out C --species human --transcripts binary", r"binary: begins with '\x89'"),
        ("--out C --species human --genome cut.gz --annotation A.gtf", "the gzip file is cut off"),
        ("--out C --species human --genome T.fa --annotation A.gtf", "no sequence name in common"),
        ("--out C --species human --genome G.fa", "genome without annotation"),
        ("--out C --species human --transcripts T.fa --annotation cut.gz", "is cut off"),
        ("--out C --species human --transcripts G.fa --annotation A.gtf", "no transcript id in common"),
        ("--out C inputs.toml --homology nowhere", "--homology: no file nowhere"),
        ("--out C inputs.toml --homology binary", "is a binary file, expected HomoloGene"),
        ("--out C unknown.toml", "`homolgy`"),
        ("--out C inputs.toml --max-length 3", "no transcript is left: dropped 2 longer_than"),
    ],
)
def test_bad_input(words: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.iterdir())
    assert main(["build", *words.split()]) == 2
    line = capsys.readouterr().err
    assert line.startswith("isoclr: error: ")
    assert line.count("\n") == 1
    assert message in line
    assert sorted(folder.iterdir()) == before


def test_warning_about_a_species_without_homologs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def built(species: str, gene: str) -> str:
        (folder / "h.data").write_text(f"3\t9606\t1\t{gene}\t\t\n")
        words = f"build --out C --overwrite --homology h.data --transcripts T.fa --species {species}"
        assert main(words.split()) == 0
        return capsys.readouterr().err

    hint = "mouse: none of its 2 genes is in h.data; a table of its gene ids may help"
    assert hint in built("mouse", "X")
    assert hint.replace("mouse", "human") in built("human", "X")
    assert "mose: none of its 2 genes is in h.data; its name is not known" in built("mose", "X")
    assert "none of its" not in built("human", "t")
