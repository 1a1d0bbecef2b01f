import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from benchmarks.contrast_and_composition import encoders, homologs

import isoclr
from benchmarks import contrast_and_composition, harness, strong_baselines

from .test_strong_baselines import TASK


class Simulated:
    transcripts = pl.DataFrame(
        {
            "transcript_id": ["h1", "h2", "m1", "h3"],
            "species": ["human", "human", "mouse", "human"],
            "gene_set": [0, 0, 0, 1],
        }
    )


@pytest.fixture
def evaluated(workbench: Path, tmp_path: Path) -> Path:
    """What an evaluation of three ablations leaves, with two seeds of the first."""
    cache = tmp_path / "benchmark/cache/ablations"
    cache.mkdir(parents=True)
    runs = {name: [name[:3] + "0"] for name in contrast_and_composition.RUNS}
    runs["splice + homology + mask + six tracks"].append("spl1")
    runs["mask 0 %"] = ["mas0"]
    for name, keys in runs.items():
        for i, kind in enumerate(("fold", "random")):
            stored = {"rows": [{"method": name, "split": kind}], "details": {"runs": keys}}
            (cache / f"{name[:3]}-{i}.json").write_text(json.dumps(stored))
        for seed, key in enumerate(keys):
            isoclr.create("isoclr-xs", seed=seed).save(tmp_path / "benchmark/runs" / key)
    shutil.copy(workbench / "labels.tsv", tmp_path)
    (tmp_path / "gc.toml").write_text(TASK)
    (tmp_path / "corpus").symlink_to(workbench / "corpus")
    return tmp_path


def test_encoders_by_name_and_seed(evaluated: Path) -> None:
    by_name = {name: path.name for name, path in encoders(evaluated / "benchmark").items()}
    assert by_name == {"both-0": "wit0", "composition-0": "com0", "contrast-0": "spl0", "contrast-1": "spl1"}


def test_homologs_are_of_several_species() -> None:
    assert homologs(Simulated()) == ["h1", "h2", "m1"]  # type: ignore[arg-type]


def test_whole_benchmark(
    main: Callable[..., None], evaluated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compared: dict[str, Any] = {}
    monkeypatch.setattr(contrast_and_composition, "homologs", lambda corpus: list(corpus.transcripts["transcript_id"]))
    monkeypatch.setattr(isoclr, "ontology", lambda first, **options: compared.update(options, first=first))
    main(
        contrast_and_composition,
        evaluated,
        "--tasks",
        evaluated / "gc.toml",
        "--ontology",
        "--data",
        evaluated,
        "--out",
        tmp_path / "out.csv",
    )
    methods = [row["method"] for row in harness.read_csv(tmp_path / "out.csv")]
    names = ["random", "both-0", "composition-0", "contrast-0", "contrast-1"]
    own = [[name, f"{name} given composition", f"{name} + {strong_baselines.STRONGEST}"] for name in names]
    assert methods[4:] == [one for three in own for one in three]
    assert compared["first"].name == "labelled-both-0.parquet"
    assert [path.name for path in compared["others"]] == [
        "labelled-composition-0.parquet",
        "labelled-contrast-0.parquet",
    ]
    retrieval = pl.read_csv(tmp_path / "out_retrieval.csv")
    assert set(retrieval["whitened"]) == {False, True}
    assert set(retrieval["method"]) == set(names)


def test_without_ablations(main: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(contrast_and_composition, tmp_path)
    assert "no ablations in it" in capsys.readouterr().err
