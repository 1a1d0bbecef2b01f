"""RNAs and an encoder for the tests of mutagenesis."""

from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.corpus.codes import Codes, encode
from isoclr.models import Encoder


@pytest.fixture(scope="session")
def trained() -> Encoder:
    """IsoCLR-S whose batch norms have scales and shifts of both signs, as no fresh encoder has."""
    encoder = isoclr.create("isoclr-s", seed=3)
    rng = np.random.default_rng(3)
    for name, tensor in encoder.network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(tensor.new_tensor(rng.normal(0.1, 0.1, len(tensor))))
        elif name.endswith("running_var"):
            tensor.copy_(tensor.new_tensor(rng.uniform(0.5, 2.0, len(tensor))))
        elif "norm" in name:
            tensor.copy_(tensor.new_tensor(rng.normal(0.3, 0.5, len(tensor))))
    return encoder


@pytest.fixture(scope="session")
def mrna() -> Codes:
    """An mRNA of three exons: 5' UTR of 61 nt, CDS of 300 nt, 3' UTR of 139 nt, one base unknown."""
    rng = np.random.default_rng(0)
    sense = [codon for codon in range(64) if codon not in (48, 50, 56)]
    codons = [14, *rng.choice(sense, 98), 48]
    coding = [base for codon in codons for base in (codon // 16, codon // 4 % 4, codon % 4)]
    bases = np.array([*rng.integers(4, size=61), *coding, *rng.integers(4, size=139)], np.uint8)
    bases[440] = 4
    return encode(bases, np.array([100, 150, 250]), (61, 361))


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a corpus of 40 coding mRNAs, a FASTA of two short ones, and a head that tells their G + C content."""
    folder, rng = tmp_path_factory.mktemp("mutagenesis"), np.random.default_rng(0)
    sense = ["GCT", "AAA", "CTG", "GAT", "TTC", "ACC"]
    records, labels, structures = [], [], []
    for i in range(40):
        share = 0.15 + 0.2 * (i % 7) / 6
        p = [0.5 - share, share, share, 0.5 - share]
        utr5, utr3 = ("".join(rng.choice(list("ACGT"), 70, p=p)) for _ in range(2))
        sequence = utr5 + "ATG" + "".join(rng.choice(sense, 100)) + "TAA" + utr3
        records.append(f">t{i} gene:g{i}\n{sequence}\n")
        labels.append(f"t{i}\t{sum(map(sequence.count, 'GC')) / len(sequence)}\n")
        structures.append(f"t{i}\t70\t306\t70\t{len(sequence)}\n")
    (folder / "mrnas.fa").write_text("".join(records))
    (folder / "labels.tsv").write_text("transcript_id\tgc\n" + "".join(labels))
    columns = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"
    (folder / "mrnas.structures.tsv").write_text(columns + "".join(structures))
    (folder / "short.fa").write_text(
        ">ENST00000000001.2 x\nACGGUAGCUAGCUAACGAUCGAU\n>s2\nACGGUAGCUA\n"
    )
    isoclr.build(
        out=folder / "corpus",
        species="human",
        transcripts=folder / "mrnas.fa",
        annotation=(folder / "mrnas.structures.tsv",),
    )
    isoclr.create("isoclr-s", seed=0).save(folder / "model")
    embeddings = isoclr.embed(
        (folder / "corpus",), model=str(folder / "model"), out=folder / "e.parquet"
    )
    isoclr.fit(embeddings, folder / "labels.tsv", out=folder / "head", name="gc", folds=4)
    return folder
