from pathlib import Path
from typing import Any

import pytest

import isoclr
from isoclr.cli import main
from isoclr.corpus.subset import subset
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters

HOMOLOGY = "3\t9606\t11\tA\t0\t\n3\t10090\t21\ta\t0\t\n"
RECORDS = {
    "human": [("H1.1", "11", "ATGGCTTGA"), ("H2.1", "11", "GGATGGCTGCTTGACC"), ("H3.1", "12", "ACGT")],
    "mouse": [("M1.1", "21", "CCCC"), ("M2.1", "22", "GGGG")],
}


@pytest.fixture
def whole(toml: Any, tmp_path: Path) -> Path:
    """Human genes 11 (two isoforms; the second has the longer CDS) and 12, mouse 21 and 22; 11 and 21 are homologs."""
    (tmp_path / "homologene.data").write_text(HOMOLOGY)
    inputs = []
    for species, records in RECORDS.items():
        fasta = tmp_path / f"{species}.fa"
        fasta.write_text("".join(f">{n} gene:{g}{_cds(s)}\n{s}\n" for n, g, s in records))
        inputs.append({"species": species, "transcripts": fasta})
    homology = tmp_path / "homologene.data"
    isoclr.build(toml(*inputs), out=tmp_path / "corpus", homology=homology, orf=False)
    return tmp_path / "corpus"


def _cds(sequence: str) -> str:
    start = sequence.find("ATG")
    return f" CDS={start + 1}-{sequence.rfind('TGA') + 3}" if start >= 0 else ""


def names(corpus: isoclr.Corpus) -> list[str]:
    return corpus.transcripts["transcript_id"].to_list()


def test_whole_corpus(whole: Path, tmp_path: Path) -> None:
    part, before = subset(whole, out=tmp_path / "out"), isoclr.open_corpus(whole)
    part.verify()
    assert part.codes.tobytes() == before.codes.tobytes()
    assert part.index.tobytes() == before.index.tobytes()
    assert part.meta["homology"] == before.meta["homology"]


def test_species(whole: Path, tmp_path: Path) -> None:
    part = subset(whole, out=tmp_path / "out", species=("mouse",))
    assert part.species == ["mouse"]
    assert names(part) == ["M1.1", "M2.1"]
    assert [letters(part.codes_of(i)) for i in range(2)] == ["CCCC", "GGGG"]
    assert set(part.meta["by_species"]) == {"mouse"}


def test_grouping_by_gene(whole: Path, tmp_path: Path) -> None:
    before = isoclr.open_corpus(whole)
    part = subset(whole, out=tmp_path / "out", grouping="genes")
    assert (before.num_gene_sets, part.num_gene_sets) == (3, 4)
    sets = dict(zip(names(part), part.index["gene_set"].tolist(), strict=True))
    assert sets["H1.1"] == sets["H2.1"] != sets["M1.1"]
    assert part.meta["homology"] is None
    assert part.meta["by_species"]["human"]["mapped_genes"] == 0


def test_one_isoform_per_gene(whole: Path, tmp_path: Path) -> None:
    part = subset(whole, out=tmp_path / "out", isoforms="one")
    assert names(part) == ["H2.1", "H3.1", "M1.1", "M2.1"]
    assert part.num_gene_sets == 3  # homologs are still together
    assert part.meta["by_species"]["human"]["dropped"]["not_in_the_subset"] == 1


def test_list_of_transcripts(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("M2.1\nH1.1\n\n")
    part = subset(whole, out=tmp_path / "out", transcripts=tmp_path / "names.txt")
    assert names(part) == ["H1.1", "M2.1"]
    (tmp_path / "names.txt").write_text("H1.1\nX9\n")
    with pytest.raises(InputError, match=r"names.txt: line 2: .*no transcript 'X9'"):
        subset(whole, out=tmp_path / "other", transcripts=tmp_path / "names.txt")
    assert not (tmp_path / "other").exists()


def test_unknown_species_or_existing_output(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no species 'cow'; expected human, mouse"):
        subset(whole, out=tmp_path / "out", species=("cow",))
    subset(whole, out=tmp_path / "out")
    with pytest.raises(InputError, match="exists already"):
        subset(whole, out=tmp_path / "out")


def test_subset_command(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["subset", str(whole), "-o", str(tmp_path / "part"), "--isoforms", "one"]
    assert main(words) == 0
    assert len(isoclr.open_corpus(tmp_path / "part")) == 4
    assert "4 kept" in " ".join(capsys.readouterr().out.split())  # a long path breaks the line
    assert main(words) == 2
