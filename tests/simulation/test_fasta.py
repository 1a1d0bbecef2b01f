"""Genomes are written as FASTA that any reader takes."""

from pathlib import Path

import numpy as np
import pysam
import pytest

from isoclr.corpus.codes import letters
from isoclr.simulation.fasta import FastaWriter


@pytest.mark.parametrize("bgzip", [True, False])
def test_a_genome_reads_back_with_soft_masked_stretches(tmp_path: Path, bgzip: bool) -> None:
    rng = np.random.default_rng(0)
    sequences = {"chr1": rng.integers(0, 5, 10_007, np.uint8), "chr2": np.zeros(120, np.uint8)}
    path = tmp_path / ("g.fa.gz" if bgzip else "g.fa")
    with FastaWriter(path, bgzip=bgzip) as fasta:
        for name, codes in sequences.items():
            fasta.write(name, codes, rng)
    with pysam.FastaFile(str(path)) as read:
        assert list(read.references) == list(sequences)
        for name, codes in sequences.items():
            assert read.fetch(name).upper() == letters(codes)
        assert 300 <= sum(letter.islower() for letter in read.fetch("chr1")) <= 1200
    if not bgzip:
        assert max(map(len, path.read_text().splitlines())) == 60
