import random
from typing import Any

import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.results import TABLES
from isoclr.evaluation.studies import mutagenesis

PLAN = "[mutagenesis]\nrnas = 3\nshown = 1\n"
LONG = 7
"""The only mRNA that is as long as what is shown first."""


@pytest.fixture
def coding(world: Any) -> Any:
    """The small world with 24 mRNAs of 440 nt, and one of 640 nt, whose label is their G+C content."""
    rng = random.Random(2)
    records, labels, spans = (
        [],
        ["gene_id\tgc"],
        ["transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths"],
    )
    for gene in range(24):
        utr3 = 270 if gene == LONG else 70
        p = [gene + 8, 32, 32, gene + 8]
        ends = ["".join(rng.choices("AGCT", p, k=n)) for n in (64, utr3)]
        rna = ends[0] + "ATG" + "".join(rng.choices(["GCT", "AAA", "CTG"], k=100)) + "TAA" + ends[1]
        records.append(f">M{gene} gene:G{gene}\n{rna}\n")
        spans.append(f"M{gene}\t64\t306\t{utr3}\t{len(rna)}")
        labels.append(f"G{gene}\t{sum(map(rna.count, 'GC')) / len(rna):.4f}")
    (world.folder / "mrnas.fa").write_text("".join(records))
    (world.folder / "mrnas.structures.tsv").write_text("\n".join(spans) + "\n")
    (world.folder / "mrnas.tsv").write_text("\n".join(labels) + "\n")
    isoclr.build(
        out=world.folder / "mrnas",
        species="human",
        transcripts=world.folder / "mrnas.fa",
        annotation=(world.folder / "mrnas.structures.tsv",),
    )
    return world


def of_mrnas(world: Any) -> dict[str, str]:
    task = world.task("mrna", 'file = "mrnas.tsv"', "[samples]", 'species = "human"')
    return {"corpus": "mrnas", "task": task}


@pytest.mark.slow
def test_motifs_and_every_base_of_an_mrna_by_one_head(coding: Any) -> None:
    out = coding.folder / "out"
    evaluate(coding.plan(PLAN, **of_mrnas(coding)), out=out, report=False)
    assert len(list((out / "heads").iterdir())) == 1
    rows = pl.read_csv(out / "results" / "mutagenesis.csv")
    assert rows["task"].unique().to_list() == ["mrna"]
    motifs = rows.filter(part="motifs")
    assert motifs["n"].max() == 3
    assert "AUG" in " ".join(motifs["motif"].unique().to_list()).upper()
    bases = pl.read_parquet(out / TABLES / "mutations.parquet")
    assert bases["transcript_id"].unique().to_list() == [f"M{LONG}"]
    assert (bases.height, bases["coding_start"][0], bases["coding_end"][0]) == (640, 64, 370)
    assert bases["exon_end"].to_list() == [False] * 639 + [True]


def test_what_is_shown_is_an_mrna_of_a_handy_length_first(coding: Any) -> None:
    bench = coding.bench(PLAN, **of_mrnas(coding))
    (asked,) = bench.plan.tasks.values()
    shown = [mutagenesis._shown(bench, asked, number)[0] for number in range(24)]
    assert shown[0] == f"M{LONG}"
    assert len(set(shown)) == 24
    with pytest.raises(InputError, match=r"\[mutagenesis\] shown is more than the 24 suitable"):
        mutagenesis._shown(bench, asked, 24)


def test_everything_that_decides_a_result_is_in_its_name(coding: Any) -> None:
    given = of_mrnas(coding)

    def names(plan: str) -> list[str]:
        bench = coding.bench(plan, **given)
        return [cell.key for cell in mutagenesis.cells(bench, bench.plan.mutagenesis)]

    motifs, base = names(PLAN)
    assert names(PLAN.replace("shown = 1", "shown = 2"))[:2] == [motifs, base]
    more, same = names(PLAN.replace("rnas = 3", "rnas = 4"))
    assert (more != motifs, same) == (True, base)
    labels = coding.folder / "mrnas.tsv"
    labels.write_text(labels.read_text() + "G99\t0.5\n")
    assert not {motifs, base} & set(names(PLAN))


def test_tasks_that_have_no_mrna_of_the_corpus_are_refused(world: Any) -> None:
    assay = f"[[task]]\ntask = '{world.constructs()}'\n"
    bench = world.bench(assay + "[mutagenesis]\ntasks = ['assay']")
    with pytest.raises(InputError, match=r"tasks has assay, but its RNAs are no corpus'"):
        mutagenesis.cells(bench, bench.plan.mutagenesis)
    renamed = world.task("renamed", 'file = "gc.tsv"', "[labels.columns]", 'gene_id = "gene"')
    bench = world.bench("[mutagenesis]", task=renamed)
    with pytest.raises(InputError, match=r"renamed, but .*renamed\.toml renames columns"):
        mutagenesis.cells(bench, bench.plan.mutagenesis)
