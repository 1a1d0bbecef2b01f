"""A small corpus with isoforms, homologs and hostile names, its embeddings, and an atlas of them."""

import base64
import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import isoclr
from isoclr.atlas.atlas import atlas
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.io import read_embeddings

HOSTILE = "</script><script>hacked=1</script>\"'`${hacked=1}"
HOSTILE_SYMBOL = '"><img/src=x/onerror=hacked=1>'
GENES = 30


def read_shard(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Values and arrays of a shard, as the page reads them."""
    text = path.read_text(encoding="ascii")
    data = gzip.decompress(base64.b64decode(text.split('"')[3]))
    (size,) = struct.unpack_from("<I", data)
    values = msgspec.json.decode(data[4 : 4 + size])
    arrays = {
        key: np.frombuffer(data, np.dtype(kind).newbyteorder("<"), count, 4 + size + start)
        for key, (kind, start, count) in values.pop("arrays").items()
    }
    return values, arrays


def _write_rnas(folder: Path) -> None:
    """Two isoforms per gene: the second lacks the middle exon. The first gene has hostile names."""
    random = np.random.default_rng(0)

    def letters(n: int) -> str:
        return "".join(random.choice(list("ACGT"), n))

    records, structures = [], []
    for species in ("human", "mouse"):
        for gene in range(GENES):
            start, middle, end = letters(60), "GCA" * 20, "GCC" * 10 + "TAA" + letters(90)
            bad = species == "human" and gene == 0
            symbol = HOSTILE_SYMBOL if bad else f"SYM{gene}"
            for isoform, exons in enumerate(([start + "ATG", middle, end], [start + "ATG", end])):
                name = f"{species}{gene}.{isoform}"
                if bad and isoform == 1:
                    name = HOSTILE
                sequence = "".join(exons)
                records.append((species, f">{name} cdna gene:{species}G{gene} gene_symbol:{symbol}\n{sequence}\n"))
                cds = len(sequence) - 60 - 90
                lengths = ",".join(str(len(exon)) for exon in exons)
                structures.append((species, f"{name}\t60\t{cds}\t90\t{lengths}\n"))
    for species in ("human", "mouse"):
        fasta = "".join(text for of, text in records if of == species)
        (folder / f"{species}.fa").write_text(fasta)
        table = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"
        table += "".join(text for of, text in structures if of == species)
        (folder / f"{species}.structures.tsv").write_text(table)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``corpus`` (genes of one symbol are a gene set), ``e.parquet`` and ``labels.tsv``."""
    folder = tmp_path_factory.mktemp("small")
    _write_rnas(folder)
    groups = [f"{gene + 1}\t{taxid}\t{gene + 1}\tSYM{gene}\t\t\n" for taxid in (9606, 10090) for gene in range(GENES)]
    (folder / "homologene.data").write_text("".join(groups))
    text = "".join(
        f'[[input]]\nspecies = "{s}"\ntranscripts = "{s}.fa"\nannotation = ["{s}.structures.tsv"]\n'
        for s in ("human", "mouse")
    )
    (folder / "inputs.toml").write_text(f'homology = "homologene.data"\n{text}')
    isoclr.build((folder / "inputs.toml",), out=folder / "corpus")
    isoclr.embed((folder / "corpus",), out=folder / "e.parquet")
    pl.DataFrame(
        {
            "gene_id": [f"humanG{i}" for i in range(GENES)],
            "measured": [i / 10 for i in range(GENES)],
            "count": [1234567 if i == 5 else i / 10 for i in range(GENES)],
            "class": [HOSTILE if i % 3 else "plain" for i in range(GENES)],
        }
    ).write_csv(folder / "labels.tsv", separator="\t")
    _write_ontology(folder)
    return folder


def _write_ontology(folder: Path) -> None:
    """A task of Gene Ontology terms: every fifth human gene has a term, all others another one."""
    terms = {
        "GO:0000001": ("all", None),
        "GO:0000002": ("cellular thing", "GO:0000001"),
        "GO:0000003": ("nuclear thing", "GO:0000002"),
        "GO:0000004": (HOSTILE, "GO:0000001"),
    }
    stanzas = [
        f"[Term]\nid: {name}\nname: {title}\nnamespace: cellular_component\n" + (f"is_a: {parent}\n" if parent else "")
        for name, (title, parent) in terms.items()
    ]
    (folder / "go.obo").write_text("format-version: 1.2\n\n" + "\n".join(stanzas))
    header = "#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory\n"
    lines = [
        f"9606\t{i + 1}\t{'GO:0000004' if i % 5 else 'GO:0000003'}\tIDA\t-\t-\t-\tComponent\n" for i in range(GENES)
    ]
    (folder / "gene2go").write_text(header + "".join(lines))
    ids = "".join(f"humanG{i}\t{i + 1}\n" for i in range(GENES))
    (folder / "ids.tsv").write_text("ensembl_gene_id\tentrez_gene_id\n" + ids)
    (folder / "go.toml").write_text(
        """name = "go"\ntitle = "terms"\n[samples]\nspecies = "human"\n
[ontology]\nterms = "go.obo"\nannotations = "gene2go"\ngene_ids = "ids.tsv"\n"""
    )


@pytest.fixture(scope="session")
def thin(small: Path) -> Path:
    """Embeddings of 64 numbers, of a model that does not ship: eigenvectors of 2,304 numbers take three seconds."""
    full = read_embeddings(small / "e.parquet")
    meta = {**full.meta, "sha256": "0" * 64}
    write(small / "thin.parquet", Embeddings(full.table, full.matrix[:, ::36].copy(), meta))
    return small / "thin.parquet"


@pytest.fixture(scope="session")
def folder(small: Path) -> Path:
    """An atlas with predictions, labels and a mutation map."""
    out = small / "atlas"
    atlas(
        small / "e.parquet",
        corpus=small / "corpus",
        out=out,
        task=("half-life",),
        table=(small / "labels.tsv",),
        ontology=(small / "go.toml",),
        mutate=("SYM1",),
        title=f"Atlas {HOSTILE}",
        k=5,
    )
    return out


@pytest.fixture
def read_names() -> Callable[[Path], tuple[dict[str, list[str]], dict[str, Any]]]:
    """Reads the names of an atlas as lists, and their arrays."""

    def read(folder: Path) -> tuple[dict[str, list[str]], dict[str, Any]]:
        values, arrays = read_shard(folder / "data/names.js")
        lists = {key: values[key].split("\n") for key in ("transcripts", "geneIds", "symbols")}
        return {**lists, "species": values["species"]}, arrays

    return read
