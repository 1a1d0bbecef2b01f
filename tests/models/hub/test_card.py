"""What a repository says of itself."""

from pathlib import Path

import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.models.hub.card import card


@pytest.mark.parametrize(("tracks", "names"), [(4, "sequence"), (6, "codon starts and exon ends")])
def test_a_card_says_what_the_weights_tell(tmp_path: Path, tracks: int, names: str) -> None:
    encoder = isoclr.create("isoclr-s", tracks=tracks, seed=0)
    text = card(tmp_path, encoder, repo="lab/mice", sha256="0123abc")
    assert "# mice\n" in text
    assert f"| tracks | {tracks} (" in text
    assert names in text
    assert f"| parameters | {encoder.num_parameters:,} |" in text
    assert f"| embedding | {encoder.dim} values |" in text
    assert "`0123abc`" in text
    assert 'isoclr.load("lab/mice", revision="COMMIT")' in text
    assert "has not said what it was trained on" in text


def test_a_card_that_was_written_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Ours\n")
    encoder = isoclr.create("isoclr-s", seed=0)
    assert card(tmp_path, encoder, repo="lab/mice", sha256="0") == "# Ours\n"


def test_a_card_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").mkdir()
    with pytest.raises(InputError, match=r"README\.md: not a text in UTF-8"):
        card(tmp_path, isoclr.create("isoclr-s", seed=0), repo="lab/mice", sha256="0")
