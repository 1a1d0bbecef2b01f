import polars as pl
from benchmarks.harness import ROOT
from benchmarks.paper_tables import TABLES, ablations, filled, low_data

MEANS = pl.DataFrame(
    {
        "metric": ["pearson"] * 4 + ["mse"],
        "method": ["ours", "k-mers", "ours", "network", "ours"],
        "share": [1.0, 1.0, 100.0, 100.0, 100.0],
        "value": [0.25, -0.125, 0.5, 0.75, 9.0],
    }
)


def rows(name: str) -> pl.DataFrame:
    assert name == "low_data_means"
    return MEANS


def test_shares_go_down_and_what_was_not_tried_is_a_dash() -> None:
    lines = low_data(rows).splitlines()
    assert lines[0] == "| share of the training labels | 100 % | 1 % |"
    assert lines[2:] == ["| ours | 0.500 | 0.250 |", "| network | 0.750 | – |", "| k-mers | – | −0.125 |"]


def test_only_the_tables_of_a_document_are_made_anew() -> None:
    document = "before\n<!-- low data -->\nold\n<!-- end -->\nbetween\n<!-- probes -->\nkept\n<!-- end -->\n"
    content = filled(document, rows)
    assert "old" not in content
    assert low_data(rows) in content
    assert content.startswith("before\n<!-- low data -->\n")
    assert content.endswith("<!-- end -->\nbetween\n<!-- probes -->\nkept\n<!-- end -->\n")
    assert filled(content, rows) == content


def test_every_table_of_the_documents_is_known() -> None:
    from benchmarks.paper_tables import DOCUMENTS

    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        asked = {line[5:-4] for line in text.splitlines() if line.startswith("<!-- ")}
        assert asked - {"end", "probes"} <= set(TABLES)
        assert text.count("<!-- end -->") == len(asked - {"end"})


def test_the_page_of_figures_has_the_corpus_of_the_results() -> None:
    from benchmarks.paper_tables import corpus, table_of

    table = corpus(table_of)
    assert table in (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    assert "| human | 37,361 | 77,639 | 2.08 | 34 % |" in table.splitlines()


def test_the_ablations_of_both_seeds_are_those_of_the_results() -> None:
    from benchmarks.paper_tables import another_seed, table_of

    text = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    assert ablations(table_of) in text
    assert another_seed(table_of) in text


def test_ablations_share_the_variance_of_their_seeds() -> None:
    runs = {"task": "gc", "split": "fold", "metric": "pearson", "seeds": 2}
    table = pl.DataFrame(
        [
            {"method": "full", "value": 0.4, "seed_sd": 0.01, **runs},
            {"method": "less", "value": 0.5, "seed_sd": 0.03, **runs},
        ]
    )
    # variance (0.01² + 0.03²) / 2 of a seed, half of it for two; 4.303 is the quantile of t with two degrees of freedom
    assert ablations(lambda _: table).splitlines()[2:] == [
        "| full | 0.400 [0.332, 0.468] |",
        "| less | 0.500 [0.432, 0.568] |",
    ]
