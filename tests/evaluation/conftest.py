"""A corpus of a few dozen short RNAs whose label is their G+C content, an encoder, and plans on both."""

import csv
import random
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.forks import NARROW

import isoclr
import isoclr.finetuning.report
from isoclr.embedding.embeddings import SCHEMA
from isoclr.evaluation.context import Context
from isoclr.evaluation.plan import read_plan
from isoclr.models.encoder import MODELS
from isoclr.models.resnet import Architecture
from isoclr.tasks.metrics import bootstrap

GENES = 48
TERMS = {"part": "XYZ", "process": "ABC"}


@dataclass
class World:
    """Files of a small evaluation."""

    folder: Path

    def plan(self, studies: str = "[main]", **changes: str) -> Path:
        """Write a plan with one model, one task and the given studies."""
        parts = {"corpus": "corpus", "model": "model", "task": "gc.toml", "split": '["random"]'}
        parts |= changes
        top = f"""
            corpus = "{parts["corpus"]}"
            threads = 1

            [[model]]
            name = "small"
            path = "{parts["model"]}"

            [[task]]
            task = "{parts["task"]}"
            split = {parts["split"]}
            splits = 3
            """
        path = self.folder / "plan.toml"
        path.write_text(textwrap.dedent(top) + textwrap.dedent(studies) + "\n")
        return path

    def task(self, name: str, *more: str) -> str:
        """Write a task of G+C content with more lines; its file's name."""
        path = self.folder / f"{name}.toml"
        head = [f'name = "{name}"', 'title = "G+C content"', "[labels]", 'label = "gc"']
        path.write_text("\n".join([*head, *more]) + "\n")
        return path.name

    def constructs(self) -> str:
        """Write a reporter assay with equal surroundings and different inserts; its task file's name."""
        rng = random.Random(5)
        rows = [f"{rna(rng, 0.5)[:60]}\t{i / 40}" for i in range(40)]
        (self.folder / "inserts.tsv").write_text("\n".join(["utr5\tgc", *rows]) + "\n")
        cds = "AUG" + rna(rng, 0.5)[:120].replace("U", "C") + "UAA"
        parts = ['insert = "utr5"', 'before = "GGA"', f'cds = "{cds}"', f'after = "{"ACGU" * 300}"']
        return self.task("assay", 'file = "inserts.tsv"', "[construct]", *parts)

    def ontology(self) -> str:
        """Write terms: what a gene does is its G+C content, where it does it is chance; the task file's name."""
        with (self.folder / "gc.tsv").open() as table:
            rows = list(csv.DictReader(table, delimiter="\t"))
        genes, terms = (["#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory"], [])
        for number, row in enumerate(rows, 1):
            share = float(row["gc"])
            does = "A" if share > 0.55 else "B" if share < 0.45 else "C"
            for name in (does, "XYZ"[number % 3]):
                genes.append(f"9606\t{number}\t{name}\tIDA\t-\t-\t-\t-")
        for space, names in TERMS.items():
            terms.append(f"[Term]\nid: {space}\nname: {space}\nnamespace: {space}\n")
            stanza = "[Term]\nid: {0}\nname: {0} name\nnamespace: {1}\nis_a: {1}\n"
            terms += [stanza.format(name, space) for name in names]
        ids = [f"{row['gene_id']}\t{number}" for number, row in enumerate(rows, 1)]
        (self.folder / "go.obo").write_text("\n".join(terms))
        (self.folder / "gene2go").write_text("\n".join(genes) + "\n")
        (self.folder / "ids.tsv").write_text("\n".join(["gene_id\tentrez", *ids]) + "\n")
        lines = ['name = "go"', 'title = "terms"', "[ontology]", 'terms = "go.obo"', 'annotations = "gene2go"']
        lines += ['gene_ids = "ids.tsv"', "depth = 1", "classes = 2", "[samples]", 'species = "human"']
        lines += ['rnas = "all"', 'split = "random"']
        (self.folder / "go.toml").write_text("\n".join(lines) + "\n")
        return "go.toml"

    def external(self, genes: int, prefix: str = "T") -> str:
        """Write embeddings of the RNAs of the first genes by another model; the lines of a plan for them."""
        names = [f"{prefix}{gene}.{i}" for gene in range(genes) for i in (1, 2)]
        columns: dict[str, Any] = {
            "transcript_id": names,
            "gene_id": [name[1:].partition(".")[0] for name in names],
            "gene_symbol": "",
            "species": "human",
            "length": 9,
            "cds_length": 0,
            "cds_source": "none",
            "canonical": False,
        }
        casts = [pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()]
        vectors = pl.Series([[1.0, 2.0]] * len(names), dtype=pl.Array(pl.Float32, 2))
        table = pl.DataFrame(columns).select(casts).with_columns(embedding=vectors)
        table.write_parquet(self.folder / "other.parquet")
        return "[[embeddings]]\nname = 'other'\npath = 'other.parquet'\n"

    def context(self, studies: str = "[main]", **changes: str) -> Context:
        return Context(read_plan(self.plan(studies, **changes)), self.folder / "out")


def rna(rng: random.Random, gc: float) -> str:
    return "".join(rng.choices("ACGU", [1 - gc, gc, gc, 1 - gc], k=rng.randint(150, 400)))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    rng = random.Random(3)
    records, labels = [], ["gene_id\tgc\tfold\tchromosome"]
    for gene in range(GENES):
        gc = rng.uniform(0.2, 0.8)
        labels.append(f"G{gene}\t{gc + rng.gauss(0, 0.05):.4f}\t{gene % 3}\tchr{gene % 6}")
        records += [f">T{gene}.{i} cdna gene:G{gene} gene_symbol:SYM{gene}\n{rna(rng, gc)}\n" for i in (1, 2)]
    (folder / "rnas.fa").write_text("".join(records))
    (folder / "gc.tsv").write_text("\n".join(labels) + "\n")
    (folder / "gc.toml").write_text(
        'name = "gc"\ntitle = "G+C content"\n[labels]\nfile = "gc.tsv"\nlabel = "gc"\n[samples]\nspecies = "human"\n'
    )
    isoclr.build(out=folder / "corpus", species="human", transcripts=folder / "rnas.fa", orf=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "isoclr-s", Architecture(*NARROW))
        isoclr.create("isoclr-s", seed=1).save(folder / "model")
    return folder


@pytest.fixture(scope="module", autouse=True)
def _small_networks(narrow: None) -> Iterator[None]:
    """Networks that tests train are as narrow as the model, and their intervals are of few resamples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isoclr.finetuning.report, "bootstrap", partial(bootstrap, resamples=20))
        yield


@pytest.fixture
def world(made: Path, tmp_path: Path) -> World:
    """The same files, under a folder of the test's own."""
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return World(tmp_path)
