from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.tasks.ontology.hierarchies import hierarchies, term_table
from isoclr.tasks.task import OntologyTask
from isoclr.tasks.task_files import read_ontology_task


def test_genes_have_the_terms_above_their_own(
    ontology_task: OntologyTask, transcripts: pl.DataFrame
) -> None:
    (part, process), counts = hierarchies(ontology_task, transcripts)
    assert (part.namespace, process.namespace) == ("part", "process")
    # process: 1 by way of A1, 2 both, 3 by B, 5 and its second id; 4 has the root only: nothing is known of it
    assert [term.id for term in process.terms] == ["A", "B"]
    assert process.samples.table["gene_id"].str.slice(4, 11).cast(pl.Int64).to_list() == [
        1,
        2,
        3,
        5,
        105,
    ]
    assert process.labels.tolist() == [
        [True, False],
        [True, True],
        [False, True],
        [True, False],
        [True, False],
    ]
    # part: gene 1 by A1, which is part of X; of gene 2 nothing is known
    assert [term.id for term in part.terms] == ["X", "Y"]
    assert part.labels.tolist() == [[True, False], [False, True], [True, False], [True, False]]
    assert counts["annotated genes of NCBI"] == 6
    assert counts["gene ids that share a gene of NCBI"] == 1


def test_one_rna_stands_for_a_gene(ontology_task: OntologyTask, transcripts: pl.DataFrame) -> None:
    _, process = hierarchies(ontology_task, transcripts)[0]
    assert process.samples.table["gene"].is_unique().all()
    assert process.samples.table["transcript_id"].str.ends_with("00001.1").all()  # the longer CDS


def test_gene_numbers_may_be_the_corpus_own_ids(
    ontology_task: OntologyTask, transcripts: pl.DataFrame
) -> None:
    numbered = transcripts.with_columns(gene_id=pl.Series(list("1122334455") + ["x"] * 4))
    found, _ = hierarchies(replace(ontology_task, gene_ids=None), numbered)
    assert found[1].samples.table["gene_id"].to_list() == ["1", "2", "3", "5"]


def test_the_table_for_a_map_has_a_row_for_every_rna_and_term(
    ontology_task: OntologyTask, transcripts: pl.DataFrame
) -> None:
    found, _ = hierarchies(ontology_task, transcripts)
    table = term_table(found, terms=1)
    assert table.columns == ["transcript_id", "gene_id", "hierarchy", "term_id", "term"]
    assert table.filter(pl.col("hierarchy") == "process")["term"].to_list() == ["A name"] * 4
    assert table.filter(pl.col("hierarchy") == "part").height == 3


def test_too_few_terms_and_other_genes_are_refused(
    ontology_task: OntologyTask, transcripts: pl.DataFrame
) -> None:
    with pytest.raises(InputError, match=r"at hand have 2 terms of part at depth 1, expected 3"):
        hierarchies(ontology_task, transcripts, classes=3)
    other = transcripts.with_columns(gene_id=pl.lit("ENSG00000000999"))
    with pytest.raises(InputError, match="names an embedded RNA"):
        hierarchies(ontology_task, other)
    assert ontology_task.gene_ids is not None
    ontology_task.gene_ids.write_text("gene_id\tentrez\nG1\t99\n")
    with pytest.raises(InputError, match=r"ids.tsv: none of its 1 genes is annotated in"):
        hierarchies(ontology_task, transcripts)


@pytest.mark.realdata
def test_the_real_ontology_has_ten_common_terms_three_steps_down(real_data: Path) -> None:
    task = read_ontology_task("gene-ontology-human", real_data)
    assert task.gene_ids is not None
    ids = pl.read_csv(task.gene_ids, separator="\t")["ensembl_gene_id"].unique(maintain_order=True)
    table = pl.DataFrame({"transcript_id": ids, "gene_id": ids}).with_columns(
        species=pl.lit("human"), length=pl.lit(900), cds_length=pl.lit(300)
    )
    found, _ = hierarchies(task, table)
    assert [one.namespace for one in found] == [
        "biological_process",
        "cellular_component",
        "molecular_function",
    ]
    for one in found:
        assert one.labels.shape == (len(one.samples), 10)
        assert len(one.samples) > 10_000
        assert one.labels.mean(axis=0).min() > 0.02
    membrane = [term.name for term in found[1].terms]
    assert "integral component of membrane" in membrane
