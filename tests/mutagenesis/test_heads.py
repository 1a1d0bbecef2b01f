from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.embedding import read_embeddings
from isoclr.errors import InputError
from isoclr.mutagenesis import line_of, predictor


def test_the_line_is_what_the_head_predicts(workbench: Path) -> None:
    found = predictor(workbench / "head", None, "", str(workbench / "model"), None)
    matrix = read_embeddings(workbench / "e.parquet").matrix
    wanted = isoclr.load_head(workbench / "head").predict(matrix).value
    assert found.line(matrix) == pytest.approx(wanted)
    assert found.target == "gc"
    assert np.corrcoef(wanted, np.arange(40) % 7)[0, 1] > 0.5


def test_a_label_of_two_classes_gives_log_odds(workbench: Path, tmp_path: Path) -> None:
    rows = (workbench / "labels.tsv").read_text().splitlines()[1:]
    classes = [f"{row.split()[0]}\t{int(float(row.split()[1]) > 0.47)}" for row in rows]
    (tmp_path / "c.tsv").write_text("transcript_id\thigh\n" + "\n".join(classes) + "\n")
    isoclr.fit(workbench / "e.parquet", tmp_path / "c.tsv", out=tmp_path / "head", folds=3)
    head = isoclr.load_head(tmp_path / "head")
    line, title = line_of(head)
    matrix = read_embeddings(workbench / "e.parquet").matrix
    assert title == "high, log-odds"
    assert 1 / (1 + np.exp(-line(matrix))) == pytest.approx(head.predict(matrix).value)


@pytest.mark.usefixtures("shipped")
def test_a_head_that_ships_brings_its_model(workbench: Path) -> None:
    assert predictor(None, "gc", "human", None, None).target == "gc"
    assert predictor(workbench / "head", None, "", None, "gc").encoder.dim == 256


def test_bad_requests(workbench: Path, tmp_path: Path) -> None:
    model = str(workbench / "model")
    other = str(isoclr.create("isoclr-s", seed=1).save(tmp_path / "other"))
    for given, message in (
        ((None, None, "", None, None), "expected --head, or --task with --species"),
        ((workbench / "head", "gc", "human", None, None), "expected --head, or --task"),
        ((workbench / "head", None, "", model, "x"), "head 'gc' predicts gc, not 'x'"),
        ((workbench / "head", None, "", None, None), "give that model with --model"),
        ((workbench / "head", None, "", other, None), "head 'gc' belongs to weights"),
    ):
        with pytest.raises(InputError, match=message):
            predictor(*given)
