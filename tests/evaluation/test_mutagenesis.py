import random
from typing import Any

import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.output import TABLES
from isoclr.evaluation.studies import mutagenesis

PLAN = "[mutagenesis]\nsample = 3\nscans = 1\n"
LONG = 7
"""The only mRNA that is as long as what is shown first."""


@pytest.fixture
def coding(world: Any) -> Any:
    """The small world with 24 mRNAs of 440 nt, and one of 640 nt, whose label is their G+C content."""
    rng = random.Random(2)
    records, labels, spans = ([], ["gene_id\tgc"], ["transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths"])
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
def test_motifs_and_scans_share_a_head(coding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []

    def fit(*given: Any, **options: Any) -> Any:
        fits.append(options["out"])
        return isoclr.fit(*given, **options)

    monkeypatch.setattr(mutagenesis, "fit", fit)
    out = coding.folder / "out"
    evaluate(coding.plan(PLAN, **of_mrnas(coding)), out=out, report=False)
    assert fits == list((out / "heads").iterdir())  # one head, fitted once
    rows = pl.read_csv(out / "results" / "mutagenesis.csv")
    assert rows["task"].unique().to_list() == ["mrna"]
    motifs = rows.filter(part="motifs")
    assert motifs["n"].max() == 3
    assert "AUG" in " ".join(motifs["motif"].unique().to_list()).upper()
    bases = pl.read_parquet(out / TABLES / "mutations.parquet")
    assert bases["transcript_id"].unique().to_list() == [f"M{LONG}"]
    assert (bases.height, bases["coding_start"][0], bases["coding_end"][0]) == (640, 64, 370)
    assert bases["exon_end"].to_list() == [False] * 639 + [True]


def test_mrnas_of_preferred_length_come_first(coding: Any) -> None:
    context = coding.context(PLAN, **of_mrnas(coding))
    (entry,) = context.plan.tasks.values()
    shown = [mutagenesis._mrna(context, entry, number)[0] for number in range(24)]
    assert shown[0] == f"M{LONG}"
    assert len(set(shown)) == 24
    with pytest.raises(InputError, match=r"mutagenesis\.scans: .* 24 suitable"):
        mutagenesis._mrna(context, entry, 24)


def test_everything_that_decides_a_result_is_in_its_name(coding: Any) -> None:
    given = of_mrnas(coding)

    def names(plan: str) -> list[str]:
        context = coding.context(plan, **given)
        return [one.key for one in mutagenesis.results(context, context.plan.studies["mutagenesis"])]

    motifs, base = names(PLAN)
    assert names(PLAN.replace("scans = 1", "scans = 2"))[:2] == [motifs, base]
    more, same = names(PLAN.replace("sample = 3", "sample = 4"))
    assert (more != motifs, same) == (True, base)
    labels = coding.folder / "mrnas.tsv"
    labels.write_text(labels.read_text() + "G99\t0.5\n")
    assert not {motifs, base} & set(names(PLAN))


def test_tasks_outside_the_corpus(world: Any) -> None:
    assay = f"[[task]]\ntask = '{world.constructs()}'\n"
    context = world.context(assay + "[mutagenesis]\ntasks = ['assay']")
    with pytest.raises(InputError, match="assay: its RNAs are in no corpus"):
        mutagenesis.results(context, context.plan.studies["mutagenesis"])
    renamed = world.task("renamed", 'file = "gc.tsv"', "[labels.columns]", 'gene_id = "gene"')
    context = world.context("[mutagenesis]", task=renamed)
    with pytest.raises(InputError, match=r"renamed: .*renamed\.toml renames columns"):
        mutagenesis.results(context, context.plan.studies["mutagenesis"])
