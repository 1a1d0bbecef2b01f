import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.build import build
from isoclr.corpus.corpus import INDEX_DTYPE, Corpus, open_corpus
from isoclr.errors import InputError


def test_index_dtype() -> None:
    fields = {name: INDEX_DTYPE[name].str for name in INDEX_DTYPE.names or ()}
    numbers = ("length", "gene_set", "cds_start", "cds_end", "n_exons")
    assert fields == {"offset": "<i8", "species": "<i2", **dict.fromkeys(numbers, "<i4")}
    assert INDEX_DTYPE.itemsize == 30


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    fasta = tmp_path / "rna.fa"
    fasta.write_text(
        ">ENST00000000001.2 cdna gene:ENSG00000000001.1\nACGTAC\n"
        ">b cdna gene:other\nTTT\n"
        ">ENST00000000003.1 cdna gene:ENSG00000000001.1\nGGGGG\n"
    )
    return build(out=tmp_path / "c", species="human", transcripts=fasta)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_released_codes_take_no_memory(corpus: Corpus) -> None:
    def resident() -> int:
        _, _, entry = Path("/proc/self/smaps").read_text().partition(str(corpus.path / "codes.bin"))
        match = re.search(r"Rss:\s+(\d+) kB", entry)
        assert match is not None
        return int(match[1])

    before = corpus.codes.tolist()
    assert resident() > 0
    corpus.release_codes()
    assert resident() == 0
    assert corpus.codes.tolist() == before


def test_open_corpus(corpus: Corpus) -> None:
    assert len(corpus) == 3
    assert corpus.codes.tolist() == [0, 1, 2, 3, 0, 1, 3, 3, 3, 2, 2, 2, 2, 2]
    assert corpus.codes_of(1).tolist() == [3, 3, 3]
    assert corpus.codes_of(2).base is not None  # a view, not a copy
    assert corpus.index["gene_set"].tolist() == [0, 1, 0]
    assert corpus.index.dtype == INDEX_DTYPE
    assert corpus.species == ["human"]
    assert corpus.num_gene_sets == 2
    assert corpus.transcripts["transcript_id"].to_list()[1] == "b"
    assert "3 transcripts, 2 gene sets, 14 nt of human" in repr(corpus)


def test_members(corpus: Corpus) -> None:
    order, starts = corpus.members
    assert [order[starts[g] : starts[g + 1]].tolist() for g in range(2)] == [[0, 2], [1]]


def test_find(corpus: Corpus) -> None:
    assert corpus.find("ENST00000000003.1") == corpus.find("ENST00000000003") == 2
    assert corpus.find("ENST00000000003.9") == 2
    assert corpus.find("b") == 1
    with pytest.raises(InputError, match="no transcript 'nobody' among its 3"):
        corpus.find("nobody")


def test_find_among_several_versions(tmp_path: Path) -> None:
    fasta = tmp_path / "rna.fa"
    fasta.write_text(">NM_000001.2\nACGT\n>NM_000001.1\nGGGG\n")
    corpus = build(out=tmp_path / "c", species="human", transcripts=fasta)
    assert corpus.find("NM_000001.1") == 1
    assert corpus.find("NM_000001") == corpus.find("NM_000001.9") == 0


def test_verify(corpus: Corpus) -> None:
    corpus.verify()
    codes = bytearray((corpus.path / "codes.bin").read_bytes())
    codes[3] ^= 1
    (corpus.path / "codes.bin").write_bytes(codes)
    with pytest.raises(InputError, match=r"codes\.bin: SHA-256 is .* the corpus is damaged"):
        open_corpus(corpus.path).verify()


@pytest.mark.parametrize("name", ["index.npy", "transcripts.parquet"])
def test_damaged_file(corpus: Corpus, name: str) -> None:
    file = corpus.path / name
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(InputError, match=f"{name}: .*the corpus is damaged, build it again"):
        open_corpus(corpus.path).transcripts  # noqa: B018


def test_not_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a corpus"):
        open_corpus(tmp_path)
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        open_corpus(tmp_path)
    (tmp_path / "corpus.json").write_text("[]")
    with pytest.raises(InputError, match=r"corpus\.json"):
        open_corpus(str(tmp_path))
    (tmp_path / "corpus.json").write_text("{}")
    with pytest.raises(InputError, match="no schema version"):
        open_corpus(tmp_path)


def test_truncated_or_missing_file(corpus: Corpus) -> None:
    with (corpus.path / "codes.bin").open("r+b") as stream:
        stream.truncate(5)
    with pytest.raises(InputError, match=r"codes\.bin: 5 bytes, expected 14"):
        open_corpus(corpus.path)
    (corpus.path / "codes.bin").unlink()
    with pytest.raises(InputError, match=r"codes\.bin: missing"):
        open_corpus(corpus.path)


def test_newer_schema(corpus: Corpus) -> None:
    file = corpus.path / "corpus.json"
    file.write_text(json.dumps(corpus.meta | {"schema": 99}))
    with pytest.raises(InputError, match=r"corpus of schema 99 .* install a newer one"):
        open_corpus(corpus.path)


def test_index_with_other_columns(corpus: Corpus) -> None:
    np.save(corpus.path / "index.npy", np.zeros(3, np.int64))
    size = (corpus.path / "index.npy").stat().st_size
    corpus.meta["files"]["index.npy"]["size"] = size
    (corpus.path / "corpus.json").write_text(json.dumps(corpus.meta))
    with pytest.raises(InputError, match="columns None, expected"):
        open_corpus(corpus.path)


def test_opening_needs_numpy_only(corpus: Corpus, tmp_path: Path) -> None:
    """A GPU node has neither polars nor pysam nor tyro; and a corpus may lie anywhere."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(corpus.path, elsewhere)
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('polars', 'pysam', 'tyro', 'torch', 'matplotlib')))\n"
        "from isoclr.corpus.corpus import open_corpus\n"
        f"c = open_corpus({str(elsewhere)!r}); c.members; print(len(c), c.codes_of(0).sum())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "7"]


def test_index_agrees_with_the_table(corpus: Corpus) -> None:
    table = corpus.transcripts
    for name in ("offset", "length", "cds_start", "cds_end", "n_exons"):
        assert corpus.index[name].tolist() == table[name].to_list()
    assert isinstance(table, pl.DataFrame)
