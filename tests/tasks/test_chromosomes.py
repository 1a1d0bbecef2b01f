from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.tasks.chromosomes import locate
from isoclr.tasks.samples import Samples

SAMPLES = Samples(
    pl.DataFrame(
        {
            "row": [0, 1, 2, 3],
            "transcript_id": ["NM_000001.3", "ENST00000000002.1", "T3", "T4"],
            "gene_id": ["G1", "ENSG00000000002.5", "G3", "G3"],
            "species": ["human", "human", "mouse", "mouse"],
            "gene": ["human|G1", "human|ENSG00000000002", "mouse|G3", "mouse|G3"],
            "value": [1.0, 2.0, 3.0, 4.0],
            "fold": [None] * 4,
            "chromosome": pl.Series([None] * 4, dtype=pl.String),
        }
    ),
    0,
    0,
    0,
)
BED = "chr7\t10\t40\tNM_000001\t0\t+\t10\t40\t0\t1\t30,\t0,\n"
TABLE = "gene_id\tchrom\nENSG00000000002\tX\nG3\tchrM\n"


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_transcripts_and_genes_are_looked_up_without_versions(tmp_path: Path) -> None:
    files = [written(tmp_path, "a.bed", BED), written(tmp_path, "b.tsv", TABLE)]
    found = locate(SAMPLES, files)
    assert found.groups.tolist() == ["human|7", "human|X", "mouse|MT", "mouse|MT"]
    assert (found.unknown, found.several) == (0, 0)


def test_the_label_table_s_own_column_comes_first(tmp_path: Path) -> None:
    own = pl.Series(["chr1", None, None, "2"])
    samples = Samples(SAMPLES.table.with_columns(chromosome=own), 0, 0, 0)
    found = locate(samples, [written(tmp_path, "b.tsv", TABLE)])
    assert found.groups.tolist() == ["human|1", "human|X", "mouse|MT", "mouse|2"]


def test_what_is_not_known_or_in_two_places_is_counted(tmp_path: Path) -> None:
    text = "gene_id\tchromosome\nG1\t3\nG1\t4\nG9\t5\n"
    found = locate(SAMPLES, [written(tmp_path, "b.tsv", text)])
    assert found.groups.tolist() == ["human|3", "", "", ""]
    assert (found.unknown, found.several) == (3, 1)


def test_files_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"columns are gene_id, x; expected gene_id or trans"):
        locate(SAMPLES, [written(tmp_path, "b.tsv", "gene_id\tx\nG1\t3\n")])
    with pytest.raises(InputError, match=r"c.tsv: no chromosome of any of the 4 labelled RNAs"):
        locate(SAMPLES, [written(tmp_path, "c.tsv", "gene_id\tchromosome\nG7\t3\n")])
    with pytest.raises(InputError, match="the label table, which has no column chromosome: no"):
        locate(SAMPLES, [])
