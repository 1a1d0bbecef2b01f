import polars as pl

from isoclr.tasks.representatives import representatives


def chosen(*rows: tuple[str, int, int]) -> str:
    """The representative of one gene's transcripts, given as (id, CDS length, length)."""
    names = ("transcript_id", "cds_length", "length")
    frame = pl.DataFrame(list(rows), schema=names, orient="row").with_columns(gene=pl.lit("g"))
    for order in (frame, frame.reverse()):
        (name,) = representatives(order, "gene")["transcript_id"]
        (other,) = representatives(frame, "gene")["transcript_id"]
        assert name == other
    return str(name)


def test_refseq_and_rgps_come_first() -> None:
    assert chosen(("ENST1", 900, 3000), ("NM_1.2", 300, 1000)) == "NM_1.2"
    assert chosen(("ENST1", 900, 3000), ("RGPS_TP53", 300, 1000)) == "RGPS_TP53"
    assert chosen(("ENST1", 900, 3000), ("XR_1", 0, 1000)) == "XR_1"


def test_then_the_longest_cds_then_the_longest_rna_then_the_name() -> None:
    assert chosen(("ENST1", 900, 1000), ("ENST2", 300, 9000)) == "ENST1"
    assert chosen(("ENST1", 300, 1000), ("ENST2", 300, 9000)) == "ENST2"
    assert chosen(("ENST2", 300, 1000), ("ENST1", 300, 1000)) == "ENST1"
    assert chosen(("NM_1", 300, 1000), ("NM_2", 600, 900)) == "NM_2"


def test_a_gene_each() -> None:
    frame = pl.DataFrame(
        {
            "transcript_id": ["a", "b", "c"],
            "cds_length": [1, 2, 3],
            "length": [9, 9, 9],
            "gene": ["g", "g", "h"],
        }
    )
    assert sorted(representatives(frame, "gene")["transcript_id"]) == ["b", "c"]
