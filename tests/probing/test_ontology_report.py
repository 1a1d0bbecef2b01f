import json
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.probing.multilabel import evaluate_classes
from isoclr.probing.ontology_report import HierarchyReport, OntologyReport
from isoclr.tasks import Samples
from isoclr.tasks.audit import audit
from isoclr.tasks.ontology import Hierarchy, Term
from isoclr.tasks.splits import random_split

RNG = np.random.default_rng(0)
N = 90
GENES = np.arange(N).astype(str)
FEATURES = RNG.normal(size=(N, 3))
LABELS = np.stack([FEATURES[:, 0] > 0, np.arange(N) == 0], axis=1)
TERMS = [Term(name, f"{name} name", "process", (), ()) for name in ("A", "B")]


def report() -> OntologyReport:
    splits = [random_split(GENES, 3)]
    assert 0 not in splits[0].test  # so class B has no positive there, and no AUC
    methods = [("embedding", FEATURES), ("noise", RNG.normal(size=(N, 2)))]
    found = evaluate_classes(methods, LABELS, GENES, splits)
    samples = Samples(pl.DataFrame({"gene": GENES}), 0, 0, 0)
    hierarchy = Hierarchy("process", TERMS, samples, LABELS)
    one = HierarchyReport(hierarchy, found, audit(splits, GENES))
    return OntologyReport("toy", "one split", {"lost": 2}, [one])


def test_rows_of_classes_and_of_their_mean() -> None:
    found = report()
    rows = found.rows()
    assert len(rows) == 2 * 2 * 3
    mean, a, b = rows[:3]
    assert [row["term_id"] for row in rows[:3]] == ["all", "A", "B"]
    assert mean["value"] == a["value"]  # the mean over the classes whose AUC is known
    assert np.isnan(float(b["value"] or 0))
    assert (mean["n"], a["n"], b["n"]) == (N, int(LABELS[:, 0].sum()), 1)
    assert (mean["p"], rows[6]["p"]) == (None, found.hierarchies[0].methods[1].lead.p)  # type: ignore[union-attr]


def test_the_table_has_a_row_a_method() -> None:
    first, second = report().table()
    assert first[:3] == ["process", "embedding", N]
    assert second[1] == "noise"
    assert first[-1] == ""


def test_json_has_no_nan(tmp_path: Path) -> None:
    report().save(tmp_path / "go.json")
    told = json.loads((tmp_path / "go.json").read_text())
    assert told["counts"] == {"lost": 2}
    assert told["rows"][2]["value"] is None
    assert told["leaks"]["process"]["splits"][0]["gene"] == 0
