"""The truth is what genome and annotation say, and what a corpus of them holds."""

import hashlib
import itertools
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.cli import main
from isoclr.corpus.build import build
from isoclr.corpus.corpus import open_corpus
from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, letters
from isoclr.simulation.simulate import SimulatedData, simulate


def digest(sequence: str) -> str:
    return hashlib.sha256(sequence.encode()).hexdigest()


STOPS = {"TAA", "TAG", "TGA"}


def test_truth(world: SimulatedData, genomes: dict[str, Any], annotations: dict[str, Any]) -> None:
    truth = world.truth()
    assert len(truth) == sum(len(by_id) for by_id in annotations.values())
    for row in truth.iter_rows(named=True):
        annotated = annotations[row["species"]][row["transcript_id"]]
        sequence = annotated.sequence(genomes[row["species"]])
        assert digest(sequence) == row["sha256"]
        assert len(sequence) == row["length"]
        assert annotated.cds() == (row["cds_start"], row["cds_end"])
        exons = sorted(annotated.exons, reverse=annotated.strand == "-")
        assert [a for a, _ in exons] == row["exon_starts"]
        assert [b - a for a, b in exons] == row["exon_lengths"]
        assert (annotated.chrom, annotated.strand) == (row["chrom"], row["strand"])
        assert (annotated.gene_id, annotated.transcript_type) == (row["gene_id"], row["biotype"])
        if row["cds_start"] >= 0:
            coding = sequence[row["cds_start"] : row["cds_end"]]
            codons = [coding[i : i + 3] for i in range(0, len(coding) - 2, 3)]
            assert not STOPS & set(codons[:-1])
            assert (codons[-1] in STOPS) == row["has_stop"]
            assert codons[0] == "ATG" or not row["has_start"]
            assert len(coding) % 3 == 0 or not row["has_stop"]
        utr3 = sequence[row["cds_end"] :] if row["has_stop"] else ""
        assert utr3.count("TATTTAT") == row["are"]
        assert sum(utr3.count(f"TGTA{n}ATA") for n in "ACGT") == row["pumilio"]
        assert utr3.count("CCCTCCC") == row["c_rich"]


def test_special_cases_of_real_annotations(genomes: dict[str, Any], annotations: dict[str, Any]) -> None:
    everything = [t for by_id in annotations.values() for t in by_id.values()]
    assert {t.strand for t in everything} == {"+", "-"}
    assert any(len(t.stop_codon) == 2 for t in everything)
    assert any(len(t.start_codon) == 2 for t in everything)
    assert any(b == c for t in everything for (_, b), (c, _) in itertools.pairwise(sorted(t.exons)))
    assert any("cds_start_NF" in t.tags and t.cds()[0] in (1, 2) for t in everything)
    assert any("cds_end_NF" in t.tags and not t.stop_codon for t in everything)
    assert all(len(t.tags) == 2 for t in everything if t.start_codon and t.stop_codon and t.tags[0] == "basic")
    assert {t.transcript_type for t in everything} == {"protein_coding", "lncRNA", "retained_intron"}
    chromosomes = [sequence for genome in genomes.values() for sequence in genome.values()]
    assert 0 < sum(sequence[500:-500].count("N") for sequence in chromosomes) < 15


def test_splice_sites(genomes: dict[str, Any], annotations: dict[str, Any]) -> None:
    seen = 0
    for name, by_id in annotations.items():
        for annotated in by_id.values():
            exons = sorted(annotated.exons)
            for (_, start), (end, _) in itertools.pairwise(exons):
                intron = genomes[name][annotated.chrom][start:end]
                edges = (intron[:2], intron[-2:])
                expected = ("GT", "AG") if annotated.strand == "+" else ("CT", "AC")
                assert not intron or edges == expected
                seen += 1
    assert seen > 1000


def test_corpus_equals_the_truth(world: SimulatedData, tmp_path: Path) -> None:
    build((world.inputs,), out=tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    truth = {row["transcript_id"]: row for row in world.truth().iter_rows(named=True)}
    kept = world.truth().unique(["gene_set", "sha256"])
    assert len(corpus) == len(kept)
    for i, row in enumerate(corpus.transcripts.iter_rows(named=True)):
        true, codes = truth[row["transcript_id"]], corpus.codes_of(i)
        assert digest(letters(codes)) == true["sha256"]
        assert row["gene_set"] == true["gene_set"]
        assert row["species"] == true["species"]
        ends = np.flatnonzero(codes & EXON_END)
        assert ends.tolist() == (np.cumsum(true["exon_lengths"]) - 1).tolist()
        starts = np.flatnonzero(codes & CODON_START)
        expected = range(true["cds_start"], true["cds_end"] - 2, 3) if true["cds_start"] >= 0 else ()
        assert starts.tolist() == list(expected)


def test_same_bytes(tmp_path: Path) -> None:
    def contents(out: Path, **options: Any) -> dict[str, bytes]:
        simulate(out=out, size="tiny", genes=6, **options)
        return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}

    first = contents(tmp_path / "a", seed=1)
    assert contents(tmp_path / "b", seed=1) == first
    other = contents(tmp_path / "c", seed=2)
    assert {name for name in first if first[name] == other[name]} == {"inputs.toml"}


def test_gene_sets(world: SimulatedData) -> None:
    genes = world.truth().unique("gene_id")
    mapped = genes.filter(pl.col("gene_set").str.starts_with("HID:"))
    assert (mapped["gene_set"] == "HID:" + (mapped["family"] + 1).cast(pl.String)).all()
    assert mapped.group_by("gene_set").agg(pl.col("species").n_unique())["species"].max() == 2
    unknown = genes.filter(~pl.col("gene_set").str.starts_with("HID:"))
    assert unknown["gene_set"].is_unique().all()
    # orthologs that HomoloGene does not know share a symbol: merging by symbol would show
    assert not unknown["gene_symbol"].is_unique().all()


def test_isoforms_per_gene(world: SimulatedData) -> None:
    counts = world.truth().filter(species="human").group_by("gene_id").len()["len"]
    assert 0.4 < (counts >= 2).mean() < 0.65  # type: ignore[operator]
    assert 2.5 < counts.mean() < 6  # type: ignore[operator]
    assert counts.max() >= 15  # type: ignore[operator]


def test_labels(world: SimulatedData) -> None:
    genes = pl.read_parquet(world.path / "genes.parquet")
    for name in world.species:
        labels = pl.read_csv(world.labels(name), separator="\t")
        mine = genes.filter(species=name)
        assert labels["gene_id"].to_list() == mine["gene_id"].str.replace(r"\..*", "").to_list()
        np.testing.assert_allclose(labels["half_life"], mine["half_life"], atol=1e-6)
        assert labels["fold"].to_list() == [family % 10 for family in mine["family"]]


def test_inputs_toml(world: SimulatedData) -> None:
    inputs = tomllib.loads(world.inputs.read_text())
    paths = [inputs["homology"], *inputs["gene_ids"].values()]
    paths += [one[what] for one in inputs["input"] for what in ("genome", "annotation")]
    assert all((world.path / path).is_file() for path in paths)
    assert [one["species"] for one in inputs["input"]] == list(world.species)


def test_rows(world: SimulatedData) -> None:
    truth = world.truth()
    first = list(world.rows()[0].values())
    human = truth.filter(species="human")
    assert first[:4] == ["human", human["gene_id"].n_unique(), human["gene_set"].n_unique(), len(human)]
    assert first[5] == human["length"].sum()


def test_existing_directory(world: SimulatedData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already"):
        simulate(out=world.path, size="tiny")
    (tmp_path / "old").mkdir()
    simulate(out=tmp_path / "old", size="tiny", genes=5, species=1, overwrite=True)
    assert (tmp_path / "old/inputs.toml").exists()


def test_overwrite_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        simulate(out=tmp_path, size="tiny", genes=5, species=1, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_bad_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option, value in (("--seed", "-1"), ("--species", "0")):
        assert main(["simulate", "--out", str(tmp_path / "world"), option, value]) == 2
        assert f"{option} is {value}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "world"
    assert main(["simulate", "--out", str(out), "--size", "tiny", "--genes", "3"]) == 0
    printed, messages = capsys.readouterr()
    assert "human" in printed
    assert "mouse" in printed
    assert "isoclr build --out CORPUS" in messages
    assert (out / "inputs.toml").is_file()
