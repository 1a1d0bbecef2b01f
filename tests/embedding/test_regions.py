from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.atlas.browser_model import write_browser_model
from isoclr.embedding.io import read_embeddings
from isoclr.embedding.regions import BEYOND, added_features, crop
from isoclr.errors import InputError
from isoclr.genomics.encoding import EXON_END, encode, nucleotides
from isoclr.genomics.features import UPSTREAM, upstream_features
from isoclr.models.encoder import Encoder, create
from isoclr.probing.resolve import find_head

UTR = "GATGCCCTAACCGG"
RNA = encode(nucleotides(UTR + "ATGGCTGGATAA" + "GGCC"), np.array([9, 21]), (14, 26))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return create("isoclr-s", seed=0)


def test_region_is_the_utr_without_exon_ends() -> None:
    region = crop(RNA, "utr5")
    assert len(region) == len(UTR) + BEYOND
    assert not (region & EXON_END).any()
    assert (region == RNA[: len(region)] & ~np.uint8(EXON_END)).all()
    assert crop(RNA, "rna") is RNA
    assert len(crop(encode(nucleotides("GGGACC" * 9)), "utr5")) == BEYOND  # no coding sequence


def test_features_of_a_region_are_those_of_the_rna() -> None:
    (row,) = added_features([crop(RNA, "utr5")], "utr5")
    assert row.tolist() == upstream_features(RNA).tolist()
    assert added_features([RNA, RNA], "rna").shape == (2, 0)


def test_embeddings_of_regions(encoder: Encoder, tmp_path: Path) -> None:
    fasta = tmp_path / "rnas.fa"
    fasta.write_text(f">a CDS=15-26\n{UTR}ATGGCTGGATAAGGCC\n>b CDS=15-26\n{UTR}ATGGCTTTTTAAGG\n")
    found = isoclr.embed(fasta, model=encoder, region="utr5")
    assert found.matrix.shape == (2, encoder.dim + len(UPSTREAM))
    assert (found.matrix[0] == found.matrix[1]).all()  # what differs lies beyond the region
    assert found.table["length"].to_list() == [20, 20]
    assert found.meta["region"] == "utr5"
    region = encode(nucleotides(UTR + "ATGGCT"), None, (14, 20))
    expected = encoder.embed_codes([region])[0]
    assert found.matrix[0, : encoder.dim] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert "region" not in isoclr.embed(fasta, model=encoder).meta


def test_region_survives_a_file(encoder: Encoder, tmp_path: Path) -> None:
    out = isoclr.embed({"a": UTR + "ATGGCTGGATAAGGCC"}, model=encoder, region="utr5", out=tmp_path / "e.npz")
    assert read_embeddings(out).meta["region"] == "utr5"


def test_a_head_of_a_region_explains_no_embedding(tmp_path: Path) -> None:
    head = isoclr.load_head(find_head("mean-ribosome-load", "human"))
    assert head.region == "utr5"
    with pytest.raises(InputError, match="isoclr predict and isoclr variants can use it"):
        head.linear()
    with pytest.raises(InputError, match="reads the region utr5"):
        write_browser_model(tmp_path / "model.js", isoclr.load("isoclr-s.v1"), [head])
