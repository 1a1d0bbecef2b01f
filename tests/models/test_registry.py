import pytest
import torch

from isoclr.errors import InputError
from isoclr.models import MODELS, create


@pytest.mark.parametrize(
    ("name", "tracks", "parameters", "dim"),
    [
        ("isoclr-s", 6, 787_264, 256),
        ("isoclr-s", 5, 787_136, 256),
        ("isoclr-s", 4, 787_008, 256),
        ("isoclr-m", 6, 4_884_160, 512),
        ("isoclr-l", 6, 19_484_032, 1024),
    ],
)
def test_sizes_are_the_published_ones(name: str, tracks: int, parameters: int, dim: int) -> None:
    encoder = create(name, tracks=tracks)
    assert (encoder.num_parameters, encoder.dim) == (parameters, dim)


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_names_the_weights_and_leaves_torchs_generator_alone(name: str) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, same, other = (create(name, seed=s) for s in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.sha256 == same.sha256 != other.sha256


@pytest.mark.parametrize(("name", "tracks"), [("isoclr-xl", 6), ("isoclr-s", 3)])
def test_unknown_models_are_named(name: str, tracks: int) -> None:
    with pytest.raises(InputError, match=r"isoclr-xl|not 3"):
        create(name, tracks=tracks)
