"""A small ontology with annotated genes, whose terms and genes are known."""

from pathlib import Path

import polars as pl
import pytest

from isoclr.tasks.task import OntologyTask

HEADER = "#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory\n"


def stanza(name: str, space: str, *lines: str) -> str:
    return "\n".join(["[Term]", f"id: {name}", f"name: {name} name", f"namespace: {space}", *lines])


@pytest.fixture
def ontology_task(tmp_path: Path) -> OntologyTask:
    """Two hierarchies; classes at depth 1: A, B, C of ``process``, X, Y of ``part``; A1 is an A, and part of X."""
    terms = [
        stanza("P", "process"),
        stanza("A", "process", "is_a: P"),
        stanza("B", "process", "is_a: P"),
        stanza("C", "process", "is_a: P"),
        stanza("A1", "process", "is_a: A", "relationship: part_of X"),
        stanza("Q", "part"),
        stanza("X", "part", "is_a: Q"),
        stanza("Y", "part", "is_a: Q"),
    ]
    (tmp_path / "toy.obo").write_text("\n\n".join(terms) + "\n")
    direct = {1: ["A1"], 2: ["A", "B"], 3: ["B", "Y"], 4: ["P"], 5: ["A", "X"], 6: ["C"]}
    rows = [f"9606\t{g}\t{t}\tIDA\t-\t-\t-\t-" for g, names in direct.items() for t in names]
    (tmp_path / "gene2go").write_text(HEADER + "\n".join(rows) + "\n")
    ids = [f"ENSG{g:011d}\t{g}" for g in range(1, 6)] + ["ENSG00000000105\t5"]
    (tmp_path / "ids.tsv").write_text("ensembl_gene_id\tentrez_gene_id\n" + "\n".join(ids) + "\n")
    return OntologyTask(
        name="toy",
        title="toy",
        citation="",
        source=tmp_path / "t.toml",
        terms=tmp_path / "toy.obo",
        annotations=tmp_path / "gene2go",
        gene_ids=tmp_path / "ids.tsv",
        depth=1,
        classes=2,
        species="human",
        rnas="all",
        split="random",
    )


@pytest.fixture
def transcripts() -> pl.DataFrame:
    """Two isoforms a gene, the second with the longer CDS; gene 7 is not annotated."""
    genes = [1, 2, 3, 4, 5, 7, 105]
    rows = [
        {
            "transcript_id": f"ENST{g:06d}{i:05d}.1",
            "gene_id": f"ENSG{g:011d}.4",
            "species": "human",
            "length": 900,
            "cds_length": 300 + i,
        }
        for g in genes
        for i in range(2)
    ]
    return pl.DataFrame(rows)
