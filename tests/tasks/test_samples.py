from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.samples import match

RNAS = pl.DataFrame(
    {
        "transcript_id": ["ENST00000000001.4", "NM_000002.1", "ENST00000000003", "T4"],
        "gene_id": ["ENSG00000000001.9", "ENSG00000000001.9", "ENSG00000000002", "Y1.3"],
        "species": ["human", "human", "human", "worm"],
        "length": [900, 800, 700, 600],
        "cds_length": [300, 30, 60, 0],
    }
)


def labels(folder: Path, text: str) -> Labels:
    path = folder / "labels.tsv"
    path.write_text(text)
    return read_labels(path)


def test_genes_match_with_and_without_versions(tmp_path: Path) -> None:
    table = "gene_id\tx\nENSG00000000001\t1\nENSG00000000002.7\t2\nY1.3\t3\nY1.2\t4\nG9\t5\n"
    samples = match(labels(tmp_path, table), RNAS)
    assert samples.table.select("transcript_id", "gene", "value").rows() == [
        ("NM_000002.1", "human|ENSG00000000001", 1.0),
        ("ENST00000000003", "human|ENSG00000000002", 2.0),
        ("T4", "worm|Y1.3", 3.0),
    ]
    assert samples.rows.tolist() == [1, 2, 3]
    assert (samples.unmatched, samples.without_label, samples.not_representative) == (2, 0, 1)


def test_transcripts_match_all_and_know_their_gene(tmp_path: Path) -> None:
    samples = match(labels(tmp_path, "transcript_id\tx\nNM_000002\t1\nENST00000000001\t2\n"), RNAS)
    assert samples.rows.tolist() == [0, 1]
    assert samples.values.tolist() == [2, 1]
    assert samples.table["gene"].n_unique() == 1
    assert (samples.unmatched, samples.without_label, samples.not_representative) == (0, 2, 0)


def test_a_selection_keeps_order_and_counts(tmp_path: Path) -> None:
    samples = match(labels(tmp_path, "transcript_id\tx\nNM_000002\t1\nT4\t2\nT5\t2\n"), RNAS)
    kept = samples.select(np.array([False, True]))
    assert (len(kept), kept.rows.tolist(), kept.unmatched) == (1, [3], 1)


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of its 1 ids \(G9, …\) names an embedded RNA"):
        match(labels(tmp_path, "gene_id\tx\nG9\t1\n"), RNAS)


def test_an_id_of_two_species_is_an_error(tmp_path: Path) -> None:
    symbols = RNAS.with_columns(gene_id=pl.Series(["ACTB", "ACTB", "TP53", "TP53"]))
    with pytest.raises(InputError, match=r"line 3: TP53 names RNAs of 'human' and 'worm'"):
        match(labels(tmp_path, "gene_id\tx\nACTB\t1\nTP53\t2\n"), symbols)
    human = symbols.filter(species="human")
    assert len(match(labels(tmp_path, "gene_id\tx\nACTB\t1\nTP53\t2\n"), human)) == 2
