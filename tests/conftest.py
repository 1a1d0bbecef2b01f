"""What tests of several rooms use: the real data set, when it is at hand, and small worlds."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

import isoclr

# One thread a process: the suite itself runs on all cores, and waiting threads would only get in each other's way.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")

# Shapes and types in signatures are checked in tests, and nowhere else.
install_import_hook(["isoclr.pretraining.losses", "isoclr.models"], "beartype.beartype")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real transcripts, genomes and labels; the test is skipped when it is absent."""
    folder = Path(os.environ.get("ISOCLR_DATA", ROOT / "../shared/data")).resolve()
    if not (folder / "transcripts").is_dir():
        pytest.skip(f"no real data at {folder}; set ISOCLR_DATA")
    return folder


@pytest.fixture
def assay(tmp_path: Path) -> Path:
    """The task file of a reporter assay, whose ``table.tsv`` has columns ``utr`` and ``load``."""
    path = tmp_path / "t.toml"
    path.write_text(
        """
name = "assay"
title = "an assay"
[labels]
file = "table.tsv"
label = "load"
[construct]
insert = "utr"
before = "GG"
cds = "ATGTAA"
after = "CC"
"""
    )
    return path


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a corpus of 40 coding mRNAs, a FASTA of two short ones, and a head that tells their G + C content."""
    folder, rng = tmp_path_factory.mktemp("workbench"), random.Random(0)
    records, labels, structures = [], [], []
    for i in range(40):
        share = 0.15 + 0.2 * (i % 7) / 6
        weights = [0.5 - share, share, share, 0.5 - share]
        utr5, utr3 = ("".join(rng.choices("ACGT", weights, k=70)) for _ in range(2))
        sense = "".join(rng.choices(["GCT", "AAA", "CTG", "GAT", "TTC", "ACC"], k=100))
        sequence = utr5 + "ATG" + sense + "TAA" + utr3
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


@pytest.fixture
def shipped(workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what ships: the workbench's model as ``isoclr-s.v1``, its head for ``gc`` of ``human``."""
    shelf = tmp_path / "weights"
    shutil.copytree(workbench / "model", shelf / "isoclr-s.v1")
    shutil.copytree(workbench / "head", shelf / "isoclr-s.v1/heads/gc-human")
    monkeypatch.setattr("isoclr.models.load.PRETRAINED_DIR", shelf)
    return shelf


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch computes on two threads; afterwards on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
