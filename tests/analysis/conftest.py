"""A small world of genes in gene sets, on a corpus."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.analysis.relations import GeneRelations
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.genomics.encoding import Codes, encode
from isoclr.models.encoder import MODELS, Encoder

SPECIES = ("human", "mouse")
META = {
    "model": "isoclr-s",
    "sha256": "0" * 64,
    "n_tracks": "6",
    "pooling": "last",
    "precision": "float32",
    "isoclr": "0",
}


@pytest.fixture
def family() -> GeneRelations:
    """Seven RNAs: two isoforms, their paralog, two orthologs' isoforms, and two strangers."""
    return GeneRelations(
        gene=np.array([0, 0, 1, 2, 2, 3, 4]),
        gene_set=np.array([0, 0, 0, 0, 0, 1, 2]),
        species=np.array([0, 0, 0, 1, 1, 0, 1]),
        length=np.array([1000, 1050, 500, 990, 4000, 1000, 995]),
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 40 genes with two isoforms each in both of two species, and their embeddings.

    An embedding is its gene set's vector, a smaller vector of the gene, and a little noise; dimension 0 is the length.
    """
    folder, rng = tmp_path_factory.mktemp("latent"), np.random.default_rng(0)
    rows, vectors, genes = [], [], 40
    own = rng.normal(size=(genes, 12))
    for species in SPECIES:
        with (folder / f"{species}.fa").open("w") as fasta:
            for gene in range(genes):
                of_gene = own[gene] + 0.3 * rng.normal(size=12)
                for isoform in range(2):
                    length = int(rng.integers(300, 900))
                    name = f"{species[0]}{gene}.{isoform}x"
                    symbol = f"SYM{gene}" if species == "human" else f"Sym{gene}"
                    bases = "".join(rng.choice(list("ACGT"), length))
                    fasta.write(f">{name} gene:{species}{gene} gene_symbol:{symbol}\n{bases}\n")
                    rows.append((name, f"{species}{gene}", species, length, 0, "none"))
                    vectors.append([np.log2(length), *(of_gene + 0.05 * rng.normal(size=12))])
    numbers = {"human": "9606", "mouse": "10090"}
    homology = "".join(
        f"{gene + 1}\t{numbers[species]}\t{1000 * i + gene}\t{('SYM' if i == 0 else 'Sym')}{gene}\t\t\n"
        for gene in range(genes)
        for i, species in enumerate(SPECIES)
    )
    (folder / "homologene.data").write_text(homology)
    inputs = "".join(f'[[input]]\nspecies = "{one}"\ntranscripts = "{one}.fa"\n' for one in SPECIES)
    (folder / "inputs.toml").write_text(inputs)
    isoclr.build((folder / "inputs.toml",), out=folder / "corpus", homology=folder / "homologene.data")
    columns = ("transcript_id", "gene_id", "species", "length", "cds_length", "cds_source")
    table = pl.DataFrame(rows, schema=columns, orient="row")
    matrix = np.array(vectors, np.float32)
    write(folder / "embeddings.parquet", Embeddings(table, matrix, META))
    return folder


@contextmanager
def narrow_models() -> Iterator[None]:
    """Models have their blocks and dilations, but few channels."""
    with pytest.MonkeyPatch.context() as patch:
        for name, architecture in MODELS.items():
            patch.setitem(MODELS, name, replace(architecture, filters=(6, 8, 8, 10)))
        yield


@pytest.fixture
def few_channels() -> Iterator[None]:
    with narrow_models():
        yield


@pytest.fixture(scope="session")
def trained() -> Encoder:
    """A narrow IsoCLR-S whose batch norms have scales and shifts of both signs, as no fresh encoder has."""
    with narrow_models():
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
