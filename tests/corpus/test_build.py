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

from isoclr.corpus.build import DEFAULTS, build, make_plan, metadata
from isoclr.corpus.corpus import Corpus, open_corpus
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


def test_a_genome_and_its_annotation(world: Any, tmp_path: Path) -> None:
    corpus = build(
        out=tmp_path / "c", species="human", genome=world.genome, annotation=(world.annotation,)
    )
    assert len(corpus) == len(world.truth)
    _check(corpus, world.truth)
    genes = {one.gene_id for one in world.truth}
    assert corpus.num_gene_sets == len(genes)
    table = corpus.transcripts
    assert table["n_exons"].to_list() == [
        len(next(t.exon_ends for t in world.truth if t.transcript_id == name))
        for name in table["transcript_id"]
    ]
    assert set(table["cds_source"]) == {"annotated", "none"}
    assert set(table["gene_set"]) == {f"human|{gene.split('.')[0]}" for gene in genes}


def test_transcripts_and_their_annotation_give_the_same_tracks(world: Any, tmp_path: Path) -> None:
    corpus = build(
        out=tmp_path / "c",
        species="human",
        transcripts=world.transcripts,
        annotation=(world.annotation,),
    )
    _check(corpus, world.truth)
    names = [one.transcript_id for one in world.truth]
    assert corpus.transcripts["transcript_id"].to_list() == names  # the FASTA's order


def test_bare_transcripts_have_no_exons_and_called_orfs(tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    fasta.write_text(">a\nCCATGAAACCCTAAGG\n>b\nCCCCCC\n")
    corpus = build(out=tmp_path / "c", species="axolotl", transcripts=fasta, orf_min_length=9)
    assert corpus.transcripts["cds_source"].to_list() == ["orf", "none"]
    assert corpus.transcripts["gene_set"].to_list() == ["axolotl|a", "axolotl|b"]
    assert corpus.index["n_exons"].tolist() == [0, 0]
    assert not (corpus.codes & EXON_END).any()
    without = build(out=tmp_path / "d", species="axolotl", transcripts=fasta, orf=False)
    assert without.transcripts["cds_source"].to_list() == ["none", "none"]


def test_nothing_changes_with_jobs_or_place_or_time(world: Any, tmp_path: Path) -> None:
    words = (
        f"species=human,genome={world.genome},annotation={world.annotation}",
        f"species=mouse,transcripts={world.transcripts},annotation={world.annotation}",
        f"species=cow,transcripts={world.transcripts}",
    )
    one = build(out=tmp_path / "one", input=words, jobs=1)
    four = build(out=tmp_path / "deeper" / "four", input=words, jobs=4)
    assert _bytes(one) == _bytes(four)
    assert sorted(_bytes(one)) == ["codes.bin", "corpus.json", "index.npy", "transcripts.parquet"]


def test_meta_tells_inputs_options_and_counts(world: Any, tmp_path: Path) -> None:
    corpus = build(
        out=tmp_path / "c",
        species="Homo sapiens",
        genome=world.genome,
        annotation=(world.annotation,),
        max_length=200,
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


def test_homologs_share_a_gene_set(tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    fasta.write_text(">t{} gene:{} gene_symbol:{}\nACGTAC\n".format(1, "9", "X"))
    other = tmp_path / "other.fa"
    other.write_text(">u1 gene:ENSMUSG00000000001.4\nTTTT\n>u2 gene:ENSMUSG00000000002\nTTTTT\n")
    homology = tmp_path / "homologene.data"
    homology.write_text("3\t9606\t9\tX\t\t\n3\t10090\t77\tx\t\t\n")
    ids = tmp_path / "mouse.tsv"
    ids.write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\nENSMUSG00000000001\t77\tx\n")
    words = (f"species=human,transcripts={fasta}", f"species=mouse,transcripts={other}")

    def sets(name: str, **options: Any) -> list[str]:
        corpus = build(out=tmp_path / name, input=words, **options)
        return list(corpus.transcripts["gene_set"])

    joined = {"homology": homology, "gene_ids": (f"mouse={ids}",)}
    assert sets("a", **joined) == ["HID:3", "HID:3", "mouse|ENSMUSG00000000002"]
    assert sets("b", **joined, scope="within-species") == [
        "human|HID:3",
        "mouse|HID:3",
        "mouse|ENSMUSG00000000002",
    ]
    orthologs = tmp_path / "gene_orthologs"
    orthologs.write_text(
        "#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID\n9606\t9\tOrtholog\t10090\t77\n"
    )
    assert sets("o", **joined | {"homology": orthologs}) == [
        "ORTH:9",
        "ORTH:9",
        "mouse|ENSMUSG00000000002",
    ]
    assert sets("c") == ["human|9", "mouse|ENSMUSG00000000001", "mouse|ENSMUSG00000000002"]


def test_a_toml_file_names_inputs_and_options(world: Any, tmp_path: Path) -> None:
    file = tmp_path / "inputs.toml"
    file.write_text(
        'max_length = 300\n[[input]]\nspecies = "human"\ngenome = "genome.fa"\nannotation = "genes.gtf"\n'
    )
    given = build(
        out=tmp_path / "given",
        species="human",
        genome=world.genome,
        annotation=(world.annotation,),
        max_length=300,
    )
    assert _bytes(build((file,), out=tmp_path / "toml")) == _bytes(given)
    wins = build((file,), out=tmp_path / "wins", max_length=250)
    assert wins.meta["options"]["max_length"] == 250


def test_noncoding_rnas_can_be_left_out(world: Any, tmp_path: Path) -> None:
    corpus = build(
        out=tmp_path / "c",
        species="human",
        genome=world.genome,
        annotation=(world.annotation,),
        noncoding=False,
    )
    coding = [one for one in world.truth if one.codon_starts]
    assert len(corpus) == len(coding)
    dropped = corpus.meta["by_species"]["human"]["dropped"]
    assert dropped == {"noncoding": len(world.truth) - len(coding)}
    _check(corpus, coding)


def test_gzipped_inputs_give_the_same_corpus(world: Any, tmp_path: Path) -> None:
    for file in (world.genome, world.annotation):
        Path(f"{file}.gz").write_bytes(gzip.compress(file.read_bytes()))
    plain = build(
        out=tmp_path / "p", species="human", genome=world.genome, annotation=(world.annotation,)
    )
    packed = build(
        out=tmp_path / "z",
        species="human",
        genome=Path(f"{world.genome}.gz"),
        annotation=(Path(f"{world.annotation}.gz"),),
    )
    for name in ("codes.bin", "index.npy", "transcripts.parquet"):
        assert _bytes(plain)[name] == _bytes(packed)[name]


def test_errors_leave_nothing_behind(world: Any, tmp_path: Path) -> None:
    bad = tmp_path / "protein.fa"
    bad.write_text(">p\nMKVLAAGE\n")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"protein\.fa"):
        build(out=tmp_path / "c", species="human", transcripts=bad)
    with pytest.raises(InputError, match="no transcript is left: dropped"):
        build(
            out=tmp_path / "c",
            species="human",
            genome=world.genome,
            annotation=(world.annotation,),
            max_length=1,
        )
    assert sorted(tmp_path.iterdir()) == before


def test_a_target_is_replaced_only_when_asked_and_only_a_corpus(world: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {"species": "human", "transcripts": world.transcripts}
    build(out=tmp_path / "c", **options)
    with pytest.raises(InputError, match="exists already"):
        build(out=tmp_path / "c", **options)
    build(out=tmp_path / "c", **options, overwrite=True)
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.tex").write_text("precious")
    with pytest.raises(InputError, match="not a corpus, --overwrite replaces nothing else"):
        build(out=other, **options, overwrite=True)
    assert (other / "chapter1.tex").exists()


def test_a_killed_build_leaves_nothing_that_opens(world: Any, tmp_path: Path) -> None:
    out = tmp_path / "c"
    code = (
        "import isoclr.corpus.write as w, time\n"
        "old = w._counts\n"
        "w._counts = lambda index: (print('written', flush=True), time.sleep(60), old(index))[2]\n"
        f"from isoclr import build; build(out={str(out)!r}, species='human', transcripts={str(world.transcripts)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"  # codes, index and names are on disk
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
    for folder in tmp_path.glob(".c.*"):
        with pytest.raises(InputError, match="not a corpus"):
            open_corpus(folder)
    assert len(build(out=out, species="human", transcripts=world.transcripts))


@pytest.mark.realdata
def test_real_transcripts_with_their_annotation(real_data: Path, tmp_path: Path) -> None:
    """GENCODE's chr19: nearly all coding sequences begin with ATG and end with a stop, none has one inside."""
    corpus = build(
        out=tmp_path / "c",
        species="human",
        transcripts=real_data / "transcripts/human_chr19.cdna.fa.gz",
        annotation=(real_data / "transcripts/human_chr19.gencode24.gtf.gz",),
    )
    assert len(corpus) > 11_000
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
        ("worm", "celegans.1pct.fa.gz", "celegans.1pct.gff3.gz"),
        ("fly", "dmelanogaster.1pct.fa.gz", "dmelanogaster.1pct.gff3.gz"),
        ("arabidopsis", "athaliana.1pct.fa.gz", "athaliana.1pct.gff3.gz"),
        ("human", "human_chr9_1Mb.fa.gz", "human_chr9_1Mb.ensembl91.gtf.gz"),
        ("mouse", "mouse_chr9_4Mb.fa.gz", "mouse_chr9_4Mb.gencode.gtf.gz"),
    ],
)
def test_real_genomes_give_coding_sequences_that_translate(
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


def _part(records: int, dropped: dict[str, int], noted: dict[str, int]) -> TranscriptTable:
    return TranscriptTable(
        pl.DataFrame(),
        np.empty(0, np.uint8),
        records,
        records - 1,
        Counter(dropped),
        Counter(noted),
    )


def test_counts_are_added_up_by_species_and_files_named_by_content(tmp_path: Path) -> None:
    fasta, homology = tmp_path / "t.fa", tmp_path / "h.data"
    fasta.write_text(">a\nACGT\n")
    homology.write_text("12345")
    words = [f"species={name},transcripts={fasta}" for name in ("human", "mouse", "human")]
    plan = make_plan([], {}, words, DEFAULTS | {"homology": homology, "shard": "1/2"})
    parts = [
        _part(10, {"empty": 1}, {"odd": 2}),
        _part(20, {}, {}),
        _part(30, {"empty": 2, "noncoding": 5}, {}),
    ]
    found = metadata(plan, parts, {"human": (3, 9)}, {fasta: "f" * 64, homology: "0" * 64})
    assert found["by_species"]["human"] == {
        "records": 38,
        "genes": 9,
        "mapped_genes": 3,
        "dropped": {"empty": 3, "noncoding": 5},
        "noted": {"odd": 2},
    }
    assert found["by_species"]["mouse"]["genes"] == 0
    assert found["inputs"][1]["transcripts"] == {"name": "t.fa", "size": 8, "sha256": "f" * 64}
    assert found["homology"] == {"name": "h.data", "size": 5, "sha256": "0" * 64}
    assert found["shard"] == [1, 2]
    assert "jobs" not in found["options"]  # it changes nothing in the corpus


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    (tmp_path / "t.fa").write_text(">a\nACGT\n")
    return tmp_path / "t.fa"


def _plan(fasta: Path, **given: Any) -> Any:
    return make_plan([], {"species": "human", "transcripts": fasta}, (), DEFAULTS | given)


def test_inputs_from_everywhere_in_one_order(fasta: Path) -> None:
    toml = fasta.parent / "x.toml"
    toml.write_text(
        f'max_length = 99\nnoncoding = false\n[[input]]\nspecies="cow"\ntranscripts="{fasta.name}"\n'
    )
    plan = make_plan(
        [toml],
        {"species": "human", "transcripts": fasta},
        [f"species=mouse,transcripts={fasta}", f"species=hg38,transcripts={fasta}"],
        DEFAULTS | {"max_length": 50},
    )
    assert [each.species for each in plan.inputs] == ["human", "mouse", "human", "cow"]
    assert plan.species == ["human", "mouse", "cow"]
    assert plan.options.max_length == 50  # said on the command line
    assert not plan.options.noncoding  # said in the file


def test_jobs_zero_is_every_core(fasta: Path) -> None:
    assert _plan(fasta).jobs >= 1
    assert _plan(fasta, jobs=3).jobs == 3


def test_shards(fasta: Path) -> None:
    assert _plan(fasta).options.shard is None
    assert _plan(fasta, shard="2/4").options.shard == (2, 4)


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", "1/2/3", ""])
def test_wrong_shards(shard: str, fasta: Path) -> None:
    with pytest.raises(InputError, match="expected i/n with 1 ≤ i ≤ n"):
        _plan(fasta, shard=shard)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("scope", "galaxy", "scope is 'galaxy', expected one of across-species, within-species"),
        ("max_length", 0, "max_length is 0, expected at least 1"),
        ("max_length", "long", "max_length is 'long', expected int"),
        ("orf", "yes", "orf is 'yes', expected bool"),
        ("jobs", -1, "jobs is -1, expected at least 0"),
        ("orf_min_length", 3, "orf_min_length is 3, expected at least 6"),
    ],
)
def test_wrong_values(option: str, value: Any, message: str, fasta: Path) -> None:
    with pytest.raises(InputError, match=message):
        _plan(fasta, **{option: value})


def test_nothing_to_build_from() -> None:
    with pytest.raises(InputError, match="nothing to build from"):
        make_plan([], {"species": None}, (), DEFAULTS)
