from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.analysis import neighbors
from isoclr.analysis.neighbors import find_neighbors, nearest, neighbours, normalize
from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError

RNG = np.random.default_rng(0)
VECTORS = normalize(RNG.normal(size=(60, 5)))
GENE = np.repeat(np.arange(30), 2)[RNG.permutation(60)]
EXCLUDE = {"all RNAs": np.arange(60), "RNAs of other genes": GENE, "RNAs of other species": GENE % 2}


@pytest.mark.parametrize("block", [1 << 26, 60 * 7])
def test_nearest_equals_a_full_sort(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(neighbors, "MAX_BLOCK", block)
    queries = np.array([3, 59, 0, 17, 22, 30, 8, 41, 5])
    done: list[int] = []
    results = nearest(VECTORS, queries, 4, EXCLUDE, done.append)
    assert sum(done) == len(queries)
    for name, labels in EXCLUDE.items():
        for row, query in enumerate(queries):
            similarity = (VECTORS @ VECTORS[query]).astype(np.float64)
            similarity[labels == labels[query]] = -np.inf
            expected = np.argsort(-similarity)[:4]
            assert results[name].rows[row].tolist() == expected.tolist()
            assert results[name].similarity[row] == pytest.approx(similarity[expected], abs=1e-6)


def test_normalize_ignores_scale_and_constant_features() -> None:
    features = np.random.default_rng(0).normal(size=(50, 3))
    stretched = features * [1.0, 100.0, 0.01] + [0.0, -5.0, 7.0]
    assert normalize(stretched) == pytest.approx(normalize(features), abs=1e-5)
    assert np.linalg.norm(normalize(features), axis=1) == pytest.approx(1.0, abs=1e-6)
    dead = np.column_stack([features, np.full(50, 3.0)])
    assert normalize(dead)[:, 3].tolist() == [0.0] * 50


def test_constant_features_give_zeros() -> None:
    assert not normalize(np.ones((20, 2))).any()


def test_too_few_candidates() -> None:
    with pytest.raises(InputError, match=r"--k 59: .* only 58 candidates among RNAs of other genes"):
        nearest(VECTORS, np.arange(3), 59, EXCLUDE)
    with pytest.raises(InputError, match="candidates among RNAs of other species"):
        nearest(VECTORS, np.arange(3), 58, EXCLUDE)


def test_whitened_features_are_uncorrelated() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5_000, 4)) @ rng.normal(size=(4, 6))  # of rank 4
    vectors = normalize(features, whiten=True)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    spectrum = np.linalg.eigvalsh(np.cov(vectors.T))
    assert spectrum[:2] == pytest.approx(0.0, abs=1e-3)
    assert spectrum[2:] == pytest.approx(0.25, abs=0.02)
    assert not normalize(np.ones((20, 2)), whiten=True).any()


def test_neighbours_of_an_rna(world: Path, tmp_path: Path) -> None:
    report = neighbours(world / "embeddings.parquet", of=("h3.0x",), k=4, out=tmp_path / "n.tsv")
    table = report.to_frame()
    assert table["rank"].to_list() == [1, 2, 3, 4]
    assert table["transcript_id"][0] == "h3.1x"
    assert (table["distance"] == 1 - table["similarity"]).all()
    assert table["similarity"].is_sorted(descending=True)
    assert pl.read_csv(tmp_path / "n.tsv", separator="\t").columns == table.columns
    other = neighbours(world / "embeddings.parquet", of=("h3.0x",), k=2, among="other-genes")
    assert other.table["gene_id"][0] == "mouse3"
    mouse = neighbours(world / "embeddings.parquet", of=("h3.0x",), k=90, among="other-species")
    assert mouse.table["species"].to_list() == ["mouse"] * 80


def test_neighbours_of_a_gene(world: Path) -> None:
    report = neighbours(world / "embeddings.parquet", of=("human3", "m5.0x"), k=50, whiten=True)
    own = report.table.filter(pl.col("query").str.starts_with("h3"))
    assert own["gene_id"][0] == "mouse3"
    assert own["gene_id"].is_unique().all()
    assert "human3" not in own["gene_id"]
    assert len(report.table) == 100
    assert "human3: represented by h3." in next(report.messages())


def test_neighbours_by_symbol(world: Path) -> None:
    report = neighbours(world / "embeddings.parquet", of=("Sym7",), corpus=world / "corpus", species="mouse", k=3)
    assert report.table["query"].unique().to_list()[0].startswith("m7.")
    assert "gene_symbol" in report.table.columns
    assert set(report.table["species"]) == {"mouse"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": ("human_3",)}, "--of human_3: no such RNA .* did you mean human3"),
        ({"of": ("HUMAN7",)}, "--of HUMAN7: .* did you mean human7?"),
        ({"of": ("?",)}, "--of .*: no such RNA or gene among the 160 embedded RNAs, such as h0.0x"),
        ({"of": ()}, "--of"),
        ({"k": 0}, "--k 0: expected 1"),
        ({"out": Path("n.txt")}, "n.txt: unknown format"),
        ({"species": "cow"}, "no .*RNA .*species 'cow'"),
    ],
)
def test_bad_neighbours(world: Path, options: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"of": ("h3.0x",), **options}
    with pytest.raises(InputError, match=message):
        neighbours(world / "embeddings.parquet", **given)  # type: ignore[arg-type]


def test_suggestion_without_case_and_version() -> None:
    rows = {"transcript_id": ["NM_138367.2"], "gene_id": ["g"], "species": [""], "length": [9]}
    table = pl.DataFrame(rows).with_columns(cds_length=0, cds_source=pl.lit("none"))
    embeddings = Embeddings(table, np.ones((1, 2), np.float32), {})
    with pytest.raises(InputError, match=r"did you mean NM_138367\.2\?"):
        find_neighbors(embeddings, ["nm_138367.1"])


def test_command(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["neighbours", str(world / "embeddings.parquet"), "--of", "h3.0x", "human4", "-k", "2"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "nearest neighbours of h3.0x" in shown.out
    assert "h3.1x" in shown.out
    assert "human4: represented by" in shown.err
