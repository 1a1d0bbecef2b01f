import numpy as np
import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.latent.colours import Colour
from isoclr.latent.mapping import Map, tsne

N = 120
GROUP = np.repeat(np.arange(3), N // 3)
RNG = np.random.default_rng(0)
FEATURES = np.eye(3)[GROUP] * 10 + RNG.normal(size=(N, 3))
SLOPE = FEATURES[:, 0] + 0.1 * RNG.normal(size=N)
TABLE = pl.DataFrame({"transcript_id": [f"t{i}" for i in range(N)], "length": np.arange(N)})
COLOURS = [
    Colour("group", "class", pl.Series("group", [f"g{i}" for i in GROUP])),
    Colour("slope", "quantity", pl.Series("slope", SLOPE)),
    Colour("noise", "quantity", pl.Series("noise", RNG.normal(size=N))),
    Colour("length", "quantity", TABLE["length"].cast(pl.Float64)),
    Colour("few", "class", pl.Series("few", ["a", *[None] * (N - 1)])),
]


@pytest.fixture(scope="module")
def found() -> Map:
    return tsne(FEATURES, TABLE, np.arange(N), COLOURS, perplexity=10)


def test_clusters_stay_together(found: Map) -> None:
    places = found.table.select("x", "y").to_numpy()
    apart = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(N, np.inf))
    assert (GROUP[apart.argmin(1)] == GROUP).mean() > 0.98
    assert 0 < found.divergence < 2


def test_the_table_names_every_point(found: Map) -> None:
    columns = ["transcript_id", "length", "x", "y", "group", "slope", "noise", "few"]
    assert found.table.columns == columns
    assert found.table["transcript_id"].to_list() == TABLE["transcript_id"].to_list()


def test_neighbours_agree_in_what_the_embedding_knows(found: Map) -> None:
    value = {(row["colour"], row["metric"]): row["value"] for row in found.rows()}
    assert value["group", "share of neighbours"] == 1.0
    assert value["group", "share by chance"] == pytest.approx(39 / 119)
    assert float(value["slope", "spearman of neighbours"] or 0) > 0.5
    assert abs(float(value["noise", "spearman of neighbours"] or 0)) < 0.3
    assert ("few", "share of neighbours") not in value, "one RNA has no neighbours"


def test_neighbours_of_one_gene_set_prove_nothing() -> None:
    """Twelve isoforms a gene set and one value for all of them: alike within a gene set, not beyond."""
    sets = np.repeat(np.arange(10), 12)
    features = RNG.normal(size=(10, 8))[sets] + 1e-3 * RNG.normal(size=(N, 8))
    noise = Colour("noise", "quantity", pl.Series("noise", RNG.normal(size=10)[sets]))
    apart = tsne(features, TABLE, sets, [noise], perplexity=5).rows()
    alone = tsne(features, TABLE, np.arange(N), [noise], perplexity=5).rows()
    assert float(apart[0]["value"] or 0) < 0.7 < 0.99 < float(alone[0]["value"] or 0)


def test_the_same_seed_the_same_map(found: Map) -> None:
    again = tsne(FEATURES, TABLE, np.arange(N), perplexity=10)
    assert again.table.select("x", "y").equals(found.table.select("x", "y"))
    assert again.rows() == []


@pytest.mark.parametrize(
    ("n", "perplexity", "message"),
    [
        (9, 2.0, "a map of 9 RNAs: expected at least 10"),
        (30, 10.0, "perplexity 10: expected more than 1 and at most a third of the 30 RNAs"),
        (30, 1.0, "perplexity 1:"),
        (30, float("nan"), "perplexity nan"),
    ],
)
def test_bad_options(n: int, perplexity: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tsne(FEATURES[:n], TABLE[:n], np.arange(n), perplexity=perplexity)


def test_a_label_called_y_is_no_coordinate(found: Map) -> None:
    colours = [Colour("y", "quantity", pl.Series("y", SLOPE)), COLOURS[0], COLOURS[0]]
    named = tsne(FEATURES, TABLE, np.arange(N), colours, perplexity=10)
    assert named.table["y"].equals(found.table["y"])
    assert list(named.colours) == ["y_2", "group", "group_2"]
    assert (named.table["y_2"] == SLOPE).all()


def test_embeddings_that_are_all_alike_make_no_map() -> None:
    with pytest.raises(InputError, match="all 120 RNAs are alike"):
        tsne(np.ones((N, 3)), TABLE, np.arange(N), perplexity=10)


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match="--seed -1: expected 0 or more"):
        tsne(FEATURES, TABLE, np.arange(N), perplexity=10, seed=-1)
