"""One world for all tests that look at files, and a reader of it that shares nothing with the package.

The reader of GTF and FASTA is slow and simple on purpose: it is the independent witness.
"""

import gzip
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isoclr.simulation.simulate import SimulatedData, simulate

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass
class Transcript:
    """What the lines of one transcript say; coordinates 0-based half-open."""

    chrom: str = ""
    strand: str = ""
    gene_id: str = ""
    transcript_type: str = ""
    tags: list[str] = field(default_factory=list)
    exons: list[tuple[int, int]] = field(default_factory=list)
    coding: list[tuple[int, int, int]] = field(default_factory=list)  # with the frame
    start_codon: list[tuple[int, int]] = field(default_factory=list)
    stop_codon: list[tuple[int, int]] = field(default_factory=list)

    def positions(self) -> list[int]:
        """The chromosome's coordinate of each base, from 5' to 3'."""
        order = sorted(self.exons, reverse=self.strand == "-")
        step = 1 if self.strand == "+" else -1
        return [base for exon in order for base in range(*exon)[::step]]

    def sequence(self, genome: dict[str, str]) -> str:
        forward = genome[self.chrom]
        bases = "".join(forward[i] for i in self.positions())
        return bases if self.strand == "+" else bases.translate(COMPLEMENT)

    def cds(self) -> tuple[int, int]:
        """First base of the first whole codon and end of the CDS with its stop codon; (−1, −1) without one."""
        if not self.coding:
            return -1, -1
        where = {base: i for i, base in enumerate(self.positions())}
        parts = [range(a, b) for a, b, _ in self.coding] + [range(a, b) for a, b in self.stop_codon]
        inside = sorted(where[base] for part in parts for base in part)
        assert inside == list(range(inside[0], inside[-1] + 1))
        frame = min((min(where[a], where[b - 1]), phase) for a, b, phase in self.coding)[1]
        return inside[0] + frame, inside[-1] + 1


def read_genome(path: Path) -> dict[str, str]:
    """Sequences by name, in upper case."""
    with gzip.open(path, "rt") as stream:
        records = stream.read().split(">")[1:]
    return {r.split("\n", 1)[0]: r.split("\n", 1)[1].replace("\n", "").upper() for r in records}


def read_gtf(path: Path) -> dict[str, Transcript]:
    """Transcripts by id."""
    by_id: dict[str, Transcript] = defaultdict(Transcript)
    with gzip.open(path, "rt") as stream:
        for line in stream:
            if line.startswith("#"):
                continue
            chrom, _, feature, first, last, _, strand, frame, text = line.rstrip("\n").split("\t")
            attributes = dict(re.findall(r'(\w+) "([^"]*)"', text))
            if feature == "gene":
                continue
            one = by_id[attributes["transcript_id"]]
            span = (int(first) - 1, int(last))
            if feature == "transcript":
                one.chrom, one.strand, one.gene_id = chrom, strand, attributes["gene_id"]
                one.transcript_type = attributes["transcript_type"]
                one.tags = re.findall(r'tag "([^"]*)"', text)
            elif feature == "exon":
                one.exons.append(span)
            elif feature == "CDS":
                one.coding.append((*span, int(frame)))
            elif feature in ("start_codon", "stop_codon"):
                getattr(one, feature).append(span)
    return dict(by_id)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimulatedData:
    """Two species, some hundred transcripts; the seed is one of those with all special cases."""
    return simulate(out=tmp_path_factory.mktemp("simulation") / "world", size="tiny", genes=90, seed=3)


@pytest.fixture(scope="session")
def genomes(world: SimulatedData) -> dict[str, dict[str, str]]:
    """Species → chromosome → sequence."""
    return {name: read_genome(world.path / name / "genome.fa.gz") for name in world.species}


@pytest.fixture(scope="session")
def annotations(world: SimulatedData) -> dict[str, dict[str, Transcript]]:
    """Species → transcript id → what the GTF says."""
    return {name: read_gtf(world.path / name / "annotation.gtf.gz") for name in world.species}
