from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.benchmarking import benchmark
from isoclr.benchmarking.results import TABLES


@pytest.mark.slow
def test_maps_have_the_same_rnas_one_a_gene_with_the_labels_of_the_tasks(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isoclr.benchmarking.studies import latent

    keep = latent._shown

    def whatever_codes(table: pl.DataFrame, *rest: Any) -> Any:
        return keep(table.with_columns(cds_length=pl.lit(3)), *rest)

    monkeypatch.setattr(latent, "_shown", whatever_codes)  # none of the small world's RNAs codes
    monkeypatch.setattr(latent, "_of_neighbours", lambda *_: [])
    out = world.folder / "out"
    benchmark(world.plan('[latent]\nspecies = "human"\nsample = 100'), out=out, report=False)
    table = pl.read_parquet(out / TABLES / "map.parquet")
    assert table["method"].value_counts().sort("method").rows() == [
        ("random-init encoder", 48),
        ("small", 48),
    ]
    ours = table.filter(method="small")
    assert ours["gene_id"].n_unique() == 48
    assert ours["gc"].null_count() == 0
    assert (
        ours["transcript_id"].to_list()
        == table.filter(pl.col("method") != "small")["transcript_id"].to_list()
    )
    rows = pl.read_csv(out / "results" / "latent.csv").filter(colour="gc", method="small")
    assert rows["value"][0] > 0.3  # neighbours in the embedding have like G+C content


def test_everything_that_decides_a_map_is_in_its_name(world: Any) -> None:
    from isoclr.benchmarking.studies import latent

    def names() -> list[str]:
        bench = world.bench('[latent]\nspecies = "human"\nsample = 100')
        return [cell.key for cell in latent.cells(bench, bench.plan.latent)[:2]]

    before = names()
    text = (world.folder / "gc.toml").read_text()
    (world.folder / "gc.toml").unlink()
    (world.folder / "gc.toml").write_text(text + "# another task\n")
    assert not set(before) & set(names())


def test_a_gene_of_several_terms_has_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    from isoclr.benchmarking.studies import latent

    one: Any = SimpleNamespace(
        terms=[SimpleNamespace(name="binding"), SimpleNamespace(name="transport")],
        labels=np.array([[1, 0], [1, 1], [0, 1], [0, 0]]),
        samples=SimpleNamespace(rows=np.arange(4)),
        namespace="molecular_function",
    )
    monkeypatch.setattr(latent, "hierarchies", lambda *_, **__: ([one],))
    (colour,) = latent._terms(one, pl.DataFrame({"x": range(4)}))
    assert colour.values.to_list() == ["binding", None, "transport", None]
