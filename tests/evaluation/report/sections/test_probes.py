import polars as pl

from isoclr.evaluation.report.sections.probes import captions


def test_the_tables_of_splits_are_told_apart_by_letters() -> None:
    rows = pl.DataFrame({"split": ["homology", "homology", "random"]})
    assert list(captions(rows, "Table 9", "Numbers; split: {split}.")) == [
        (
            "homology",
            "<span><b>Table 9a.</b> Numbers; split: 70/15/15 by homologous gene set.</span>",
        ),
        (
            "random",
            "<span><b>Table 9b.</b> Numbers; split: random 70/15/15 by gene, as the paper.</span>",
        ),
    ]
