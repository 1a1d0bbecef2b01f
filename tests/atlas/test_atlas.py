"""The command: what is in an atlas, and what is refused."""

import inspect
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.atlas.conftest import HOSTILE, read_shard

import isoclr
from isoclr.analysis.neighbors import find_neighbors
from isoclr.atlas.atlas import STATIC, atlas
from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.io import read_embeddings

WEB = Path(__file__).parents[2] / "web"


def numbers_of(planes: np.ndarray, dtype: str, k: int = 5) -> np.ndarray:
    """Numbers of a shard's neighbours, ``(m, k)``."""
    return planes.reshape(np.dtype(dtype).itemsize, -1).T.copy().view(dtype).reshape(-1, k)


def test_neighbours_and_predictions_are_those_of_the_commands(small: Path, folder: Path, read_names: Any) -> None:
    names, arrays = read_names(folder)
    genes, near = read_shard(folder / "data/genes-0.js")
    gene = names["symbols"].index("SYM7")
    first = int(arrays["starts"][gene])
    name, isoform = names["transcripts"][first], genes["genes"][gene]["i"][0]
    expected = find_neighbors(read_embeddings(small / "e.parquet"), [name], k=5).table
    rows, farther = numbers_of(near["rows"], "<i4"), numbers_of(near["farther"], "<u2")
    assert [names["transcripts"][row] for row in rows[first]] == expected["transcript_id"].to_list()
    distance = np.cumsum(farther[first]) / 1000
    np.testing.assert_allclose(distance, expected["distance"], atol=5.1e-4)
    species = names["species"][arrays["speciesOf"][gene]]
    predicted = isoclr.predict((small / "e.parquet",), task="half-life", species=species).table
    row = predicted.filter(pl.col("transcript_id") == name)
    about, _ = read_shard(folder / "data/map.js")
    at = [one["name"] for one in about["predictions"]].index(f"half_life ({species})")
    assert isoform["p"][at][:3] == pytest.approx(row.select("value", "lower", "upper").row(0), rel=1e-3)
    assert isoform["p"][1 - at] is None  # the head of another species


def test_embeddings_without_species_are_predicted_by_that_of_the_corpus(
    small: Path, folder: Path, tmp_path: Path
) -> None:
    whole = read_embeddings(small / "e.parquet")
    bare = Embeddings(whole.table.with_columns(species=pl.lit("")), whole.matrix, whole.meta)
    write(tmp_path / "bare.parquet", bare)
    atlas(tmp_path / "bare.parquet", corpus=small / "corpus", out=tmp_path / "a", task=("half-life",), k=5)
    own, expected = (read_shard(one / "data/genes-0.js")[0]["genes"] for one in (tmp_path / "a", folder))
    assert [[one["p"] for one in gene["i"]] for gene in own] == [[one["p"] for one in gene["i"]] for gene in expected]


def test_structure_and_relatives(folder: Path, read_names: Any) -> None:
    names, arrays = read_names(folder)
    genes, _ = read_shard(folder / "data/genes-0.js")
    gene = names["symbols"].index("SYM3")
    record = genes["genes"][gene]
    assert [one["x"] for one in record["i"]] == [[63, 60, 123], [63, 123]]
    assert [one["c"] for one in record["i"]] == [[60, 156], [60, 96]]
    assert record["i"][0]["h"] == [0, 1, 2]
    assert record["i"][1]["h"] == [0, 2]
    assert record["q"] == [[0, 1, [[63, 123, 63, 63]]]]
    (other, distance), *rest = record["r"]
    assert not rest
    assert names["symbols"][other] == "SYM3"
    assert arrays["speciesOf"][other] != arrays["speciesOf"][gene]
    assert 0 <= distance < 20_000
    assert len(record["d"]) == 1


def test_mutation_map_and_put_back_exon(small: Path, folder: Path) -> None:
    about, _ = read_shard(folder / "data/map.js")
    assert len(about["mutations"]) == 2  # human and mouse
    values, arrays = read_shard(folder / f"data/mutations-{about['mutations'][0]}.js")
    assert len(arrays["effects"]) == 4 * len(arrays["bases"]) == 4 * 246
    assert np.abs(arrays["effects"]).max() == 32_767
    (pair,) = values["pairs"]
    ((*where, change),) = pair["parts"]
    assert where == [63, 123, 63, 63]
    # the exon is the only difference, so taking it out makes the other isoform
    assert change == pytest.approx(pair["to"] - pair["from"], abs=1e-5)


def test_labels_color_the_map(folder: Path, read_names: Any) -> None:
    about, _ = read_shard(folder / "data/map.js")
    columns = {one["name"]: i for i, one in enumerate(about["columns"])}
    described = about["columns"][columns["measured"]]
    assert (described["low"], described["high"], described["known"]) == (0.0, 2.9, 60)
    names, _ = read_names(folder)
    _, arrays = read_shard(folder / f"data/column-{columns['measured']}.js")
    assert len(arrays["codes"]) == len(names["transcripts"]) == 120
    gene = names["geneIds"].index("humanG5")
    genes, _ = read_shard(folder / "data/genes-0.js")
    assert genes["genes"][gene]["i"][0]["t"] == [0.5, 1234567.0, HOSTILE]


def test_genes_have_terms_and_their_ancestors(folder: Path, read_names: Any) -> None:
    names, arrays = read_names(folder)
    values, terms = read_shard(folder / "data/terms.js")
    assert [one[0] for one in values["terms"]] == ["GO:0000004", "GO:0000002", "GO:0000003"]
    ends = np.cumsum(terms["sizes"])
    for number, (start, end) in enumerate(zip(ends - terms["sizes"], ends, strict=True)):
        genes = np.cumsum(terms["genes"][start:end])
        ids = {names["geneIds"][gene] for gene in genes}
        assert {names["species"][arrays["speciesOf"][gene]] for gene in genes} == {"human"}
        assert ids == {f"humanG{i}" for i in range(30) if (i % 5 == 0) == (number > 0)}


def test_called_from_the_package() -> None:
    import isoclr.atlas.shards  # makes the package an attribute of isoclr

    for command in ("atlas", "variants"):
        called = getattr(isoclr, command)
        assert {"out", "threads"} <= set(inspect.signature(called).parameters) or command != "atlas"
        with pytest.raises(TypeError, match="argument"):
            called()


@pytest.mark.parametrize("layout", ["tsne", "umap"])
def test_layouts_keep_neighbours_near(small: Path, thin: Path, tmp_path: Path, layout: Any) -> None:
    if layout == "umap":
        pytest.importorskip("umap")
    atlas(thin, corpus=small / "corpus", out=tmp_path / "a", k=3, layout=layout)
    about, arrays = read_shard(tmp_path / "a/data/map.js")
    assert about["layout"] == {"tsne": "t-SNE", "umap": "UMAP"}[layout]
    xy = arrays["xy"].reshape(-1, 2).astype(float)
    _, near = read_shard(tmp_path / "a/data/genes-0.js")
    nearest = numbers_of(near["rows"], "<i4", 3)[:, 0]
    to_nearest = np.linalg.norm(xy - xy[nearest], axis=1)
    random = np.linalg.norm(xy - xy[np.random.default_rng(0).permutation(len(xy))], axis=1)
    assert np.median(to_nearest) < 0.5 * np.median(random)


def test_given_coordinates(small: Path, thin: Path, tmp_path: Path, read_names: Any) -> None:
    table = read_embeddings(thin).table
    places = table.select("transcript_id", "species", x=pl.int_range(pl.len()), y=pl.lit(1.0))
    places.write_csv(tmp_path / "map.tsv", separator="\t")
    options: dict[str, Any] = {"corpus": small / "corpus", "map": tmp_path / "map.tsv"}
    atlas(thin, out=tmp_path / "a", **options)
    names, _ = read_names(tmp_path / "a")
    _, arrays = read_shard(tmp_path / "a/data/map.js")
    order = np.argsort(arrays["xy"][::2])
    assert [names["transcripts"][i] for i in order] == table["transcript_id"].to_list()
    places[1:].write_csv(tmp_path / "map.tsv", separator="\t")
    with pytest.raises(isoclr.InputError, match="has no coordinates of 1 of 120"):
        atlas(thin, out=tmp_path / "b", **options)
    assert not (tmp_path / "b").exists()


def test_many_rnas_are_searched_in_clusters(
    small: Path, thin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("isoclr.atlas.vectors.EXACT", "isoclr.atlas.atlas.EXACT"):
        monkeypatch.setattr(name, 60)
    result = atlas(thin, corpus=small / "corpus", out=tmp_path / "a", k=3)
    assert 0.8 < result.recall <= 1
    about, _ = read_shard(tmp_path / "a/data/map.js")
    assert about["recall"] == result.recall


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mutate", "SYM1"], "--mutate: needs --head or --task"),
        (["--mutate", "NOPE", "--task", "half-life"], "--mutate NOPE: no gene"),
        (["--task", "beauty"], "--task beauty"),
        (["--k", "0"], "--k 0"),
        (["--k", "120"], "expected more than --k 120"),
        (["--table", "missing.tsv"], "no such file"),
        (["--map", "missing.tsv"], "no such file"),
        (["--ontology", "half-life-human"], "one label"),
        (["--layout", "circle"], "--layout"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str], message: str, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["atlas", str(small / "e.parquet"), "--corpus", str(small / "corpus")]
    assert main([*words, "-o", str(tmp_path / "a"), *options]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert [*tmp_path.iterdir()] == []


def test_other_folders_are_not_overwritten(small: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt.doc").write_text("x")
    with pytest.raises(isoclr.InputError, match="holds 'thesis"):
        atlas(small / "e.parquet", corpus=small / "corpus", out=tmp_path, overwrite=True)


def test_embeddings_of_another_model_fit_no_head(small: Path, thin: Path, tmp_path: Path) -> None:
    with pytest.raises(isoclr.InputError, match="embed with that model"):
        atlas(thin, corpus=small / "corpus", out=tmp_path / "a", task=("half-life",))


def test_page_is_built_from_its_source(tmp_path: Path) -> None:
    if shutil.which("npm") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("no npm, or `npm ci` was not run in web")
    for script in ("build.mjs", "build-model.mjs"):
        subprocess.run(["node", script, str(tmp_path)], cwd=WEB, check=True, timeout=300)
    for name in ("atlas.js", "index.html", "model.js"):
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), name


def test_page_names_no_other_host_than_the_links() -> None:
    text = (STATIC / "atlas.js").read_text() + (STATIC / "index.html").read_text()
    hosts = set(re.findall(r"https?://([a-z0-9.-]+)", text))
    assert hosts == {"www.w3.org", "www.ensembl.org", "plants.ensembl.org", "www.ncbi.nlm.nih.gov"}
