import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.tasks.conftest import HEADER, stanza

from isoclr.cli import main
from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.probing.ontology import evaluate_ontology, ontology
from isoclr.tasks.splits import SplitConfig
from isoclr.tasks.task import read_ontology_task

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def task(tmp_path: Path, embeddings_probing: Path) -> Path:
    """Terms that the first two numbers of a gene's embedding decide; the embedding is its longer isoform's."""
    spaces = {"process": ("A", "B"), "part": ("X", "Y")}
    terms = [stanza(space, space) for space in spaces]
    terms += [stanza(n, s, f"is_a: {s}") for s, names in spaces.items() for n in names]
    (tmp_path / "toy.obo").write_text("\n\n".join(terms) + "\n")
    frame = pl.read_parquet(embeddings_probing).sort("length").unique("gene_id", keep="last")
    rows, ids = [], []
    for gene_id, vector in frame.sort("gene_id").select("gene_id", "embedding").iter_rows():
        number = int(gene_id[4:15]) + 1
        ids.append(f"{gene_id[:15]}\t{number}")
        names = [vector[0] > 0, vector[1] > 0, vector[0] + vector[1] > 0, vector[1] - vector[0] > 0]
        own = [n for n, has in zip("ABXY", names, strict=True) if has]
        rows += [f"9606\t{number}\t{n}\tIDA\t-\t-\t-\t-" for n in own]
    (tmp_path / "gene2go").write_text(HEADER + "\n".join(rows) + "\n")
    (tmp_path / "ids.tsv").write_text("gene_id\tentrez\n" + "\n".join(ids) + "\n")
    (tmp_path / "task.toml").write_text(
        'name = "toy"\ntitle = "toy"\n[ontology]\nterms = "toy.obo"\nannotations = "gene2go"\n'
        'gene_ids = "ids.tsv"\ndepth = 1\nclasses = 2\n[samples]\nspecies = "human"\n'
        'split = "homology"\n'
    )
    return tmp_path / "task.toml"


def test_the_whole_path(embeddings_probing: Path, corpus_probing: Corpus, task: Path, tmp_path: Path) -> None:
    report = ontology(
        embeddings_probing,
        str(task),
        corpus=corpus_probing.path,
        splits=SplitConfig(folds=2),
        csv=tmp_path / "go.csv",
        json=tmp_path / "go.json",
        plot=tmp_path / "go.png",
    )
    assert report.split == "2-fold cross-validation by whole gene sets"
    part, process = report.aspects
    assert (part.aspect.namespace, process.aspect.namespace) == ("part", "process")
    for one in report.aspects:
        names = [method.name for method in one.methods]
        assert names == ["embedding", "random-init encoder", "k-mers + codons", "sequence features", "shuffled labels"]
        values = [method.summary["roc_auc"].mean for method in one.methods]
        assert values[0] > 0.9
        assert max(values[1:]) < 0.75
        assert [leaks.gene_set for leaks in one.leaks.splits] == [0, 0]
    rows = pl.read_csv(tmp_path / "go.csv")
    assert rows.height == len(report.rows()) == 2 * 5 * 2 * (1 + 2)
    content = json.loads((tmp_path / "go.json").read_text())
    assert content["leaks"]["part"]["splits"][0]["gene"] == 0
    assert content["rows"][0]["term_id"] == "all"
    assert (tmp_path / "go.png").read_bytes().startswith(b"\x89PNG")
    table, *leaks = report.tables()
    assert len(leaks) == 2
    assert len(table.rows[0]) == len(table.columns)


def test_other_models_are_compared_on_the_rnas_that_all_know(
    embeddings_probing: Path, corpus_probing: Corpus, task: Path
) -> None:
    read = read_embeddings(embeddings_probing)
    keep = np.arange(len(read))[::-1][8:]  # without the last four genes, in another order
    other = Embeddings(read.table[keep], -read.matrix[keep], {**read.meta, "model": "other"})
    toy = read_ontology_task(task)
    report = evaluate_ontology(
        read,
        corpus_probing,
        toy,
        splits=SplitConfig(split="random", splits=2),
        others={"theirs": other},
        baselines=False,
    )
    assert report.counts["embedded RNAs that the corpus or another model does not have"] == 8
    assert report.split == "random 70/15/15 × 2 by whole genes"
    for one in report.aspects:
        ours, theirs = one.methods
        assert (ours.name, theirs.name) == ("embedding", "theirs")
        # the sign of a vector is nothing to a linear probe: both rows belong to the same RNA
        assert theirs.summary["roc_auc"].mean == pytest.approx(ours.summary["roc_auc"].mean)


def test_genes_of_unknown_chromosome_are_left_out_with_their_features(
    embeddings_probing: Path, corpus_probing: Corpus, task: Path, tmp_path: Path
) -> None:
    places = tmp_path / "chromosomes.tsv"
    genes = [(f"ENSG{gene:011d}", f"chr{gene % 12}") for gene in range(60) if gene % 4]
    pl.DataFrame(genes, ["gene_id", "chromosome"], orient="row").write_csv(places, separator="\t")
    report = evaluate_ontology(
        read_embeddings(embeddings_probing),
        corpus_probing,
        read_ontology_task(task),
        splits=SplitConfig(split="chromosome", folds=3, chromosomes=(places,)),
        baselines=False,
    )
    for one in report.aspects:
        table = one.aspect.samples.table
        assert one.methods[0].summary["roc_auc"].mean > 0.9
        assert all(int(gene[4:15]) % 4 for gene in table["gene_id"])
        assert one.aspect.labels.shape == (table.height, 2)
        assert sum(len(split.test) for split in one.methods[0].results) == table.height
        assert report.counts[f"{one.aspect.title}: labelled RNAs without a known chromosome"] > 5


def test_bad_requests_end_in_one_line(
    embeddings_probing: Path, corpus_probing: Corpus, task: Path, labels_probing: Callable[..., Path]
) -> None:
    path = str(task)
    with pytest.raises(InputError, match="a figure is written as"):
        ontology(embeddings_probing, path, corpus=corpus_probing.path, plot=Path("x.bmp"))
    folds = SplitConfig(split="fold")
    with pytest.raises(InputError, match="--split fold"):
        ontology(embeddings_probing, path, corpus=corpus_probing.path, splits=folds)
    with pytest.raises(InputError, match="--classes 0: expected 1 or more"):
        ontology(embeddings_probing, path, corpus=corpus_probing.path, classes=0)
    with pytest.raises(InputError, match="is a directory, expected the name of a file"):
        ontology(embeddings_probing, path, corpus=corpus_probing.path, csv=corpus_probing.path)
    with pytest.raises(InputError, match=r"go\.obo\.gz: no such file, .*--data or ISOCLR_DATA"):
        ontology(embeddings_probing, corpus=corpus_probing.path, data=corpus_probing.path)
    with pytest.raises(InputError, match="--others: two files have the same name"):
        ontology(embeddings_probing, path, corpus=corpus_probing.path, others=(embeddings_probing, embeddings_probing))
    with pytest.raises(InputError, match="half-life-human has one label"):
        ontology(embeddings_probing, "half-life-human", corpus=corpus_probing.path)
    read = read_embeddings(embeddings_probing)
    longer = read.table.with_columns(pl.col("length") + 1)
    with pytest.raises(InputError, match="has the sequence of none of the 120 embedded RNAs"):
        evaluate_ontology(replace(read, table=longer), corpus_probing, read_ontology_task(task))


def test_a_single_split_has_intervals_too(embeddings_probing: Path, corpus_probing: Corpus, task: Path) -> None:
    read = read_embeddings(embeddings_probing)
    report = evaluate_ontology(
        read, corpus_probing, read_ontology_task(task), splits=SplitConfig(splits=1), baselines=False
    )
    interval = report.aspects[0].methods[0].summary["cross_entropy"]
    assert interval.low <= interval.mean <= interval.high


def test_shuffled_labels_permute_the_embedding_by_the_seed(
    embeddings_probing: Path, corpus_probing: Corpus, task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isoclr.probing import ontology as studying

    seen: list[dict[str, np.ndarray]] = []

    def keep(methods: Any, *rest: Any, **options: Any) -> Any:
        seen.append({method.name: method.features for method in methods})
        return []

    monkeypatch.setattr(studying, "evaluate", keep)
    for seed in (0, 0, 1):  # two aspects each
        evaluate_ontology(
            read_embeddings(embeddings_probing),
            corpus_probing,
            read_ontology_task(task),
            splits=SplitConfig(splits=1, seed=seed),
        )
    for found in seen:
        ours, permuted = found["embedding"], found["shuffled labels"]
        assert sorted(map(tuple, permuted)) == sorted(map(tuple, ours))  # the same rows
        assert (permuted == ours).all(1).mean() < 0.2  # of other genes
    first, again, other = (found["shuffled labels"] for found in seen[::2])
    assert (first == again).all()
    assert not (first == other).all()


def test_command_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ontology", "nowhere.parquet", "half-life-human", "--corpus", str(tmp_path)]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("isoclr: error: nowhere.parquet: no such file")
    assert err.count("\n") == 1
    assert main(["ontology", "nowhere.parquet"]) == 2
    assert "corpus" in capsys.readouterr().err
