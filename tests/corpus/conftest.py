"""A small genome with genes on both strands, and what its transcripts are, worked out letter by letter."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

Toml = Callable[..., tuple[Path, ...]]

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass
class Truth:
    """One transcript as it should be: upper-case DNA, exon ends and codon starts (0-based)."""

    transcript_id: str
    gene_id: str
    sequence: str
    exon_ends: list[int]
    codon_starts: list[int]


@dataclass
class World:
    genome: Path
    annotation: Path
    transcripts: Path
    truth: list[Truth]


@pytest.fixture
def toml(tmp_path: Path) -> Toml:
    """Write a TOML file of inputs, each given as its keys and values: ``toml({"species": "human", …})``."""

    def write(*inputs: dict[str, object]) -> tuple[Path, ...]:
        tables = ["\n".join(["[[input]]", *(f'{k} = "{v}"' for k, v in one.items())]) for one in inputs]
        path = tmp_path / f"inputs{len(list(tmp_path.glob('inputs*.toml')))}.toml"
        path.write_text("\n".join(tables))
        return (path,)

    return write


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Forty transcripts of twelve genes on two chromosomes, as genome + GTF and as FASTA."""
    rng = random.Random(5)
    chromosomes = {name: _without_stops("".join(rng.choices("ACGT", k=6000))) for name in ("1", "2")}
    lines, truth = [], []
    for gene in range(12):
        name, strand = rng.choice("12"), "+-"[gene % 2]
        for isoform in range(4 if gene % 3 else 2):
            tx = f"ENST{gene * 10 + isoform:011d}.{isoform + 1}"
            exons = _exons(rng, gene * 450)
            rows, one = _transcript(chromosomes[name], strand, exons, rng)
            one.transcript_id, one.gene_id = tx, f"ENSG{gene:011d}.3"
            truth.append(one)
            attributes = f'gene_id "{one.gene_id}"; transcript_id "{tx}"; gene_name "G{gene}";'
            lines += [
                f"chr{name}\ttest\t{kind}\t{start + 1}\t{end}\t.\t{strand}\t{phase}\t{attributes}"
                for kind, start, end, phase in rows
            ]
    return _write(tmp_path, chromosomes, lines, truth)


def _without_stops(letters: str) -> str:
    """Letters without stop codons on either strand."""
    while (changed := re.sub("TAA|TAG|TGA|TTA|CTA|TCA", lambda stop: stop[0].replace("A", "C"), letters)) != letters:
        letters = changed
    return letters


def _exons(rng: random.Random, begin: int) -> list[tuple[int, int]]:
    """Two to four exons, sometimes abutting, within 450 nt."""
    bounds = sorted(rng.sample(range(begin, begin + 440), 2 * rng.randint(2, 4)))
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))
    if rng.random() < 0.3:
        pairs[1] = (pairs[0][1], pairs[1][1])
    return pairs


def _transcript(
    chromosome: str, strand: str, exons: list[tuple[int, int]], rng: random.Random
) -> tuple[list[tuple[str, int, int, str]], Truth]:
    """GTF rows and truth of one transcript; two of three code."""
    positions = [p for start, end in exons for p in range(start, end)]
    sequence = "".join(chromosome[p] for p in positions)
    lengths = [end - start for start, end in exons]
    if strand == "-":
        positions.reverse()
        lengths.reverse()
        sequence = sequence.translate(COMPLEMENT)[::-1]
    ends = [sum(lengths[: i + 1]) - 1 for i in range(len(lengths))]
    rows = [("exon", start, end, ".") for start, end in exons]
    codons: list[int] = []
    if rng.random() < 0.67 and len(sequence) > 40:
        first = rng.randint(0, 10)
        last = first + 3 * rng.randint(4, (len(sequence) - first) // 3 - 1)
        last += 3 * (sequence[last : last + 3] in ("TAA", "TAG", "TGA") and last + 3 <= len(sequence))
        coding = set(positions[first:last])
        codons = list(range(first, last, 3))
        offset = first
        pieces = []
        for start, end in exons if strand == "+" else exons[::-1]:
            inside = sorted(p for p in range(start, end) if p in coding)
            if inside:
                pieces.append(("CDS", inside[0], inside[-1] + 1, str((first - offset) % 3)))
                offset += len(inside)
        rows += pieces
    rng.shuffle(rows)
    return rows, Truth("", "", sequence, ends, codons)


def _write(folder: Path, chromosomes: dict[str, str], lines: list[str], truth: list[Truth]) -> World:
    world = World(folder / "genome.fa", folder / "genes.gtf", folder / "rna.fa", truth)
    body = (f">{name} test\n{_wrap(letters)}\n" for name, letters in chromosomes.items())
    world.genome.write_text("".join(body))
    world.annotation.write_text("\n".join(lines) + "\n")
    world.transcripts.write_text("".join(f">{t.transcript_id}\n{t.sequence}\n" for t in truth))
    return world


def _wrap(letters: str) -> str:
    return "\n".join(letters[i : i + 70].lower() for i in range(0, len(letters), 70))
