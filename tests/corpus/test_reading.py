from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.codes import CODON_START, EXON_END, letters
from isoclr.corpus.coding import OrfCalling
from isoclr.corpus.inputs import Input
from isoclr.corpus.part import ROWS, Options
from isoclr.corpus.reading import read_part

OPTIONS = Options(OrfCalling(False, 300), True, 12_288)


@pytest.mark.parametrize("kind", ["genome", "transcripts"])
def test_a_part_is_marked_and_its_progress_adds_up(world: Any, kind: str) -> None:
    paths: dict[str, Path | None] = {"genome": None, "transcripts": None}
    paths[kind] = getattr(world, kind)
    steps: list[tuple[int, int]] = []
    source = Input("human", paths["transcripts"], paths["genome"], (world.annotation,))
    part = read_part(source, OPTIONS, 2, lambda *step: steps.append(step))
    assert part.table.columns == list(ROWS)
    assert sum(done for done, _ in steps) == len(world.truth) == steps[-1][1]
    truth = {one.transcript_id: one for one in world.truth}
    for row in part.table.rows(named=True):
        codes = part.codes[row["start"] : row["start"] + row["length"]]
        one = truth[row["transcript_id"]]
        assert letters(codes) == one.sequence
        assert np.flatnonzero(codes & CODON_START).tolist() == one.codon_starts
        assert np.flatnonzero(codes & EXON_END).tolist() == one.exon_ends
        assert (row["species"], row["n_exons"]) == ("human", len(one.exon_ends))


def test_what_has_no_cds_can_be_left_out(world: Any) -> None:
    options = Options(OPTIONS.calling, False, OPTIONS.max_length)
    source = Input("human", world.transcripts, None, (world.annotation,))
    part = read_part(source, options, 1, lambda *_: None)
    without = sum(not one.codon_starts for one in world.truth)
    assert part.dropped == {"noncoding": without}
    assert set(part.table["cds_source"]) == {"annotated"}


def test_what_is_known_not_to_code_gets_no_chance_orf(tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    names = [
        "mrna gene:ENSG00000000001.7",
        "lnc gene:ENSG00000000002.3",  # only the table of genes knows
        "own gene:ENSG00000000002 transcript_biotype:protein_coding",
        "type gene:ENSG00000000001 transcript_biotype:lncRNA",
        "NR_046018.2",
        "alone",
    ]
    fasta.write_text("".join(f">{name}\nATGAAATAA{'C' * i}\n" for i, name in enumerate(names)))
    genes = pl.DataFrame(
        [("ENSG00000000002", ""), ("ENSG00000000002", "lncRNA"), ("ENSG00000000001", "x")],
        schema=["gene_id", "biotype"],
        orient="row",
    )
    options = Options(OrfCalling(True, 9), True, 12_288)
    source = Input("human", fasta, None, ())
    with_table = read_part(source, options, 1, lambda *_: None, genes).table
    orf, none = "orf", "none"
    assert with_table["cds_source"].to_list() == [orf, none, orf, none, none, orf]
    assert with_table["biotype"].to_list() == ["x", "lncRNA", "protein_coding", "lncRNA", "", ""]
    without = read_part(source, options, 1, lambda *_: None).table
    assert without["cds_source"].to_list() == [orf, orf, orf, none, none, orf]
