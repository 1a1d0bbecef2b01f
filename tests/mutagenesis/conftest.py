"""RNAs and an encoder for the tests of mutagenesis."""

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
