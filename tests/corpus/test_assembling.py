from collections import Counter
from pathlib import Path

import pytest

from isoclr.corpus.assembling import add, check_target
from isoclr.errors import InputError


def test_counts_are_added_by_reason() -> None:
    total = {"empty": 2}
    add(total, Counter({"empty": 1, "noncoding": 4}))
    assert total == {"empty": 3, "noncoding": 4}


def test_a_free_name_or_an_empty_folder_or_a_corpus_may_be_written(tmp_path: Path) -> None:
    check_target(tmp_path / "new", overwrite=False)
    check_target(tmp_path, overwrite=True)
    (tmp_path / "corpus.json").write_text("{}")
    check_target(tmp_path, overwrite=True)
    with pytest.raises(InputError, match="exists already"):
        check_target(tmp_path, overwrite=False)


def test_nothing_else_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    for target in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="not a corpus, --overwrite replaces nothing else"):
            check_target(target, overwrite=True)
