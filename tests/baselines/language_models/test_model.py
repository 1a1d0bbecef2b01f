"""Other names under which the same tensors are published."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from isoclr.baselines.language_models.catalog import CATALOG
from isoclr.baselines.language_models.model import FAMILIES, LanguageModel, open_language_model, pool
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, nucleotides

RNA = nucleotides("ACGUUGCAACGGAUUUACGAC")


def embedded(model: Any) -> np.ndarray:
    return open_language_model(model.name, directory=model.folder).embed([RNA])


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("dnabert-3", "LayerNorm.weight", "LayerNorm.gamma"),
        ("dnabert-3", "LayerNorm.bias", "LayerNorm.beta"),
        ("dnabert-3", "bert.", ""),
        ("dnabert-2", "bert.", ""),
        ("nt-500m-human-ref", "esm.", ""),
        ("hyenadna-tiny-1k", "hyena.backbone.", "backbone."),
        ("hyenadna-tiny-1k", "implicit_filter.1.freq", "implicit_filter.5.freq"),
        ("rna-fm", "model.", "rnafm."),
        ("rna-fm", "model.", ""),
        ("rna-fm", "encoder.emb_layer_norm_after.", "encoder.layer_norm."),
    ],
)
def test_tensors_are_found_under_their_other_names(
    name: str, old: str, new: str, repository: Callable[[str], Any]
) -> None:
    model = repository(name)
    expected = embedded(model)
    path = model.folder / "model.safetensors"
    tensors = load_file(path)
    changed = {key.replace(old, new): value for key, value in tensors.items()}
    assert changed.keys() != tensors.keys()
    save_file(changed, path)
    assert embedded(model) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_saved_positions_and_frequencies_of_every_layer_are_no_surprise(repository: Callable[[str], Any]) -> None:
    bert, hyena = repository("dnabert-3"), repository("hyenadna-tiny-1k")
    positions = {"bert.embeddings.position_ids": torch.arange(40)[None]}
    for model, more in ((bert, lambda _: positions), (hyena, _repeated)):
        expected = embedded(model)
        model.rewrite(lambda tensors, more=more: tensors.update(more(tensors)))
        assert embedded(model) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def _repeated(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    name = ".1.freq"
    return {
        key.replace(name, f".{i}.freq"): value.clone()
        for key, value in tensors.items()
        for i in (3, 5)
        if key.endswith(name)
    }


rng = np.random.default_rng(0)


def rna(length: int, letters: str = "ACGT") -> Codes:
    return nucleotides("".join(rng.choice(list(letters), length)))


def opened(model: Any, **options: Any) -> LanguageModel:
    return open_language_model(model.name, directory=model.folder, **options)


def states(model: Any, lm: LanguageModel, tokens: np.ndarray) -> Tensor:
    """Hidden states of one window's own tokens, straight from the network that was saved."""
    frame = lm._tokenizer.special
    whole = [*frame.before, *tokens.tolist(), *frame.after]
    with torch.no_grad():
        found: Tensor = model.network(torch.tensor([whole]), torch.ones(1, len(whole), dtype=torch.bool))
    return found[0, len(frame.before) : len(whole) - len(frame.after)]


def vector(model: Any, lm: LanguageModel, found: Tensor) -> np.ndarray:
    parts = [found.mean(0)]
    if model.name.startswith("hyenadna"):
        parts += [found.amax(0), found[-1]]
    return torch.cat(parts).numpy()


def test_a_short_rna_is_pooled_over_its_own_tokens(model: Any) -> None:
    lm = opened(model)
    codes = rna(20)
    tokens = lm._tokenizer.tokens(codes).astype(np.int64)
    expected = vector(model, lm, states(model, lm, tokens))
    assert lm.embed([codes])[0] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert lm.dim == len(expected) == lm.embed([codes]).shape[1]


def test_a_long_rna_is_the_mean_of_its_windows_weighted_by_tokens(model: Any) -> None:
    lm = opened(model)
    codes = rna(500)
    tokens = lm._tokenizer.tokens(codes).astype(np.int64)
    size = lm.window - lm._tokenizer.special.count
    pieces = [tokens[i : i + size] for i in range(0, len(tokens), size)]
    assert len(pieces) > 2
    assert len(pieces[-1]) < size
    vectors = [vector(model, lm, states(model, lm, piece)) for piece in pieces]
    expected = np.average(vectors, axis=0, weights=[len(piece) for piece in pieces])
    assert lm.embed([codes])[0] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_an_embedding_is_the_same_alone_and_in_any_batch(model: Any) -> None:
    lm = opened(model)
    rnas = [rna(n) for n in (7, 300, 1, 64, 65, 33, 12, 1000)]
    together = lm.embed(rnas)
    for i, codes in enumerate(rnas):
        assert lm.embed([codes])[0] == pytest.approx(together[i], rel=1e-4, abs=1e-5)
    few = lm.embed_codes(rnas, chunk_nt=70)
    assert few == pytest.approx(together, rel=1e-4, abs=1e-5)
    assert len({row.tobytes() for row in together}) == len(rnas)


def test_progress_adds_up_to_the_nucleotides(model: Any) -> None:
    done: list[int] = []
    opened(model).embed([rna(n) for n in (1, 500, 77)], progress=done.append)
    assert sum(done) == 578
    assert min(done) > 0


def test_u_is_t_case_is_nothing_and_tracks_are_not_seen(model: Any) -> None:
    lm = opened(model)
    text = "ACGTTGCAACGATGCCCTAATTT"
    same = [
        nucleotides(text),
        nucleotides(text.replace("T", "U").lower()),
        encode(nucleotides(text), np.array([10, 13]), (11, 20)),
    ]
    first, *rest = lm.embed(same)
    for row in rest:
        assert row == pytest.approx(first, rel=1e-5, abs=1e-6)


def test_ambiguity_is_n_and_n_is_not_a_base(model: Any) -> None:
    lm = opened(model)
    one, other, base = lm.embed([nucleotides("ACGTNACG"), nucleotides("ACGTRACG"), rna(8)])
    assert one == pytest.approx(other)
    assert abs(one - base).max() > 1e-3
    assert np.isfinite(lm.embed([nucleotides("NNNNNNN")])).all()


def test_bf16_is_close_and_halves_the_weights(model: Any) -> None:
    rnas = [rna(n) for n in (40, 300, 12)]
    whole = opened(model).embed(rnas)
    half = opened(model, precision="bf16")
    found = half.embed(rnas)
    assert found.dtype == np.float32
    assert not np.array_equal(found, whole)
    assert np.corrcoef(found.ravel(), whole.ravel())[0, 1] > 0.999
    saved = model.network.state_dict()
    for name, value in half.network.named_parameters():
        if "filter_fn" in name:  # positions need every digit
            assert torch.equal(value, saved[name])
        else:
            assert value.dtype == torch.bfloat16


def test_sha256_follows_the_weights(model: Any) -> None:
    before = opened(model).sha256
    model.rewrite(lambda tensors: next(iter(tensors.values())).mul_(2))
    assert opened(model).sha256 != before


def test_tensors_that_do_not_fit(model: Any) -> None:
    wanted = "embeddings.word_embeddings.weight"
    name = next(key for key in _names(model) if key.endswith(wanted))

    def gone(tensors: dict[str, Tensor]) -> None:
        del tensors[name]

    def foreign(tensors: dict[str, Tensor]) -> None:
        tensors[name.replace("word_embeddings", "colour_embeddings")] = torch.ones(2)

    def misshapen(tensors: dict[str, Tensor]) -> None:
        tensors[name] = torch.ones(5, 3)

    for change, message in (
        (gone, "Missing key.*word_embeddings"),
        (foreign, "Unexpected key.*colour_embeddings"),
        (misshapen, r"size mismatch for .*word_embeddings\.weight.*\[5, 3\]"),
    ):
        model.rewrite(change)
        with pytest.raises(InputError, match=message) as caught:
            opened(model)
        assert "\n" not in str(caught.value)


def _names(model: Any) -> list[str]:
    from safetensors import safe_open

    with safe_open(model.folder / "model.safetensors", "pt") as file:
        return list(file.keys())


def test_an_empty_rna_is_refused(repository: Callable[[str], Any]) -> None:
    lm = opened(repository("hyenadna-tiny-1k"))
    with pytest.raises(InputError, match="sequence 2 is empty"):
        lm.embed([rna(5), rna(0)])


def test_a_tokenizer_of_another_model_is_refused(repository: Callable[[str], Any]) -> None:
    model = repository("rna-fm")
    path = model.folder / "vocab.txt"
    path.write_text(path.read_text() + "\nE\nF")
    with pytest.raises(InputError, match="the tokenizer has 28 tokens, the network 26"):
        opened(model)


def test_a_window_without_room_is_refused(repository: Callable[[str], Any]) -> None:
    model = repository("rna-fm")
    path = model.folder / "config.json"
    path.write_text(path.read_text().replace('max_position_embeddings": 50', 'max_position_embeddings": 4'))
    positions = "model.embeddings.position_embeddings.weight"
    model.rewrite(lambda tensors: tensors.update({positions: torch.ones(4, 24)}))
    with pytest.raises(InputError, match="a window of 2 tokens has no room for an RNA"):
        opened(model)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="'gpt' is not a language model; there are dnabert-3"):
        open_language_model("gpt")


def test_every_family_of_the_catalogue_is_implemented() -> None:
    assert {entry.family for entry in CATALOG.values()} == set(FAMILIES)


def test_pooling_by_hand() -> None:
    found = torch.tensor([[[9.0], [1.0], [5.0], [-3.0], [100.0]]])
    own = torch.tensor([[False, True, True, True, False]])
    assert pool(found, own, "mean").tolist() == [[1.0]]
    assert pool(found, own, "mean+max+last").tolist() == [[1.0, 5.0, -3.0]]
