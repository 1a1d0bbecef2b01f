import gzip
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.tasks.conftest import HEADER

from isoclr.errors import InputError
from isoclr.tasks import gene_ontology
from isoclr.tasks.gene_ontology import Ontology, Term, gene_terms, read_aspects, read_obo
from isoclr.tasks.task import OntologyTask, read_ontology_task

TERMS = {name: Term(name, name, "process", (), ()) for name in ("P:1", "P:2", "P:3")}
ONTOLOGY = Ontology(Path("toy.obo"), TERMS, {"P:20": "P:2"}, frozenset({"P:9"}))
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
    assert found.dropped == {"other_species": 1, "not": 1, "obsolete_term": 1, "unknown_term": 1}
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


def test_genes_have_the_terms_above_their_own(ontology_task: OntologyTask, transcripts: pl.DataFrame) -> None:
    (part, process), counts = read_aspects(ontology_task, transcripts)
    assert (part.namespace, process.namespace) == ("part", "process")
    # process: 1 by way of A1, 2 both, 3 by B, 5 and its second id; 4 has the root only: nothing is known of it
    assert [term.id for term in process.terms] == ["A", "B"]
    assert process.samples.table["gene_id"].str.slice(4, 11).cast(pl.Int64).to_list() == [1, 2, 3, 5, 105]
    assert process.labels.tolist() == [[True, False], [True, True], [False, True], [True, False], [True, False]]
    # part: gene 1 by A1, which is part of X; of gene 2 nothing is known
    assert [term.id for term in part.terms] == ["X", "Y"]
    assert part.labels.tolist() == [[True, False], [False, True], [True, False], [True, False]]
    assert counts["annotated genes of NCBI"] == 6
    assert counts["gene ids that share a gene of NCBI"] == 1


def test_one_rna_stands_for_a_gene(ontology_task: OntologyTask, transcripts: pl.DataFrame) -> None:
    _, process = read_aspects(ontology_task, transcripts)[0]
    assert process.samples.table["gene"].is_unique().all()
    assert process.samples.table["transcript_id"].str.ends_with("00001.1").all()  # the longer CDS


def test_gene_numbers_may_be_the_corpus_own_ids(ontology_task: OntologyTask, transcripts: pl.DataFrame) -> None:
    numbered = transcripts.with_columns(gene_id=pl.Series(list("1122334455") + ["x"] * 4))
    found, _ = read_aspects(replace(ontology_task, gene_ids=None), numbered)
    assert found[1].samples.table["gene_id"].to_list() == ["1", "2", "3", "5"]


def test_too_few_terms_and_other_genes_are_refused(ontology_task: OntologyTask, transcripts: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"genes have 2 terms of part at depth 1, expected 3"):
        read_aspects(ontology_task, transcripts, classes=3)
    other = transcripts.with_columns(gene_id=pl.lit("ENSG00000000999"))
    with pytest.raises(InputError, match="matches an RNA"):
        read_aspects(ontology_task, other)
    assert ontology_task.gene_ids is not None
    ontology_task.gene_ids.write_text("gene_id\tentrez\nG1\t99\n")
    with pytest.raises(InputError, match=r"ids.tsv: none of its 1 genes is annotated in"):
        read_aspects(ontology_task, transcripts)


@pytest.mark.realdata
def test_the_real_ontology_has_ten_common_terms_three_steps_down(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ontology = read_obo(real_data / "go" / "go.obo.gz")
    check_real_ontology(ontology)
    monkeypatch.setattr(gene_ontology, "read_obo", lambda _: ontology)  # once is enough
    task = read_ontology_task("gene-ontology-human", real_data)
    assert task.gene_ids is not None
    ids = pl.read_csv(task.gene_ids, separator="\t")["ensembl_gene_id"].unique(maintain_order=True)
    table = pl.DataFrame({"transcript_id": ids, "gene_id": ids}).with_columns(
        species=pl.lit("human"), length=pl.lit(900), cds_length=pl.lit(300)
    )
    found, _ = read_aspects(task, table)
    assert [one.namespace for one in found] == ["biological_process", "cellular_component", "molecular_function"]
    for one in found:
        assert one.labels.shape == (len(one.samples), 10)
        assert len(one.samples) > 10_000
        assert one.labels.mean(axis=0).min() > 0.02
    membrane = [term.name for term in found[1].terms]
    assert "integral component of membrane" in membrane


OBO = """format-version: 1.2
ontology: toy

[Term]
id: R:1
name: process
namespace: process

[Term]
id: P:1
name: first
namespace: process
is_a: R:1 {source="x"} ! process

[Term]
id: P:2
name: second
namespace: process
alt_id: P:20
alt_id: P:21
is_a: P:1 ! first

[Term]
id: P:3
name: short way round
namespace: process
is_a: P:2 ! second
is_a: R:1 ! process

[Term]
id: P:4
name: a part only
namespace: process
relationship: part_of P:2 ! second
relationship: regulates P:3 ! not followed

[Term]
id: P:9
name: obsolete gone
namespace: process
is_obsolete: true

[Typedef]
id: part_of
name: part of

[Term]
id: F:1
name: function
namespace: function

[Term]
id: F:2
name: a function in a process
namespace: function
is_a: F:1
relationship: part_of P:3
"""


@pytest.fixture
def path_obo(tmp_path: Path) -> Path:
    (tmp_path / "toy.obo").write_text(OBO)
    return tmp_path / "toy.obo"


def test_terms_are_read_with_their_parents(path_obo: Path) -> None:
    found = read_obo(path_obo)
    assert list(found.terms) == ["R:1", "P:1", "P:2", "P:3", "P:4", "F:1", "F:2"]
    two = found.terms["F:2"]
    assert (two.name, two.namespace) == ("a function in a process", "function")
    assert (two.is_a, two.part_of) == (("F:1",), ("P:3",))
    assert found.terms["P:4"].part_of == ("P:2",)
    assert found.roots == ("R:1", "F:1")


def test_merged_and_obsolete_terms_are_known(path_obo: Path) -> None:
    found = read_obo(path_obo)
    merged = found.find("P:21")
    assert merged is not None
    assert merged.id == "P:2"
    assert found.find("P:9") is None
    assert found.obsolete == {"P:9"}
    assert found.find("P:77") is None


def test_a_gene_has_the_ancestors_of_its_terms(path_obo: Path) -> None:
    ancestors = read_obo(path_obo).ancestors
    assert ancestors["R:1"] == {"R:1"}
    assert ancestors["P:4"] == {"P:4", "P:2", "P:1", "R:1"}
    assert ancestors["F:2"] == {"F:2", "F:1", "P:3", "P:2", "P:1", "R:1"}  # of two read_aspects


def test_depth_is_the_shortest_way_of_is_a(path_obo: Path) -> None:
    # P:3 is one step from the root by its second parent; P:4 and its hierarchy are joined by part_of only
    assert read_obo(path_obo).depth == {"R:1": 0, "P:1": 1, "P:2": 2, "P:3": 1, "F:1": 0, "F:2": 1}


def test_gz_is_the_same(path_obo: Path) -> None:
    packed = path_obo.with_suffix(".obo.gz")
    packed.write_bytes(gzip.compress(path_obo.read_bytes()))
    assert read_obo(packed).terms == read_obo(path_obo).terms


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[Term]", "[Thing]", r"toy.obo: has no \[Term\], expected an ontology in OBO format"),
        ("id: P:4\n", "", r"toy.obo: line 30: \[Term\] has no id"),
        ("id: P:4\n", "id: P:3\n", "line 30: term P:3 is given twice"),
        ("name: first\nnamespace: process\n", "name: first\n", "line 9: term P:1 has no namesp"),
        ("is_a: P:1 ! first", "is_a: P:8", "term P:2: its parent P:8 is not among the 7 terms"),
        ("part_of P:2", "part_of P:9", "term P:4: its parent P:9 is not among"),
    ],
)
def test_a_wrong_file_is_one_line(path_obo: Path, old: str, new: str, message: str) -> None:
    path_obo.write_text(OBO.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_obo(path_obo)


def test_a_circle_is_refused(path_obo: Path) -> None:
    path_obo.write_text(OBO.replace('is_a: R:1 {source="x"} ! process', "is_a: P:3"))
    with pytest.raises(InputError, match=r"terms .*P:1.* form a cycle"):
        _ = read_obo(path_obo).ancestors


def check_real_ontology(found: Ontology) -> None:
    assert len(found.terms) == 41_411
    names = {found.terms[root].name for root in found.roots}
    assert names == {"biological_process", "cellular_component", "molecular_function"}
    nucleus = found.terms["GO:0005634"]
    assert nucleus.name == "nucleus"
    assert {"GO:0043226", "GO:0005575"} <= found.ancestors["GO:0005634"]  # organelle, the root
    assert found.depth["GO:0005575"] == 0
