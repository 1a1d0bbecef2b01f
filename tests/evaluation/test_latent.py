import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.analysis.tsne import Coloring
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.output import TABLES
from isoclr.evaluation.studies import latent


def mapped(world: Any, study: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An evaluation's directory with maps, without the neighbours."""
    keep = latent._sample

    def whatever_codes(table: pl.DataFrame, *rest: Any) -> Any:
        return keep(table.with_columns(cds_length=pl.lit(3)), *rest)

    monkeypatch.setattr(latent, "_sample", whatever_codes)  # none of the small world's RNAs codes
    nothing = SimpleNamespace(rows=list)
    monkeypatch.setattr(latent, "evaluate_space", lambda *_, **__: nothing)
    out: Path = world.folder / "out"
    evaluate(world.plan(study), out=out, report=False)
    return out


@pytest.mark.slow
def test_maps_have_the_same_rnas_one_a_gene_with_the_labels_of_the_tasks(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = mapped(world, '[latent]\nspecies = "human"\nsample = 100', monkeypatch)
    table = pl.read_parquet(out / TABLES / "map.parquet")
    assert table["method"].value_counts().sort("method").rows() == [("random-init encoder", 48), ("small", 48)]
    ours = table.filter(method="small")
    assert ours["gene_id"].n_unique() == 48
    assert ours["gc"].null_count() == 0
    assert ours["transcript_id"].to_list() == table.filter(pl.col("method") != "small")["transcript_id"].to_list()
    rows = pl.read_csv(out / "results" / "latent.csv").filter(colour="gc", method="small")
    assert rows["value"][0] > 0.3  # neighbours in the embedding have like G+C content


SUPERVISED = "supervised on gc"


@pytest.mark.slow
def test_all_species_with_terms_their_control_and_the_supervised_encoder(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = f"""[latent]
    ontology = "{world.ontology()}"
    sample = 100
    supervised = "gc"
    finetune = {{ epochs = 1, batch_size = 16, hidden = 8 }}"""
    out = mapped(world, plan, monkeypatch)
    kinds = json.loads((out / TABLES / "map_colorings.json").read_text())
    control = "part, shuffled"
    assert list(kinds) == ["length", "species", "gc", "part", "process", control]
    table = pl.read_parquet(out / TABLES / "map.parquet")
    assert table["method"].unique(maintain_order=True).to_list() == [
        "small", "random-init encoder", SUPERVISED,
    ]  # fmt: skip
    ours = table.filter(method="small")
    assert ours.select("x").equals(table.filter(method=SUPERVISED).select("x")) is False
    assert ours["species"].unique().to_list() == ["human"]
    rows = pl.read_csv(out / "results" / "latent.csv").filter(method="small", colour=control)
    assert rows["metric"].to_list() == ["share of neighbours", "share by chance"]


def test_the_control_has_the_same_colorings_on_the_same_rnas() -> None:
    values = ["a", "b", None, *"a" * 40, None, *"b" * 40]
    one = Coloring("what it does", "class", pl.Series(values, dtype=pl.String))
    shuffled = latent._shuffle(one, seed=0)
    assert shuffled.name == "what it does, shuffled"
    assert (shuffled.values.is_null() == one.values.is_null()).all()
    assert shuffled.classes == one.classes == ["a", "b"]
    assert shuffled.values.sort().to_list() == one.values.sort().to_list()
    assert 20 < (shuffled.values == one.values).sum() < 60
    assert shuffled.values.equals(latent._shuffle(one, seed=0).values)
    assert not shuffled.values.equals(latent._shuffle(one, seed=1).values)


def test_labels_of_one_species_do_not_colour_another(world: Any) -> None:
    """Genes of both species have the same ids, as symbols would."""
    world.ontology()
    context = world.context('[latent]\nontology = "go.toml"')
    human = context.source().table.unique("gene_id", keep="first", maintain_order=True)
    both = pl.concat([human.with_columns(species=pl.lit("mouse")), human])
    colorings = {one.name: one for one in latent._colorings(context, context.plan.studies["latent"], both)}
    for name in ("gc", "part", "process", "part, shuffled"):
        known = colorings[name].values.is_not_null()
        assert known.to_list() == [False] * 48 + [True] * 48
    measured = pl.read_csv(world.folder / "gc.tsv", separator="\t")["gc"].to_list()
    assert colorings["gc"].values[48:].to_list() == measured


def test_unused_options_are_in_no_name(world: Any) -> None:
    """Results of a plan without terms and without a supervised encoder are found again."""
    context = world.context("[latent]")
    *maps, neighbours = latent.results(context, context.plan.studies["latent"])
    assert all(one.inputs["terms"] is None for one in maps)
    assert set(neighbours.inputs["embeddings"]) == {"small", "random-init encoder"}
    context = world.context(f'[latent]\nontology = "{world.ontology()}"')
    maps = latent.results(context, context.plan.studies["latent"])[:-1]
    assert all(one.inputs["terms"][-1] == latent.SHUFFLED for one in maps)


def test_everything_that_decides_a_map_is_in_its_name(world: Any) -> None:
    def names() -> list[str]:
        context = world.context('[latent]\nspecies = "human"\nsample = 100')
        return [one.key for one in latent.results(context, context.plan.studies["latent"])[:2]]

    before = names()
    text = (world.folder / "gc.toml").read_text()
    (world.folder / "gc.toml").unlink()
    (world.folder / "gc.toml").write_text(text + "# another task\n")
    assert not set(before) & set(names())


def test_a_gene_of_several_terms_has_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    one: Any = SimpleNamespace(
        species="human",
        terms=[SimpleNamespace(name="binding"), SimpleNamespace(name="transport")],
        labels=np.array([[1, 0], [1, 1], [0, 1], [0, 0]]),
        samples=SimpleNamespace(rows=np.arange(4)),
        title="molecular function",
    )
    monkeypatch.setattr(latent, "read_aspects", lambda *_, **__: ([one],))
    (colour,) = latent._terms(one, pl.DataFrame({"species": ["human"] * 4}))
    assert colour.values.to_list() == ["binding", None, "transport", None]
