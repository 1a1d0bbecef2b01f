import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from benchmarks.contrast_and_composition import encoders, homologs, with_residuals

import isoclr
from benchmarks import contrast_and_composition, harness, strong_baselines
from isoclr.corpus.corpus import open_corpus

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
    """What an evaluation of three ablations leaves, from seed 1 on, two of the first, after one with other seeds."""
    cache = tmp_path / "benchmark/cache/ablations"
    cache.mkdir(parents=True)
    runs = {name: [name[:3] + "0"] for name in contrast_and_composition.RUNS}
    runs["splice + homology + mask + six tracks"].append("spl1")
    runs["mask 0 %"] = ["mas0"]
    results = [{"study": "main", "name": "absent"}]
    for name, keys in runs.items():
        earlier = {"rows": [{"method": name}], "details": {"runs": ["earlier0", "earlier1", "earlier2"]}}
        (cache / f"{name[:3]}-9.json").write_text(json.dumps(earlier))
        for i, kind in enumerate(("fold", "random")):
            stored = {"rows": [{"method": name, "split": kind}], "details": {"runs": keys}}
            (cache / f"{name[:3]}-{i}.json").write_text(json.dumps(stored))
            results.append({"study": "ablations", "name": f"{name[:3]}-{i}"})
        for seed, key in enumerate(keys):
            isoclr.create("isoclr-xs", seed=seed).save(tmp_path / "benchmark/runs" / key)
    (tmp_path / "benchmark/results").mkdir()
    (tmp_path / "benchmark/results/manifest.json").write_text(json.dumps({"seed": 1, "results": results}))
    shutil.copy(workbench / "labels.tsv", tmp_path)
    (tmp_path / "gc.toml").write_text(TASK)
    (tmp_path / "corpus").symlink_to(workbench / "corpus")
    return tmp_path


def test_encoders_by_name_and_seed(evaluated: Path) -> None:
    by_name = {name: path.name for name, path in encoders(evaluated / "benchmark").items()}
    assert by_name == {"both-1": "wit0", "composition-1": "com0", "contrast-1": "spl0", "contrast-2": "spl1"}


def test_homologs_are_of_several_species() -> None:
    assert homologs(Simulated()) == ["h1", "h2", "m1"]  # type: ignore[arg-type]


def test_whole_benchmark(
    main: Callable[..., None], evaluated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compared: dict[str, Any] = {}

    class Report:
        def rows(self) -> list[dict[str, Any]]:
            return [{"method": "embedding", "value": 1.0}, {"method": "labelled-both-0 given composition.parquet"}]

    def ontology(first: Path, **options: Any) -> Report:
        compared.update(options, first=first)
        return Report()

    monkeypatch.setattr(contrast_and_composition, "homologs", lambda corpus: list(corpus.transcripts["transcript_id"]))
    monkeypatch.setattr(isoclr, "ontology", ontology)
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
    names = ["random", "both-1", "composition-1", "contrast-1", "contrast-2"]
    own = [[name, f"{name} given composition", f"{name} + {strong_baselines.STRONGEST}"] for name in names]
    assert methods[4:] == [one for three in own for one in three]
    first_seed = ["random", "both-1", "composition-1", "contrast-1"]
    rest = [f"{name} given composition" for name in names]
    assert compared["first"].name == "labelled-random.parquet"
    assert [path.stem for path in compared["others"]] == [
        *(f"labelled-{name}" for name in first_seed[1:]),
        *(f"labelled-{name} given composition" for name in first_seed),
        "labelled-composition features",
    ]
    assert list(pl.read_csv(tmp_path / "out_ontology.csv")["method"]) == ["random", "both-0 given composition"]
    retrieval = pl.read_csv(tmp_path / "out_retrieval.csv")
    assert set(retrieval["whitened"]) == {False, True}
    assert set(retrieval["method"]) == {*names, *rest, "composition features"}


def test_residuals_are_what_composition_does_not_explain(evaluated: Path) -> None:
    corpus = open_corpus(evaluated / "corpus")
    features = strong_baselines.composition(strong_baselines.codes_of_corpus(corpus)).values
    embedded = isoclr.embed(evaluated / "corpus", model="isoclr-s")
    rng = np.random.default_rng(0)
    own = rng.normal(size=(len(corpus), 1)).astype(np.float32)
    mixed = features[:, :2] @ rng.normal(size=(2, 3)).astype(np.float32)
    replace(embedded, matrix=np.hstack([mixed, own])).save(evaluated / "labelled-x.parquet")
    _, rest, composition = with_residuals(evaluated / "corpus", {"x": evaluated / "labelled-x.parquet"}, "labelled")
    left = isoclr.read_embeddings(rest).matrix
    assert np.allclose(isoclr.read_embeddings(composition).matrix, features)
    assert left.var(0).sum() < 0.6 * 3
    assert np.abs(np.corrcoef(left.T, own.T)[-1, :-1]).max() > 0.7


def test_without_ablations(main: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(contrast_and_composition, tmp_path)
    assert "no ablations in it" in capsys.readouterr().err
