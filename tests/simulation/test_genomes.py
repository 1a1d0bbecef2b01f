"""One species on disk: chromosomes, genes in order, nothing overlapping."""

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from isoclr.simulation import World, families
from isoclr.simulation.genomes import genome_name, write_species
from isoclr.simulation.sizes import Size
from isoclr.simulation.truth import Truth


def test_genes_lie_apart_within_their_chromosomes(
    world: World, genomes: dict[str, Any], annotations: dict[str, Any]
) -> None:
    for name, by_id in annotations.items():
        spans: dict[tuple[str, str], tuple[int, int]] = {}
        for said in by_id.values():
            key = (said.chrom, said.gene_id)
            low, high = spans.get(key, (1 << 60, 0))
            spans[key] = (
                min(low, *(a for a, _ in said.exons)),
                max(high, *(b for _, b in said.exons)),
            )
        for (here, one), (there, other) in pairwise(
            sorted((chrom, span) for (chrom, _), span in spans.items())
        ):
            assert here != there or one[1] < other[0]
            assert one[1] < len(genomes[name][here])
        assert list(genomes[name]) == ["chr1", "chr2"]


def test_text_is_the_same_in_any_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(species=1, genes=9, chromosomes=1)
    genes = families.plan(size, 0)[0]
    texts = []
    for block in (2000, 4):
        monkeypatch.setattr("isoclr.simulation.genomes._BLOCK", block)
        (tmp_path / str(block)).mkdir()
        write_species(size, 0, genes, tmp_path / str(block), Truth(), lambda _: None)
        texts.append(gzip.decompress((tmp_path / str(block) / "annotation.gtf.gz").read_bytes()))
    assert texts[0] == texts[1]
    assert texts[0].count(b"\tgene\t") == 9


def test_a_species_with_fewer_genes_than_chromosomes(tmp_path: Path) -> None:
    size = Size(species=1, genes=2, chromosomes=5, bgzip=False)
    genes = families.plan(size, 0)[0]
    told: list[int] = []
    causes = write_species(size, 0, genes, tmp_path, Truth(), told.append)
    assert sum(told) == 2
    assert len(causes) == sum(gene.coding for gene in genes)
    assert (tmp_path / genome_name(size)).read_text().count(">chr") == 2
