import gzip
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.tasks.ontology.gene_terms import gene_terms
from isoclr.tasks.ontology.obo import Ontology, Term

TERMS = {name: Term(name, name, "process", (), ()) for name in ("P:1", "P:2", "P:3")}
ONTOLOGY = Ontology(Path("toy.obo"), TERMS, {"P:20": "P:2"}, frozenset({"P:9"}))
HEADER = "#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory\n"
ROWS = [
    "9606\t7\tP:1\tIDA\tinvolved_in\tone\t-\tProcess",
    "9606\t7\tP:20\tIEA\t-\ttwo\t1|2\tProcess",
    "9606\t7\tP:3\tIDA\tNOT involved_in\tthree\t-\tProcess",
    "9606\t8\tP:9\tIDA\t-\tgone\t-\tProcess",
    "9606\t8\tP:77\tIDA\t-\tnew\t-\tProcess",
    "9606\t8\tP:3\tIEA\tpart_of\tnothing NOT here\t-\tProcess",
    "10090\t9\tP:1\tIDA\t-\tone\t-\tProcess",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "gene2go.gz").write_bytes(gzip.compress((HEADER + "\n".join(ROWS)).encode()))
    return tmp_path / "gene2go.gz"


def test_terms_of_one_species_with_everything_left_out_counted(path: Path) -> None:
    found = gene_terms(path, ONTOLOGY, "human")
    assert found.terms == {7: {"P:1", "P:2"}, 8: {"P:3"}}
    assert found.dropped == {
        "other_species": 1,
        "not": 1,
        "obsolete_term": 1,
        "unknown_term": 1,
    }
    assert gene_terms(path, ONTOLOGY, "Mus musculus").terms == {9: {"P:1"}}


def test_evidence_can_be_asked_for(path: Path) -> None:
    found = gene_terms(path, ONTOLOGY, "9606", evidence=("IDA", "EXP"))
    assert found.terms == {7: {"P:1"}}
    assert found.dropped["evidence"] == 2


def test_bad_input_is_one_line(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="species 'axolotl' is not known"):
        gene_terms(path, ONTOLOGY, "axolotl")
    with pytest.raises(InputError, match=r"no annotation of fly \(taxonomy number 7227\) is left"):
        gene_terms(path, ONTOLOGY, "fly")
    with pytest.raises(InputError, match=r"is left of 7; dropped: 1 other_species, 1 not, 5 evid"):
        gene_terms(path, ONTOLOGY, "human", evidence=("TAS",))
    other = tmp_path / "other.tsv"
    other.write_text("gene\tterm\nG1\tP:1\n")
    with pytest.raises(InputError, match=r"other.tsv: line 1 is 'gene term', expected NCBI's gene"):
        gene_terms(other, ONTOLOGY, "human")
    other.write_text(HEADER + ROWS[0].replace("\t7\t", "\tTP53\t"))
    with pytest.raises(InputError, match="line 2: GeneID is 'TP53', expected a number"):
        gene_terms(other, ONTOLOGY, "human")
