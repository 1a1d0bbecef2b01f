"""A small corpus whose labels are the G + C content of its RNAs, and an encoder that can learn it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.write import write as write_corpus
from isoclr.finetuning.config import Hyperparameters
from isoclr.finetuning.data import Trial
from isoclr.finetuning.models import BatchBuilder
from isoclr.genomics.encoding import C, G, encode, nucleotides
from isoclr.models.encoder import Encoder
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas, rna_sources
from isoclr.tasks.labels import read_labels
from isoclr.tasks.metrics import bootstrap
from isoclr.tasks.splits import Split, SplitConfig

GENES = {"human": 160, "mouse": 80}
PREFIX = {"human": "ENS", "mouse": "ENSMUS"}
TINY = Architecture((8, 8, 8, 16), (1, 1, 1, 2), (1, 2, 4, 8))


def _rows() -> pl.DataFrame:
    """Genes 2k and 2k + 1 of a species are homologous; the second transcript of a gene is shorter and no label's."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "transcript_id": f"{PREFIX[species]}T{gene:010d}{isoform}.1",
            "gene_id": f"{PREFIX[species]}G{gene:011d}.3",
            "gene_set": f"HID:{species}{gene // 2}",
            "species": species,
            "length": int(rng.integers(64, 200)) if isoform == 0 else 60,
        }
        for species, genes in GENES.items()
        for gene in range(genes)
        for isoform in range(2)
    ]
    return pl.DataFrame(rows).with_columns(
        gene_symbol=pl.format("S{}", pl.col("gene_id").str.slice(0, 15)),
        biotype=pl.lit(""),
        cds_start=pl.lit(9),
        cds_end=pl.lit(39),
        cds_source=pl.lit("annotated"),
        n_exons=pl.lit(1),
        source=pl.lit(0),
        start=pl.col("length").cum_sum() - pl.col("length"),
    )


@pytest.fixture(scope="package", autouse=True)
def few_resamples() -> Iterator[None]:
    """Intervals of reports need no thousand resamples here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isoclr.finetuning.report.bootstrap", partial(bootstrap, resamples=40))
        yield


@pytest.fixture(scope="session")
def corpus_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RNAs whose G + C content differs from gene to gene."""
    rng = np.random.default_rng(1)
    table = _rows()
    codes = []
    for length in table["length"]:
        gc = rng.uniform(0.2, 0.8)
        bases = rng.choice(4, length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
        codes.append(encode(bases.astype(np.uint8), np.array([length]), (9, 39)))
    folder = tmp_path_factory.mktemp("world") / "corpus"
    folder.mkdir()
    meta: dict[str, Any] = {
        "species": list(GENES),
        "by_species": {
            name: {"records": 0, "genes": 0, "mapped_genes": 0, "dropped": {}, "noted": {}} for name in GENES
        },
        "inputs": [],
        "gene_ids": {},
        "homology": {"name": "homologene.data"},
        "options": {"scope": "across-species"},
    }
    write_corpus(folder, table, [np.concatenate(codes)], meta)
    return folder


@pytest.fixture(scope="session")
def corpus(corpus_path: Path) -> Corpus:
    return open_corpus(corpus_path)


def gc_content(codes: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    return float(np.isin(codes & 7, [C, G]).mean())


@pytest.fixture(scope="session")
def label_files(corpus: Corpus, corpus_path: Path) -> dict[str, Path]:
    """For each species a table by gene: 10 + 5 × G + C, in mouse the other way round; whole gene sets a fold."""
    files = {}
    for species, genes in GENES.items():
        rows = []
        for gene in range(genes):
            name = f"{PREFIX[species]}G{gene:011d}"
            transcript = f"{PREFIX[species]}T{gene:010d}0.1"
            gc = gc_content(corpus.codes_of(corpus.find(transcript)))
            value = 10 + 5 * gc if species == "human" else -100 * gc
            rows.append({"gene_id": name, "half_life": value, "fold": gene // 2 % 4 + 1})
        files[species] = corpus_path.parent / f"{species}.tsv"
        pl.DataFrame(rows).write_csv(files[species], separator="\t")
    return files


@pytest.fixture(scope="session")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task of 40 reporter constructs: two labels, one of them 5 × the insert's G + C content."""
    folder, rng = tmp_path_factory.mktemp("assay"), np.random.default_rng(2)
    lines = ["utr5\tload\tother"]
    for i in range(40):
        gc = rng.uniform(0.1, 0.9)
        insert = "".join(rng.choice(list("ACGU"), 60, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]))
        lines.append(f"{insert}\t{5 * gc_content(nucleotides(insert))}\t{i}")
    (folder / "inserts.tsv").write_text("\n".join(lines) + "\n")
    codons = "".join(rng.choice(["GCT", "GGA", "CTC", "AAG", "GAC"], 30))
    text = f"""name = "assay"
title = "a reporter assay"
[labels]
file = "inserts.tsv"
label = "load"
[construct]
insert = "utr5"
before = "GG"
cds = "ATG{codons}TAA"
after = "CC"
"""
    (folder / "assay.toml").write_text(text)
    return folder / "assay.toml"


def tiny_encoder(seed: int = 0, **changes: Any) -> Encoder:
    torch.manual_seed(seed)
    architecture = Architecture(TINY.filters, TINY.blocks, TINY.dilations, **changes)
    return Encoder(DilatedResNet(architecture).eval(), name="tiny")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny encoder; its random features know the G + C content as any convolution does."""
    return tiny_encoder().save(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def rnas(corpus: Corpus, label_files: dict[str, Path]) -> LabelledRnas:
    """The human genes."""
    specs = [LabelSpec(read_labels(label_files["human"]), "half_life", "human")]
    return label_rnas(specs, rna_sources(specs, corpus), SplitConfig())


@pytest.fixture
def builder(rnas: LabelledRnas) -> BatchBuilder:
    return BatchBuilder(rnas.sequences, torch.device("cpu"), torch.float32, 2048, 512)


@pytest.fixture
def trial(rnas: LabelledRnas) -> Trial:
    rows = np.arange(len(rnas))
    return Trial(0, Split("fold 1", rows[:100], rows[100:130], rows[130:]), seed=0)


@pytest.fixture
def parameters() -> Hyperparameters:
    return Hyperparameters(
        learning_rate=0.01,
        encoder_learning_rate=0.001,
        lr_decay=0.9,
        l2=1e-5,
        batch_size=16,
        dropout=0.0,
        hidden=16,
        epochs=6,
        patience=3,
    )
