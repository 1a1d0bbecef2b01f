import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.probing.evaluate import FeatureSet, evaluate
from isoclr.probing.ontology import AspectReport, OntologyReport
from isoclr.probing.probe import ProbeReport
from isoclr.tasks.gene_ontology import Aspect, Term
from isoclr.tasks.join import Samples
from isoclr.tasks.leakage import audit_leakage
from isoclr.tasks.metrics import QUANTITY
from isoclr.tasks.splits import Split, group_folds, random_split

RNG = np.random.default_rng(0)
N = 90
GENES = np.arange(N).astype(str)
FEATURES = RNG.normal(size=(N, 3))
LABELS = np.stack([FEATURES[:, 0] > 0, np.arange(N) == 0], axis=1)
TERMS = [Term(name, f"{name} name", "process", (), ()) for name in ("A", "B")]


@pytest.fixture(scope="module")
def ontology_report() -> OntologyReport:
    splits = [random_split(GENES, 3)]
    assert 0 not in splits[0].test  # so class B has no positive there, and no AUC
    methods = [FeatureSet("embedding", FEATURES, "logistic"), FeatureSet("noise", RNG.normal(size=(N, 2)), "logistic")]
    found = evaluate(methods, LABELS, GENES, splits)
    samples = Samples(pl.DataFrame({"gene": GENES}), 0, 0, 0)
    aspect = Aspect("process", TERMS, samples, LABELS)
    one = AspectReport(aspect, found, audit_leakage(splits, GENES))
    return OntologyReport("toy", "one split", {"lost": 2}, [one])


def test_rows_of_classes_and_of_their_mean(ontology_report: OntologyReport) -> None:
    rows = ontology_report.rows()
    assert len(rows) == 2 * 2 * 3
    mean, a, b = rows[:3]
    assert [row["term_id"] for row in rows[:3]] == ["all", "A", "B"]
    assert mean["value"] == a["value"]  # the mean over the classes whose AUC is known
    assert np.isnan(float(b["value"] or 0))
    assert (mean["n"], a["n"], b["n"]) == (N, int(LABELS[:, 0].sum()), 1)
    assert (mean["p"], rows[6]["p"]) == (None, ontology_report.aspects[0].methods[1].difference.p)  # type: ignore[union-attr]
    assert rows[9]["metric"] == "cross_entropy"
    assert rows[9]["p"] is None  # the difference is one of ROC AUCs


def test_the_table_has_a_row_a_method(ontology_report: OntologyReport) -> None:
    first, second = next(ontology_report.tables()).rows
    assert first[:3] == ["process", "embedding", N]
    assert second[1] == "noise"
    assert first[-1] == ""


def test_json_has_no_nan(ontology_report: OntologyReport, tmp_path: Path) -> None:
    ontology_report.save(tmp_path / "go.json")
    content = json.loads((tmp_path / "go.json").read_text())
    assert content["counts"] == {"lost": 2}
    assert content["rows"][2]["value"] is None
    assert content["leaks"]["process"]["splits"][0]["gene"] == 0


FEATURES_REPORT = RNG.normal(size=(80, 2))
VALUES = FEATURES_REPORT.sum(axis=1) + RNG.normal(size=80)
GENES_REPORT = np.arange(80).astype(str)


def probe_report(splits: list[Split]) -> ProbeReport:
    methods = [FeatureSet("embedding", FEATURES_REPORT, "ridge"), FeatureSet("zeros", FEATURES_REPORT * 0, "linear")]
    return ProbeReport(
        label="half_life",
        split="some split",
        interval="95 % intervals",
        counts={"samples": 80},
        methods=evaluate(methods, VALUES, GENES_REPORT, splits, QUANTITY),
        ids=list(GENES_REPORT),
        provenance={"options": {"seed": 0}},
        leaks=audit_leakage(splits, GENES_REPORT),
    )


@pytest.fixture(scope="module")
def found() -> ProbeReport:
    return probe_report(group_folds(GENES_REPORT, 4, 0))


def test_the_table_of_a_probe(found: ProbeReport) -> None:
    heads = ["features", "probe", "Pearson R", "Spearman R", "MSE", "embedding minus this"]
    table, leaks = found.tables()
    assert table.columns == heads
    first, second = table.rows
    assert first[:2] == ["embedding", "ridge"]
    assert str(first[2]) == str(found.methods[0].summary["pearson"])
    assert second[2] == "0.000 [0.000, 0.000]"
    assert (first[-1], second[-1]) == ("", str(found.methods[1].difference))
    assert "80 RNAs" in table.title
    assert "leak audit" in leaks.title


def test_cross_validation_shows_every_sample_once_and_random_splits_the_first(found: ProbeReport) -> None:
    true, predicted = found.held_out()
    assert len(true) == len(predicted) == 80
    splits = [random_split(GENES_REPORT, seed) for seed in range(3)]
    true, _ = probe_report(splits).held_out()
    assert len(true) == len(splits[0].test)


def test_json_has_everything_and_no_nan(found: ProbeReport, tmp_path: Path) -> None:
    found.save(tmp_path / "deep" / "probe.json")
    read = json.loads((tmp_path / "deep" / "probe.json").read_text())
    assert read["options"] == {"seed": 0}
    embedding, zeros = read["methods"]
    assert embedding["embedding_minus_this"] is None
    assert zeros["embedding_minus_this"]["mean"] == pytest.approx(embedding["summary"]["pearson"]["mean"])
    assert [fold["test"] for fold in embedding["splits"]] == [20] * 4
    mean = np.mean([fold["pearson"] for fold in embedding["splits"]])
    assert embedding["summary"]["pearson"]["mean"] == pytest.approx(mean)
    assert 0 <= zeros["embedding_minus_this"]["p"] < 0.05
    assert read["leaks"]["splits"][0]["gene"] == 0
    assert "NaN" not in (tmp_path / "deep" / "probe.json").read_text()


def test_tidy_rows_have_one_number_each(found: ProbeReport) -> None:
    rows = found.rows()
    assert len(rows) == 2 * 3 * (4 + 1)
    (mean,) = [row for row in rows if (row["method"], row["metric"], row["split"]) == ("embedding", "pearson", "all")]
    summary = found.methods[0].summary["pearson"]
    assert (mean["value"], mean["low"], mean["high"]) == (summary.mean, summary.low, summary.high)
    assert (mean["task"], mean["model"], mean["n"]) == ("half_life", "ridge", 80)
