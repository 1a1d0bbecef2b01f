import numpy as np
import pytest

from isoclr.baselines.random_init import RandomInit
from isoclr.corpus.codes import nucleotides
from isoclr.errors import InputError
from isoclr.models import create

RNAS = [nucleotides("ACGTTGCAAC" * 9), nucleotides("GGGTCA" * 20)]


def test_it_is_the_untrained_encoder_of_the_seed() -> None:
    found = RandomInit("isoclr-s", tracks=4, seed=2).embed(RNAS)
    assert found == pytest.approx(
        create("isoclr-s", tracks=4, seed=2).embed_codes(RNAS), rel=1e-5, abs=1e-5
    )
    other = RandomInit("isoclr-s", tracks=4, seed=3).embed(RNAS)
    assert np.abs(found - other).max() > 1e-3


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(InputError, match="is not a model"):
        RandomInit("my-model")
