import pytest

from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError


def test_a_choice_of_rnas_takes_their_rows(embeddings: Embeddings) -> None:
    assert embeddings.select() is not None
    assert len(embeddings.select()) == 5
    human = embeddings.select(species="human", rnas="coding")
    assert human.table["transcript_id"].to_list() == ["T0", "T2"]
    assert (human.matrix == embeddings.matrix[[0, 2]]).all()
    assert embeddings.select(rnas="annotated").table["transcript_id"].to_list() == ["T0", "T3"]
    assert human.meta == embeddings.meta


def test_an_empty_choice_says_what_there_is(embeddings: Embeddings) -> None:
    with pytest.raises(InputError, match=r"of species 'yeast'.*1 'mouse' with CDS annotated"):
        embeddings.select(species="yeast")


def test_it_shows_itself(embeddings: Embeddings) -> None:
    assert repr(embeddings) == "Embeddings(5 RNAs × 3, isoclr-s with weights of your own)"
