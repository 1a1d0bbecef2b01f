import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr._io import sha256
from isoclr.cli import main
from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.probing import trees
from isoclr.probing.probe import probe
from isoclr.tasks.splits import SplitConfig

pytestmark = pytest.mark.usefixtures("narrow")


def test_the_whole_path(
    embeddings_probing: Path,
    labels_probing: Callable[..., Path],
    corpus_probing: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "MAX_TREES", 20)
    table = labels_probing(fold=np.arange(60) % 3)
    report = probe(
        embeddings_probing,
        table,
        splits=SplitConfig(split="fold"),
        corpus=corpus_probing.path,
        baselines=True,
        trees=True,
        json=tmp_path / "probe.json",
        plot=tmp_path / "probe.png",
    )
    embedding, *others = report.methods
    named = {method.name: method for method in others}
    assert embedding.summary["pearson"].low > 0.9
    alone = [method for name, method in named.items() if not name.startswith("embedding")]
    assert len(alone) == 8
    assert max(method.summary["pearson"].mean for method in alone) < 0.6
    assert named["embedding + k-mers"].dim == embedding.dim + named["k-mers + codons"].dim
    assert report.leaks is not None
    assert [leaks.gene for leaks in report.leaks.splits] == [0] * 3
    assert report.leaks.splits[0].gene_set is not None
    assert (tmp_path / "probe.png").read_bytes().startswith(b"\x89PNG")
    said = json.loads((tmp_path / "probe.json").read_text())
    assert said["isoclr"] == isoclr.__version__
    assert said["inputs"]["labels"]["sha256"] == sha256(table)
    assert said["encoder"]["model"] == "isoclr-s"
    assert said["options"]["split"] == "fold"


def test_the_file_s_folds_are_the_folds(embeddings_probing: Path, labels_probing: Callable[..., Path]) -> None:
    names = [str(3 * (i % 5)) for i in range(60)]
    report = probe(embeddings_probing, labels_probing(fold=names), splits=SplitConfig(split="fold"))
    assert [o.split for o in report.methods[0].results] == [f"fold {3 * i}" for i in range(5)]


def test_no_homolog_of_a_test_gene_is_trained_on(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    # a label that only the gene set knows: homologs on both sides would give it away by the embedding
    table = labels_probing()
    frame = pl.read_csv(table, separator="\t")
    groups = np.random.default_rng(5).normal(size=30)[np.arange(60) // 2]
    frame.with_columns(half_life=pl.Series(groups)).write_csv(table, separator="\t")
    path = embeddings_probing.with_name("homologs.parquet")
    content = isoclr.embedding.io.read_embeddings(embeddings_probing)
    numbers = content.table["gene_id"].str.slice(4, 11).cast(pl.Int64).to_numpy() // 2
    matrix = np.eye(30, dtype=np.float32)[numbers]
    isoclr.embedding.embeddings.write(path, isoclr.embedding.embeddings.Embeddings(content.table, matrix, content.meta))
    leaky = probe(path, table, splits=SplitConfig(splits=3))
    safe = probe(path, table, splits=SplitConfig(split="homology", splits=3), corpus=corpus_probing.path)
    assert leaky.methods[0].summary["pearson"].mean > 0.6
    assert abs(safe.methods[0].summary["pearson"].mean) < 0.5


def test_two_classes_are_ranked(embeddings_probing: Path, labels_probing: Callable[..., Path]) -> None:
    table = labels_probing()
    frame = pl.read_csv(table, separator="\t")
    frame.with_columns(half_life=(pl.col("half_life") > 0).cast(pl.Int64)).write_csv(table, separator="\t")
    report = probe(embeddings_probing, table, probe="logistic", splits=SplitConfig(folds=2))
    assert report.metric == "roc_auc"
    assert report.methods[0].summary["roc_auc"].mean > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": SplitConfig(split="homology")}, "--split homology needs --corpus"),
        ({"baselines": True}, "--baselines needs --corpus"),
        ({"trees": True}, "--trees needs --baselines"),
        ({"splits": SplitConfig(split="chromosome")}, "the label table, which has no column chromosome"),
        ({"splits": SplitConfig(split="fold")}, r"labels.tsv: no column 'fold', which --split fold needs"),
        ({"json": Path()}, "is a directory, expected the name of a file"),
        ({"json": Path(__file__) / "p.json"}, "test_probe.py is a file, expected a folder"),
        ({"plot": Path(__file__) / "p.png"}, "test_probe.py is a file, expected a folder"),
        ({"probe": "logistic"}, "half_life has 60 different values, --probe logistic expects two"),
        ({"species": "yeast"}, "no RNA of species 'yeast'"),
        ({"plot": Path("figure.bmp")}, "a figure is written as"),
    ],
)
def test_bad_requests_end_in_one_line(
    embeddings_probing: Path, labels_probing: Callable[..., Path], options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        probe(embeddings_probing, labels_probing(), **options)  # type: ignore[arg-type]


def test_a_row_without_a_fold_is_named(embeddings_probing: Path, labels_probing: Callable[..., Path]) -> None:
    table = labels_probing(fold=[None, *["1", "2"] * 29, "1"])
    with pytest.raises(InputError, match="line 2 has no fold"):
        probe(embeddings_probing, table, splits=SplitConfig(split="fold"))


def test_labels_that_tell_nothing_apart_are_refused(
    embeddings_probing: Path, labels_probing: Callable[..., Path]
) -> None:
    with pytest.raises(InputError, match=r"labels\.tsv: half_life has one value"):
        probe(embeddings_probing, labels_probing(half_life=1.5))
    one = [1, *[0] * 59]
    with pytest.raises(InputError, match=r"fold \d: the training part \(40 of 60 RNAs\) has 1 dif"):
        probe(embeddings_probing, labels_probing(half_life=one), probe="logistic", splits=SplitConfig(folds=3))
    single = ["alone", *["a", "b"] * 29, "a"]
    with pytest.raises(InputError, match=r"fold alone: the test part \(1 of 60 RNAs\)"):
        probe(embeddings_probing, labels_probing(fold=single), splits=SplitConfig(split="fold"))


def test_a_task_says_what_is_not_asked_for_otherwise(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus, tmp_path: Path
) -> None:
    table = labels_probing(fold=np.arange(60) % 3)
    source = tmp_path / "mine.toml"
    source.write_text(
        'name = "mine"\ntitle = "my label"\ncitation = "me"\n[labels]\nfile = "labels.tsv"\n'
        '[samples]\nspecies = "human"\nrnas = "coding"\nsplit = "fold"\n'
    )
    report = probe(embeddings_probing, source)
    assert report.split == "the label file's own folds"
    assert report.provenance["task"]["citation"] == "me"
    assert report.provenance["inputs"]["labels"]["sha256"] == sha256(table)
    options = report.provenance["options"]
    assert (options["species"], options["rnas"], options["split"]) == ("human", "coding", "fold")
    assert (
        "by whole gene sets"
        in probe(embeddings_probing, source, splits=SplitConfig(split="homology"), corpus=corpus_probing.path).split
    )


def test_whole_chromosomes_are_left_out(embeddings_probing: Path, labels_probing: Callable[..., Path]) -> None:
    report = probe(
        embeddings_probing,
        labels_probing(chromosome=np.arange(60) % 20),
        splits=SplitConfig(split="chromosome", splits=3),
    )
    assert report.split == "random 70/15/15 × 3 by whole chromosomes"
    for outcome in report.methods[0].results:
        assert len(outcome.test) % 3 == 0  # three genes a chromosome


def test_another_label_of_a_task_keeps_the_task_s_columns(
    embeddings_probing: Path, labels_probing: Callable[..., Path], tmp_path: Path
) -> None:
    labels_probing(other=np.linspace(0, 1, 60), cv=np.arange(60) % 3)
    source = tmp_path / "mine.toml"
    source.write_text(
        'name = "mine"\ntitle = "t"\n[labels]\nfile = "labels.tsv"\nlabel = "half_life"\n'
        '[labels.columns]\nfold = "cv"\n[samples]\nsplit = "fold"\n'
    )
    report = probe(embeddings_probing, source, label="other")
    assert report.label == "other"
    assert len(report.methods[0].results) == 3


def test_text_labels_get_a_logistic_probe(
    embeddings_probing: Path, labels_probing: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    table = labels_probing()
    frame = pl.read_csv(table, separator="\t")
    value = pl.col("half_life")
    stable = pl.when(value > 0).then(pl.lit("stable")).otherwise(pl.lit("unstable"))
    frame.with_columns(half_life=stable).write_csv(table, separator="\t")
    report = probe(embeddings_probing, table, splits=SplitConfig(folds=3))
    assert "classes stable, unstable" in capsys.readouterr().err
    assert report.methods[0].probe == "logistic"
    assert report.methods[0].summary["roc_auc"].mean > 0.9
    three = pl.when(value > 1).then(pl.lit("high")).otherwise(stable)
    frame.with_columns(half_life=three).write_csv(table, separator="\t")
    report = probe(embeddings_probing, table, splits=SplitConfig(folds=3))
    assert report.metric == "roc_auc"
    assert len(report.methods[0].by_class["roc_auc"]) == 3
    assert report.methods[0].summary["roc_auc"].mean > 0.8


def test_command(
    embeddings_probing: Path, labels_probing: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["probe", str(embeddings_probing), str(labels_probing()), "--split", "random"]
    assert main([*words, "--splits", "2", "--json", str(tmp_path / "p.json")]) == 0
    seen = capsys.readouterr()
    assert "Pearson R" in seen.out
    assert "leak audit" in seen.out
    assert "60  RNAs that another transcript of their gene represents" in seen.err
    assert json.loads((tmp_path / "p.json").read_text())["counts"]["samples"] == 60
    assert main([*words, "--baselines"]) == 2
    assert "--baselines needs --corpus" in capsys.readouterr().err
