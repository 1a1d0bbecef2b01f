"""Edited sequences and consequences against other programs' results on real variants."""

import gzip
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from isoclr.genomics.encoding import letters, nucleotides
from isoclr.genomics.genome import open_genome
from isoclr.variants.consequences import consequences, sort_terms, split
from isoclr.variants.edits import Edit, Rna, apply, is_start
from isoclr.variants.placement import Transcript, Variant, place
from isoclr.variants.transcripts import load_transcripts
from isoclr.variants.vcf import read_variants


@pytest.mark.realdata
@pytest.mark.parametrize("region", ["5UTR", "3UTR"])
def test_utr_sequences_of_kipoiseq(real_data: Path, region: str, tmp_path: Path) -> None:
    """The alternative UTR sequences that kipoiseq expects, variant by variant."""
    folder = real_data / "variant_test_vectors"
    stem = folder / f"chr22_ENST00000319363_{region}"
    ref = Path(f"{stem}.ref_seq.txt").read_text().split()[0]
    expected = Path(f"{stem}.alt_seqs.txt").read_text().split()
    utr = _utr(folder / "chr22_ENST00000319363.gtf", region)
    lengths = np.array([end - start for start, end in utr])
    starts = np.array([start for start, _ in utr])
    transcript = Transcript("T", "G", "", "chr22", False, starts, Rna(nucleotides(ref), lengths, None))
    found = []
    with gzip.open(f"{stem}.vcf.gz", "rt") as stream:  # without an INFO column: not quite a VCF
        rows = [line.split("\t")[:5] for line in stream if not line.startswith("#")]
    table = "".join("\t".join(row) + "\n" for row in [["chrom", "pos", "id", "ref", "alt"], *rows])
    (tmp_path / "variants.tsv").write_text(table)
    for record in read_variants(tmp_path / "variants.tsv", Counter()):
        placement = place(transcript, record.variant.trimmed())
        if placement is not None and placement.edit is not None:
            edited = apply(transcript.rna, [placement.edit])
            found.append(letters(edited.bases))
    assert found == expected


def _utr(gtf: Path, region: str) -> list[tuple[int, int]]:
    lines = [line.split("\t") for line in gtf.read_text().splitlines() if not line.startswith("#")]
    return sorted((int(f[3]) - 1, int(f[4])) for f in lines if f[2] == region)


CSQ = {
    "missense": "missense_variant",
    "synonymous": "synonymous_variant",
    "frameshift": "frameshift_variant",
    "5_prime_utr": "5_prime_UTR_variant",
    "3_prime_utr": "3_prime_UTR_variant",
    "non_coding": "non_coding_transcript_exon_variant",
    "stop_retained": "stop_retained_variant",
    "start_retained": "start_retained_variant",
    "coding_sequence": "coding_sequence_variant",
    "intron": "intron_variant",
    "splice_region": "splice_region_variant",
    "splice_acceptor": "splice_acceptor_variant",
    "splice_donor": "splice_donor_variant",
}


@pytest.mark.realdata
@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_consequences_of_bcftools(real_data: Path, tmp_path: Path) -> None:
    """Random variants over coding exons of human chromosome 9: the same consequences as ``bcftools csq``.

    A third lie around start and stop codons. Where we disagree, the edited RNA itself must show that we are right.
    """
    genome = real_data / "genomes/human_chr9_1Mb.fa.gz"
    gtf = real_data / "genomes/human_chr9_1Mb.ensembl91.gtf.gz"
    index = load_transcripts([gtf], genome=genome, all_transcripts=True)
    coding = [one for one in index.transcripts if _is_complete(one)]
    with open_genome(genome) as opened:
        (name,) = opened.lengths
        chromosome = letters(opened.fetch(name))
    variants = _simulate(coding, chromosome)
    called = _csq(tmp_path, name, chromosome, coding, variants)
    compared, explained, different = 0, 0, []
    for number, variant in enumerate(variants):
        trimmed = variant.trimmed()
        for one in coding:
            placement = place(one, trimmed)
            theirs = called.get((number, one.transcript_id))
            if placement is None or placement.edit is None or placement.flag or theirs is None:
                continue
            if any(term.startswith("splice") for term in theirs):
                continue  # its splice region begins three bases into an exon, ours one
            edited = apply(one.rna, [placement.edit])
            mine = consequences(one.rna, [placement.edit], edited)
            ours = {term for term in mine if not term.startswith("u")}
            compared += 1
            if ours != theirs:
                if _is_right(one, placement.edit, edited, ours, theirs):
                    explained += 1
                else:
                    different.append((variant, one.transcript_id, sort_terms(ours), theirs))
    assert compared > 5_000
    assert not different, different[:10]
    assert explained < 0.1 * compared


def _is_right(one: Transcript, edit: Edit, edited: Rna, ours: set[str], theirs: set[str]) -> bool:
    """Whether bases and protein of the edited RNA support our consequences against those of bcftools."""
    assert one.rna.cds is not None
    (start, end), before, after = one.rna.cds, one.rna.protein, edited.protein
    # the start codon stays behind the bases before it, or before the bases behind it
    has_start = is_start(edited.bases, start + edit.change) or (edit.start >= start and is_start(edited.bases, start))
    is_shorter = after.endswith("*") and len(after) <= len(before)
    if after == before:  # whatever is said of the frame, the start codon or the stop codon
        harmless = {"synonymous_variant", "start_retained_variant", "stop_retained_variant"}
        return ours <= harmless | {"5_prime_UTR_variant", "3_prime_UTR_variant"}
    if "start_lost" in ours:  # they add how it is lost, or see a change of the UTR alone
        return not has_start
    if theirs == {"start_lost"} or theirs == {"start_retained_variant"}:  # they do not read on
        return has_start
    if "stop_lost" in ours:  # likewise
        return not is_shorter
    if ours - theirs == {"stop_gained"}:  # they look at the codon that the deletion begins in
        return is_shorter and len(after) < len(before) + edit.change // 3
    match sort_terms(theirs - ours):
        case ("stop_retained_variant",):  # of several bases at once, another stop codon takes its place
            return after.endswith("*") and not ours & {"stop_gained", "frameshift_variant"}
        case ("stop_gained",):  # all of the old protein is there, or all but what is deleted
            return after.startswith(before[:-1]) or len(after) == len(before) + edit.change // 3
        case ("coding_sequence_variant",):  # they do not read what a deletion across the stop codon makes
            return is_shorter and edit.start < end < edit.end
        case ("stop_lost",):  # they count a stop codon behind another frame as lost
            return is_shorter or (ours == {"frameshift_variant"} and edit.end <= end - 3)
    return False


@pytest.mark.realdata
@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_joint_consequences_of_bcftools(real_data: Path, tmp_path: Path) -> None:
    """Two point mutations of one codon on one copy: the same consequence as ``bcftools csq`` with phase."""
    genome = real_data / "genomes/human_chr9_1Mb.fa.gz"
    gtf = real_data / "genomes/human_chr9_1Mb.ensembl91.gtf.gz"
    index = load_transcripts([gtf], genome=genome)
    coding = [one for one in index.transcripts if _is_complete(one)]
    with open_genome(genome) as opened:
        (name,) = opened.lengths
        chromosome = letters(opened.fetch(name))
    rng, pairs = random.Random(0), dict[int, tuple[int, Transcript, list[Variant]]]()
    for sample in range(120):  # each has one pair per transcript
        for one in coding:
            pair = _pair_in_a_codon(one, chromosome, rng)
            if pair is not None:
                pairs.setdefault(pair[0].position // 3, (sample, one, pair))
    variants = [variant for _, _, pair in pairs.values() for variant in pair]
    samples = [sample for sample, _, _ in pairs.values() for _ in range(2)]
    called = _csq(tmp_path, name, chromosome, coding, variants, samples)
    compared, singly = 0, 0
    for number, (_, one, pair) in enumerate(pairs.values()):
        theirs = called.get((2 * number, one.transcript_id))
        placements = [place(one, variant) for variant in pair]
        edits = sorted((p.edit for p in placements if p and p.edit), key=lambda edit: edit.start)
        if theirs is None or len(edits) < 2 or any(term.startswith("splice") for term in theirs):
            continue
        ours = {t for block in split(one.rna, edits) for t in block.terms if t[0] != "u"}
        assert ours == theirs, (pair, one.transcript_id)
        alone = {t for edit in edits for t in split(one.rna, [edit])[0].terms if t[0] != "u"}
        compared, singly = compared + 1, singly + (alone != ours)
    assert compared > 300
    assert singly > 50, "the joint consequence differs from those of the single variants"


def _pair_in_a_codon(one: Transcript, chromosome: str, rng: random.Random) -> list[Variant] | None:
    """Two point mutations in a random codon within an exon."""
    assert one.rna.cds is not None
    start = one.rna.cds[0] + 3 * rng.randrange((one.rna.cds[1] - one.rna.cds[0]) // 3)
    positions = [_on_chromosome(one, start + offset) for offset in sorted(rng.sample(range(3), 2))]
    if abs(positions[0] - positions[1]) > 2:
        return None
    return [
        Variant(one.chrom, p, chromosome[p], rng.choice([b for b in "ACGT" if b != chromosome[p]]))
        for p in sorted(positions)
    ]


def _is_complete(transcript: Transcript) -> bool:
    protein = transcript.rna.protein
    return protein.startswith("M") and protein.find("*") == len(protein) - 1


def _simulate(coding: list[Transcript], chromosome: str) -> list[Variant]:
    rng = random.Random(0)
    variants = []
    for one in coding:
        assert one.rna.cds is not None
        for _ in range(60):
            inside = rng.randrange(len(one.rna))
            if rng.random() < 1 / 3:
                inside = min(max(rng.choice(one.rna.cds) + rng.randrange(-7, 7), 0), len(one.rna) - 1)
            position = _on_chromosome(one, inside)
            size = rng.choice([1, 1, 1, 1, 2, 3, 4, 7])
            ref = chromosome[position : position + (1 if size > 1 and rng.random() < 0.5 else size)]
            alt = ref[0] + "".join(rng.choices("ACGT", k=size - 1)) if len(ref) == 1 else ref[0]
            if size == 1:
                alt = rng.choice([base for base in "ACGT" if base != ref])
            if ref != alt and "N" not in ref:
                variants.append(Variant(one.chrom, position, ref, alt))
    return variants


def _on_chromosome(one: Transcript, inside: int) -> int:
    """A position of the RNA on its chromosome."""
    exon = int(np.searchsorted(one.rna.exon_ends, inside, side="right"))
    length = int(one.exon_lengths[exon])
    at = inside - (int(one.rna.exon_ends[exon]) - length)
    return int(one.exon_starts[exon]) + (length - 1 - at if one.minus else at)


def _csq(
    folder: Path,
    name: str,
    chromosome: str,
    coding: list[Transcript],
    variants: list[Variant],
    samples: list[int] | None = None,
) -> dict[tuple[int, str], set[str]]:
    (folder / "g.fa").write_text(f">{name}\n{chromosome}\n")
    (folder / "g.gff3").write_text("##gff-version 3\n" + "".join(_gff3(name, one) for one in coding))
    header = f"##fileformat=VCFv4.2\n##contig=<ID={name},length={len(chromosome)}>\n"
    header += '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
    carriers = [0] * len(variants) if samples is None else samples
    columns = range(max(carriers) + 1)
    lines = [
        f"{name}\t{v.position + 1}\t{i}\t{v.ref}\t{v.alt}\t.\t.\t.\tGT\t"
        + "\t".join("0|1" if column == carriers[i] else "0|0" for column in columns)
        + "\n"
        for i, v in enumerate(variants)
    ]
    lines.sort(key=lambda line: int(line.split("\t")[1]))
    header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    header += "\t".join(f"S{column}" for column in columns) + "\n"
    (folder / "v.vcf").write_text(header + "".join(lines))
    how = ["--local-csq"] if samples is None else ["--phase", "r"]
    command = ["bcftools", "csq", *how, "--ncsq", "500", "-f", "g.fa", "-g", "g.gff3"]
    done = subprocess.run([*command, "v.vcf"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[tuple[int, str], set[str]] = {}
    for line in done.stdout.splitlines():
        fields = line.split("\t")
        if line.startswith("#") or "BCSQ=" not in fields[7]:
            continue
        for entry in fields[7].split("BCSQ=")[1].split(";")[0].split(","):
            parts = entry.lstrip("*").split("|")
            if len(parts) > 2:
                terms = {CSQ.get(term, term) for term in parts[0].split("&")}
                found[int(fields[2]), parts[2]] = terms
    return found


def _gff3(name: str, one: Transcript) -> str:
    """A gene with one transcript, as Ensembl's GFF3 writes it."""
    low, high = one.span
    strand = "-" if one.minus else "+"
    gene = f"G{one.transcript_id}"
    lines = [
        ("gene", low, high, ".", f"ID=gene:{gene};biotype=protein_coding;gene_id={gene}"),
        ("mRNA", low, high, ".", f"ID=transcript:{one.transcript_id};Parent=gene:{gene};biotype=protein_coding"),
    ]
    assert one.rna.cds is not None
    start, end = one.rna.cds
    ends = one.rna.exon_ends
    parent = f"Parent=transcript:{one.transcript_id}"
    for first, length, last in zip(one.exon_starts, one.exon_lengths, ends, strict=True):
        lines.append(("exon", first, first + length, ".", parent))
        begin = last - length
        a, b = max(start, begin), min(end, last)
        spans = [("five_prime_UTR", begin, min(start, last)), ("CDS", a, b), ("three_prime_UTR", max(end, begin), last)]
        for kind, x, y in spans:
            if x >= y:
                continue
            low_x = first + (last - y if one.minus else x - begin)
            phase = str((start - a) % 3 if kind == "CDS" else ".") if kind == "CDS" else "."
            lines.append((kind, low_x, low_x + y - x, phase, parent))
    return "".join(
        f"{name}\tx\t{kind}\t{a + 1}\t{b}\t.\t{strand}\t{phase}\t{attributes}\n"
        for kind, a, b, phase, attributes in lines
    )
