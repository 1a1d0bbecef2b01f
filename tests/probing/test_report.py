import json
from pathlib import Path

import numpy as np
import pytest

from isoclr.probing.evaluation import Method, evaluate
from isoclr.probing.report import ProbeReport
from isoclr.tasks.audit import audit
from isoclr.tasks.metrics import QUANTITY
from isoclr.tasks.splits import Split, group_folds, random_split

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(80, 2))
VALUES = FEATURES.sum(axis=1) + RNG.normal(size=80)
GENES = np.arange(80).astype(str)


def report(splits: list[Split]) -> ProbeReport:
    methods = [Method("embedding", FEATURES, "ridge"), Method("zeros", FEATURES * 0, "linear")]
    return ProbeReport(
        label="half_life",
        split="some split",
        interval="95 % intervals",
        counts={"samples": 80},
        methods=evaluate(methods, VALUES, GENES, splits, QUANTITY),
        ids=list(GENES),
        provenance={"options": {"seed": 0}},
        leaks=audit(splits, GENES),
    )


def test_the_table_has_a_row_a_method() -> None:
    found = report(group_folds(GENES, 4, 0))
    heads = ["features", "probe", "Pearson R", "Spearman R", "MSE", "embedding minus this"]
    assert found.columns() == heads
    first, second = found.rows()
    assert first[:2] == ["embedding", "ridge"]
    assert str(first[2]) == str(found.methods[0].summary["pearson"])
    assert second[2] == "0.000 [0.000, 0.000]"
    assert (first[-1], second[-1]) == ("", str(found.methods[1].lead))
    assert "80 RNAs" in found.title


def test_cross_validation_shows_every_sample_once_and_random_splits_the_first() -> None:
    true, predicted = report(group_folds(GENES, 4, 0)).held_out()
    assert len(true) == len(predicted) == 80
    splits = [random_split(GENES, seed) for seed in range(3)]
    true, _ = report(splits).held_out()
    assert len(true) == len(splits[0].test)


def test_json_has_everything_and_no_nan(tmp_path: Path) -> None:
    found = report(group_folds(GENES, 4, 0))
    found.save(tmp_path / "deep" / "probe.json")
    read = json.loads((tmp_path / "deep" / "probe.json").read_text())
    assert read["options"] == {"seed": 0}
    embedding, zeros = read["methods"]
    assert embedding["embedding_minus_this"] is None
    assert zeros["embedding_minus_this"]["mean"] == pytest.approx(
        embedding["summary"]["pearson"]["mean"]
    )
    assert [fold["test"] for fold in embedding["splits"]] == [20] * 4
    mean = np.mean([fold["pearson"] for fold in embedding["splits"]])
    assert embedding["summary"]["pearson"]["mean"] == pytest.approx(mean)
    assert 0 <= zeros["embedding_minus_this"]["p"] < 0.05
    assert read["leaks"]["splits"][0]["gene"] == 0
    assert "NaN" not in (tmp_path / "deep" / "probe.json").read_text()


def test_tidy_rows_have_one_number_each() -> None:
    found = report(group_folds(GENES, 4, 0))
    rows = found.tidy()
    assert len(rows) == 2 * 3 * (4 + 1)
    (mean,) = [
        row
        for row in rows
        if (row["method"], row["metric"], row["split"]) == ("embedding", "pearson", "all")
    ]
    summary = found.methods[0].summary["pearson"]
    assert (mean["value"], mean["low"], mean["high"]) == (summary.mean, summary.low, summary.high)
    assert (mean["task"], mean["model"], mean["n"]) == ("half_life", "ridge", 80)
