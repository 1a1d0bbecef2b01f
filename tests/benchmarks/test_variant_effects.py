from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from benchmarks import harness, variant_effects
from isoclr.genomics.encoding import letters
from isoclr.tasks.reporter import Construct

RNG = np.random.default_rng(0)


def sequence(n: int) -> str:
    return "".join(RNG.choice(list("ACGT"), n))


def test_the_read_out_of_an_insert_is_it_and_its_flanks() -> None:
    reporter = Construct("x", "GG", "ATGTAA", "CCCTTTA*GTCCCAAA")
    assert letters(variant_effects.around(reporter, "AAAA", "x", 3)) == "TTA" + "AAAA" + "GTC"
    assert letters(variant_effects.around(reporter, "AAAA", "x", 0)) == "AAAA"


def test_overlapping_elements_count() -> None:
    assert variant_effects.count(["ATTTATTTA", "CC", ""]).tolist() == [2, 0, 0]


def test_effects_of_upstream_starts(main: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated 5' UTRs whose load falls with every AUG: features that count AUGs see what variants do."""
    folder = tmp_path / "labels_extra"
    folder.mkdir()

    def load(one: str) -> float:
        return 7 - 2 * one.count("ATG") + RNG.normal() / 10

    for name in ("random_test", "human"):
        utrs = [sequence(50) for _ in range(160)]
        table = pl.DataFrame({"utr5": utrs, "mean_ribosome_load": [*map(load, utrs)]})
        table = table.with_columns(mttrans_prediction=pl.col("mean_ribosome_load") * 2)
        write(table, folder / f"mrl_5utr_50nt_{name}.tsv.gz")
    mothers = [sequence(50) for _ in range(60)]
    changed = [one[:20] + "ATG" + one[23:] for one in mothers]
    rows: dict[str, object] = {"utr5": changed, "mother": mothers, "allele": "variant"}
    rows |= {"gene_symbol": [f"g{i}" for i in range(60)]}
    rows |= {"obs_diff": [load(b) - load(a) for a, b in zip(mothers, changed, strict=True)]}
    table = pl.DataFrame(rows)
    ours = {"ret_pred_diff": pl.col("obs_diff"), "old_pred_diff": -pl.col("obs_diff")}
    write(table.with_columns(**ours), folder / "utr5_variants_sample2019.tsv.gz")
    monkeypatch.setattr(variant_effects, "FEW", 40)
    isoclr.create("isoclr-s", seed=0).save(tmp_path / "model")
    words = ["--model", tmp_path / "model", "--data", tmp_path, "--folder", tmp_path / "kept"]
    main(variant_effects, *words, "--only", "utr5", "--out", tmp_path / "out.csv")
    found = {(row["what"], row["method"]): float(row["value"]) for row in harness.read_csv(tmp_path / "out.csv")}
    assert found["SNVs", "Optimus 5-Prime, retrained"] == 1
    assert found["SNVs", "Optimus 5-Prime"] == -1
    assert found["human 5' UTRs", "MTtrans"] == 1
    assert found["SNVs", "upstream AUGs and frames"] > 0.8
    assert found["random 5' UTRs, held out", "upstream AUGs and frames"] > 0.6
    methods = {method for _, method in found}
    assert {"embedding, whole mRNA, 40 labels", "embedding, 5' UTR + 60 nt"} < methods


def write(table: pl.DataFrame, path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(table.write_csv(separator="\t").encode()))
