import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import half_life_studies, harness


def test_agreement_of_simulated_laboratories(main: Callable[..., None], tmp_path: Path) -> None:
    """Eight laboratories measure one truth with noise of the same size; one of them measures decay."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    (tmp_path / "labels_extra").mkdir()
    for species in half_life_studies.SPECIES:
        table = pl.DataFrame({"gene": [f"g{i}" for i in range(2000)], "symbol": "s"})
        for number in range(8):
            measured = truth + rng.normal(size=2000)
            measured *= -1 if number == 3 else 1
            text = [str(one) if rng.random() < 0.9 else "NA" for one in measured]
            table = table.with_columns(pl.Series(f"{'ABCDEFGH'[number]}2_4sU_{number}", text))
        path = tmp_path / f"labels_extra/rna_half_life_{species}_by_study.tsv.gz"
        path.write_bytes(gzip.compress(table.write_csv(separator="\t").encode()))
    main(half_life_studies, "--data", tmp_path, "--out", tmp_path / "out.csv")
    rows = [row for row in harness.read_csv(tmp_path / "out.csv") if row["species"] == "mouse"]
    assert [row["sign"] for row in rows[:8]] == ["1"] * 3 + ["-1"] + ["1"] * 4
    with_others = [float(row["value"]) for row in rows[:8]]
    assert with_others == pytest.approx([np.sqrt(1 / 2 * 6.3 / 7.3)] * 8, abs=0.03)
    values = {row["metric"]: float(row["value"]) for row in rows[8:]}
    # nine tenths of eight measurements are known, each with as much noise as signal
    assert values["reliability"] == pytest.approx(7.2 / 8.2, abs=0.02)
    assert values["highest R"] == pytest.approx(values["reliability"] ** 0.5, abs=1e-3)


@pytest.mark.realdata
def test_laboratories_and_turned_studies_of_the_real_table(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_life_studies, "SPLITS", 2)
    path = real_data / "labels_extra/rna_half_life_human_by_study.tsv.gz"
    table = pl.read_csv(path, separator="\t", null_values=["NA"], infer_schema_length=None)
    assert len({half_life_studies.laboratory(one) for one in table.columns[2:]}) == 16
    turned = [row["study"] for row in half_life_studies.measure(table, "human") if row["sign"] == -1]
    assert "Bazzini_ActD_HeLa_1" in turned
    assert len(turned) == 5
