from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.evaluation.report.results import Results


def test_what_is_there_is_read_and_what_is_not_is_empty(results_of_all: Path) -> None:
    results = Results(results_of_all)
    assert results.rows("main").height == 4
    assert results.rows("nothing").is_empty()
    assert results.large("nothing").is_empty()
    assert results.text("main").startswith("study,task")
    assert results.model == "ours"
    assert results.title("half-life") == "Half-life <of> mRNAs"
    assert results.published_as("half-life") == "half-life human"
    assert results.published_as("other") == "none"


def test_an_empty_csv_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "main.csv").write_text("\n")
    assert Results(tmp_path).rows("main").is_empty()


def test_a_folder_without_manifest_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a benchmark's manifest"):
        _ = Results(tmp_path).manifest
