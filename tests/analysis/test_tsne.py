from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.analysis.tsne import Coloring, TsneMap, make_coloring, map_rnas, tsne
from isoclr.cli import main
from isoclr.embedding.embeddings import Embeddings, write
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError

TABLE = pl.DataFrame(
    {
        "transcript_id": [f"ENST0000000000{i}.1" for i in range(5)],
        "gene_id": [*["ENSG00000000001.4"] * 2, "b", "c", "d"],
        "species": ["human", "human", "mouse", "cow", ""],
        "length": [100, 200, 300, 400, 500],
    }
)


def test_columns() -> None:
    length, species = make_coloring("length", TABLE), make_coloring("species", TABLE)
    assert (length.kind, length.skewed) == ("quantity", True)
    assert length.values.to_list() == [100, 200, 300, 400, 500]
    assert (species.kind, species.skewed) == ("class", False)
    assert species.values.to_list() == ["human", "human", "mouse", "cow", None]
    assert species.classes == ["human", "cow", "mouse"]


def test_no_coding_sequence_is_no_value() -> None:
    result = make_coloring("cds_length", TABLE.with_columns(cds_length=pl.Series([0, 300, 900, 0, 600])))
    assert result.values.to_list() == [None, 300.0, 900.0, None, 600.0]
    assert np.isnan(result.panel.values[0]), "grey, not the smallest value"


def test_most_common_classes() -> None:
    names = [f"s{i}" for i in range(9) for _ in range(9 - i)]
    result = make_coloring("x", pl.DataFrame({"x": names}))
    assert result.classes == [f"s{i}" for i in range(7)]
    assert result.values.null_count() == 2 + 1


def test_labels_by_gene(tmp_path: Path) -> None:
    file = tmp_path / "l.tsv"
    file.write_text("gene_id\thalf_life\tfold\nENSG00000000001\t1.5\t1\nc\t-2\t2\nq\t7\t1\n")
    result = make_coloring(str(file), TABLE)
    assert (result.name, result.kind, result.skewed) == ("half_life", "quantity", False)
    assert result.values.to_list() == [1.5, 1.5, None, -2.0, None]
    assert make_coloring(f"{file}:half_life", TABLE).values.equals(result.values)


def test_labels_by_symbol_and_by_entrez_number(tmp_path: Path) -> None:
    file = tmp_path / "l.tsv"
    file.write_text("Symbol\thalf_life\nTP53\t1.5\nACTB\t2\n")
    with pytest.raises(InputError, match=r"l\.tsv: its ids are gene symbols, which the embedded RNAs lack"):
        make_coloring(str(file), TABLE)
    table = TABLE.with_columns(gene_symbol=pl.Series(["ACTB", "ACTB", "", "TP53", ""]), gene_id=pl.Series([*"77123"]))
    assert make_coloring(str(file), table).values.to_list() == [2, 2, None, 1.5, None]
    file.write_text("entrez_id\tplace\n7\tnucleus\n2\tmembrane\n")
    assert make_coloring(str(file), table).values.to_list() == ["nucleus", "nucleus", None, "membrane", None]


def test_repeated_ids(tmp_path: Path) -> None:
    rows = [*[("b", "kinase"), ("c", "kinase"), ("d", "kinase")], ("c", "membrane")]
    rows += [("b", "rare"), ("ENSG00000000001", "membrane"), ("d", "nucleus"), ("d", "nucleus")]
    rows += [("x", "nucleus"), ("y", "rare")]
    file = tmp_path / "terms.csv"
    file.write_text("gene_id,term\n" + "".join(f"{a},{b}\n" for a, b in rows))
    result = make_coloring(str(file), TABLE)
    # kinase and membrane have 3 RNAs (two are isoforms), nucleus 1 and rare 1, which comes after it by name;
    # c and d have two of the three
    assert result.values.to_list() == ["membrane", "membrane", "kinase", None, None]
    assert (result.name, result.kind) == ("term", "class")


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        (None, "l.tsv", "neither a file nor a column; the columns are species, length"),
        ("x\ty\n1\t2\n", "l.tsv", "expected one named transcript_id or gene_id"),
        ("gene_id\ty\nb\t2\n", "l.tsv:z", "no column 'z'"),
        ("gene_id\ty\nq\t2\n", "l.tsv", r"names none of the 5 RNAs by gene_id \(ENSG"),
        ("gene_id\ty\nq\tred\n", "l.tsv", r"names none of the 5 RNAs by gene_id \(ENSG"),
        ("gene_id\ty\tz\nb\t2\t3\n", "l.tsv", "choose one as FILE:COLUMN, such as .*l.tsv:y"),
    ],
)
def test_bad_input(tmp_path: Path, text: str | None, wanted: str, message: str) -> None:
    if text is not None:
        (tmp_path / "l.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        make_coloring(str(tmp_path / wanted), TABLE)


def test_figure_and_table(world: Path, tmp_path: Path) -> None:
    result = map_rnas(
        world / "embeddings.parquet",
        out=(tmp_path / "m.png", tmp_path / "m.csv"),
        corpus=world / "corpus",
        color=("species", "length", "gene_set"),
        perplexity=8,
    )
    table = pl.read_csv(tmp_path / "m.csv")
    assert table.height == 80, "one transcript a gene"
    assert {"transcript_id", "gene_id", "gene_symbol", "x", "y"} <= set(table.columns)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    value = {(row["colour"], row["metric"]): row["value"] for row in result.rows()}
    assert value["gene_set", "share of neighbours"] == 0.0, "they are of other gene sets"
    assert float(value["length", "spearman of neighbours"] or 0) > 0.05
    everyone = map_rnas(
        world / "embeddings.parquet", out=(tmp_path / "a.parquet",), isoforms=True, sample=50, perplexity=8
    )
    assert everyone.table.height == 50


def test_labelled_rnas_of_one_species(world: Path, tmp_path: Path) -> None:
    genes = [f"mouse{i}" for i in range(30)] + [f"human{i}" for i in range(30)]
    pl.DataFrame({"gene_id": genes, "y": range(60)}).write_csv(tmp_path / "l.csv")
    result = map_rnas(
        world / "embeddings.parquet",
        out=(tmp_path / "m.tsv",),
        color=(str(tmp_path / "l.csv"),),
        species="mouse",
        labelled=True,
        perplexity=5,
    )
    assert sorted(result.table["gene_id"]) == sorted(genes[:30])
    values = dict(result.table.select("gene_id", "y_2").rows())  # the label y is no coordinate
    assert values["mouse7"] == 7.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": ("m.doc",)}, "m.doc: unknown format, expected a name that ends in .png"),
        ({"sample": 0}, "--sample 0"),
        ({"color": ("biotype",)}, "biotype: neither a file nor a column"),
        ({"species": "cow"}, "no .*RNA .*species 'cow'"),
        ({"perplexity": 50.0}, "--perplexity 50"),
    ],
)
def test_bad_input_map_files(world: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"out": ("m.png",), **options}
    given["out"] = tuple(tmp_path / name for name in given["out"])  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=message):
        map_rnas(world / "embeddings.parquet", **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_existing_output(world: Path, tmp_path: Path) -> None:
    (tmp_path / "m.png").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        map_rnas(world / "embeddings.parquet", out=(tmp_path / "m.png",))
    assert (tmp_path / "m.png").read_text() == "mine"


def without_species(world: Path, path: Path) -> Path:
    """The embeddings of the world with an empty species column."""
    opened = read_embeddings(world / "embeddings.parquet")
    table = opened.table.with_columns(species=pl.lit(""))
    write(path, Embeddings(table, opened.matrix, opened.meta))
    return path


def test_empty_species(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings = without_species(world, tmp_path / "e.npz")
    result = map_rnas(embeddings, out=(tmp_path / "m.png",), perplexity=5, sample=50)
    assert list(result.colorings) == ["length"]
    assert "--color species: no RNA has a value" in capsys.readouterr().err
    from_corpus = map_rnas(embeddings, out=(tmp_path / "m.tsv",), corpus=world / "corpus", perplexity=5, sample=50)
    assert sorted(from_corpus.colorings["species"].classes) == ["human", "mouse"]


def test_command(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["map", str(world / "embeddings.parquet"), "--color", "length", "--perplexity", "5"]
    assert main([*words, "-o", str(tmp_path / "m.csv"), str(tmp_path / "m.png")]) == 0
    shown = capsys.readouterr()
    assert "spearman of neighbours" in shown.out
    assert "80 RNAs, Kullback-Leibler divergence" in shown.err
    assert pl.read_csv(tmp_path / "m.csv").height == 80
    assert (tmp_path / "m.png").exists()
    assert main([*words, "-o", str(tmp_path / "m.csv")]) == 2
    assert "exists already" in capsys.readouterr().err


N = 120
GROUP = np.repeat(np.arange(3), N // 3)
RNG = np.random.default_rng(0)
FEATURES = np.eye(3)[GROUP] * 10 + RNG.normal(size=(N, 3))
SLOPE = FEATURES[:, 0] + 0.1 * RNG.normal(size=N)
TABLE_MAPPING = pl.DataFrame({"transcript_id": [f"t{i}" for i in range(N)], "length": np.arange(N)})
COLORINGS = [
    Coloring("group", "class", pl.Series("group", [f"g{i}" for i in GROUP])),
    Coloring("slope", "quantity", pl.Series("slope", SLOPE)),
    Coloring("noise", "quantity", pl.Series("noise", RNG.normal(size=N))),
    Coloring("length", "quantity", TABLE_MAPPING["length"].cast(pl.Float64)),
    Coloring("few", "class", pl.Series("few", ["a", *[None] * (N - 1)])),
]


@pytest.fixture(scope="module")
def result() -> TsneMap:
    return tsne(FEATURES, TABLE_MAPPING, np.arange(N), COLORINGS, perplexity=10)


def test_clusters(result: TsneMap) -> None:
    places = result.table.select("x", "y").to_numpy()
    apart = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(N, np.inf))
    assert (GROUP[apart.argmin(1)] == GROUP).mean() > 0.98
    assert 0 < result.divergence < 2


def test_table(result: TsneMap) -> None:
    columns = ["transcript_id", "length", "x", "y", "group", "slope", "noise", "few"]
    assert result.table.columns == columns
    assert result.table["transcript_id"].to_list() == TABLE_MAPPING["transcript_id"].to_list()


def test_agreement(result: TsneMap) -> None:
    value = {(row["colour"], row["metric"]): row["value"] for row in result.rows()}
    assert value["group", "share of neighbours"] == 1.0
    assert value["group", "share by chance"] == pytest.approx(39 / 119)
    assert float(value["slope", "spearman of neighbours"] or 0) > 0.5
    assert abs(float(value["noise", "spearman of neighbours"] or 0)) < 0.3
    assert ("few", "share of neighbours") not in value, "one RNA has no neighbours"


def test_agreement_leaves_out_the_gene_set() -> None:
    """Twelve isoforms a gene set and one value for all of them: alike within a gene set, not beyond."""
    sets = np.repeat(np.arange(10), 12)
    features = RNG.normal(size=(10, 8))[sets] + 1e-3 * RNG.normal(size=(N, 8))
    noise = Coloring("noise", "quantity", pl.Series("noise", RNG.normal(size=10)[sets]))
    apart = tsne(features, TABLE_MAPPING, sets, [noise], perplexity=5).rows()
    alone = tsne(features, TABLE_MAPPING, np.arange(N), [noise], perplexity=5).rows()
    assert float(apart[0]["value"] or 0) < 0.7 < 0.99 < float(alone[0]["value"] or 0)


def test_seed(result: TsneMap) -> None:
    again = tsne(FEATURES, TABLE_MAPPING, np.arange(N), perplexity=10)
    assert again.table.select("x", "y").equals(result.table.select("x", "y"))
    assert again.rows() == []


@pytest.mark.parametrize(
    ("n", "perplexity", "message"),
    [
        (9, 2.0, "a map of 9 RNAs: expected at least 10"),
        (30, 10.0, "--perplexity 10: expected more than 1 and at most a third of the 30 RNAs"),
        (30, 1.0, "--perplexity 1:"),
        (30, float("nan"), "--perplexity nan"),
    ],
)
def test_bad_options(n: int, perplexity: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tsne(FEATURES[:n], TABLE_MAPPING[:n], np.arange(n), perplexity=perplexity)


def test_label_named_y(result: TsneMap) -> None:
    colours = [Coloring("y", "quantity", pl.Series("y", SLOPE)), COLORINGS[0], COLORINGS[0]]
    named = tsne(FEATURES, TABLE_MAPPING, np.arange(N), colours, perplexity=10)
    assert named.table["y"].equals(result.table["y"])
    assert list(named.colorings) == ["y_2", "group", "group_2"]
    assert (named.table["y_2"] == SLOPE).all()


def test_identical_embeddings_and_a_negative_seed() -> None:
    with pytest.raises(InputError, match="all 120 RNAs are identical"):
        tsne(np.ones((N, 3)), TABLE_MAPPING, np.arange(N), perplexity=10)
    with pytest.raises(InputError, match="--seed -1: expected 0 or more"):
        tsne(FEATURES, TABLE_MAPPING, np.arange(N), perplexity=10, seed=-1)
