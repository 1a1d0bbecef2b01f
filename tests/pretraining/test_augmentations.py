"""Views made by tensor operations, against the same made one by one in plain Python."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, MASK, NUCLEOTIDE_BITS, PAD, Codes
from isoclr.models.packing import PackedBatch, PackLayout, plan_layouts
from isoclr.pretraining.augmentations import Augmentation, AugmentationSample, CorpusLike, DeviceCorpus, make_views
from isoclr.pretraining.data import partition_by_length
from isoclr.training.rng import bernoulli, hash_uint32

ALL = NUCLEOTIDE_BITS | CODON_START | EXON_END


def draw(n: int = 1000, step: int = 0, epoch: int = 0, seed: int = 0, **lost: float) -> AugmentationSample:
    how = Augmentation(**{"mask": 0.15, "max_shift": 3, **lost})  # type: ignore[arg-type]
    return how.draw(n, seed=seed, epoch=epoch, step=step)


def test_no_augmentation_by_default() -> None:
    draws = Augmentation().draw(4, seed=0, epoch=0, step=0)
    assert (draws.shift, draws.mask_rate, draws.keep) == (0, 0.0, None)


def test_shifts() -> None:
    shifts = [draw(1, step).shift for step in range(400)]
    assert np.bincount(shifts, minlength=4).tolist() == pytest.approx([100] * 4, abs=45)


def test_keys() -> None:
    keys = draw(50_000).keys
    assert keys.shape == (50_000, 2)
    assert keys.min() >= -(2**31)
    assert keys.max() < 2**31
    assert len(np.unique(keys, axis=0)) == 50_000


@pytest.mark.parametrize("other", [{"step": 1}, {"epoch": 1}, {"seed": 1}])
def test_samples_of_steps_epochs_and_seeds(other: dict[str, int]) -> None:
    ours, theirs = (draw(**which, drop_splice=0.3, drop_tracks=0.3) for which in ({}, other))
    assert not (ours.keys == theirs.keys).any()
    assert np.mean(ours.keep != theirs.keep) > 0.5


def test_samples_do_not_depend_on_the_number_of_views() -> None:
    few, many = (draw(n, drop_splice=0.2, drop_tracks=0.2) for n in (10, 1000))
    np.testing.assert_array_equal(few.keys, many.keys[:10])
    assert few.keep is not None
    assert many.keep is not None
    np.testing.assert_array_equal(few.keep, many.keep[:10])


@pytest.mark.parametrize(("splice", "tracks"), [(0.2, 0.3), (0.5, 0.5), (0.0, 0.4), (0.4, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_fractions_of_dropped_tracks(splice: float, tracks: float) -> None:
    keep = draw(20_000, drop_splice=splice, drop_tracks=tracks).keep
    assert keep is not None
    shares = [(keep == bits).mean() for bits in (ALL & ~EXON_END, NUCLEOTIDE_BITS, ALL)]
    assert shares == pytest.approx([splice, tracks, 1 - splice - tracks], abs=0.015)


def test_dropped_tracks_of_a_pair_are_independent() -> None:
    keep = draw(40_000, drop_tracks=0.5).keep
    assert keep is not None
    first, second = np.split(keep == ALL, 2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_dropped_tracks_do_not_change_mask_and_shift() -> None:
    without, with_loss = draw(100, 5), draw(100, 5, drop_tracks=0.5)
    assert without.shift == with_loss.shift
    np.testing.assert_array_equal(without.keys, with_loss.keys)


Lengths = list[int]
MakeResident = Callable[..., DeviceCorpus]

lengths = st.lists(st.integers(1, 700), min_size=1, max_size=12)
packings = st.fixed_dictionaries(
    {
        "gap": st.sampled_from([None, 32, 128]),
        "chunk_nt": st.sampled_from([1, 320, 1024, 2**20]),
        "round_to": st.sampled_from([32, 256]),
    }
)
augmentations = st.builds(
    Augmentation,
    mask=st.sampled_from([0.0, 0.15, 1.0]),
    max_shift=st.integers(0, 31),
    drop_splice=st.sampled_from([0.0, 0.5]),
    drop_tracks=st.sampled_from([0.0, 0.5]),
)


def plain_view(resident: DeviceCorpus, transcript: int, draws: AugmentationSample, view: int) -> Codes:
    """One view by itself: shift, tracks and mask in so many words."""
    start, length = resident.offsets[transcript], resident.lengths[transcript]
    codes = resident.codes[start : start + length].numpy().copy()
    if draws.keep is not None:
        codes &= np.uint8(draws.keep[view])
    low, high = torch.from_numpy(draws.keys[view]).int()
    drawn = hash_uint32(torch.arange(int(length), dtype=torch.int32), low, high)
    codes[bernoulli(drawn, draws.mask_rate).numpy()] = MASK
    return np.concatenate([np.full(draws.shift, PAD, np.uint8), codes])


def views_in(chunks: list[PackedBatch], layouts: list[PackLayout]) -> dict[int, Codes]:
    """View → its codes; everything else in the chunks must be padding."""
    found = {}
    for chunk, layout in zip(chunks, layouts, strict=True):
        flat = chunk.codes.numpy().reshape(-1).copy()
        spans = zip(layout.rows, chunk.starts.tolist(), chunk.lengths.tolist(), strict=True)
        for view, start, length in spans:
            found[int(view)] = flat[start : start + length].copy()
            flat[start : start + length] = PAD
        assert (flat == PAD).all()
    return found


def placed(nt: np.ndarray, packing: dict[str, int | None], hand: np.ndarray) -> list[PackLayout]:
    layouts = plan_layouts(nt[hand], **packing)  # type: ignore[arg-type]
    return [layout._replace(rows=hand[layout.rows]) for layout in layouts]


@settings(max_examples=60, deadline=None)
@given(lengths, packings, augmentations, st.integers(1, 3), st.integers(0, 2**31))
def test_views_do_not_depend_on_layout_and_ranks(
    make_resident: MakeResident,
    lengths: Lengths,
    packing: dict[str, int | None],
    augmentation: Augmentation,
    ranks: int,
    seed: int,
) -> None:
    resident = make_resident(lengths, seed)
    transcripts = np.random.default_rng(seed).integers(0, len(lengths), 2 * len(lengths))
    draws = augmentation.draw(len(transcripts), seed=seed, epoch=1, step=2)
    nt = resident.lengths[transcripts] + draws.shift
    found: dict[int, Codes] = {}
    for hand in partition_by_length(nt, ranks):
        layouts = placed(nt, packing, hand)
        found |= views_in(make_views(resident, transcripts, draws, layouts), layouts)
    assert sorted(found) == list(range(len(transcripts)))
    for view, codes in found.items():
        expected = plain_view(resident, int(transcripts[view]), draws, view)
        np.testing.assert_array_equal(codes, expected)


def rendered(make_resident: MakeResident, augmentation: Augmentation, n: int = 8) -> list[Codes]:
    """Views of one transcript of 4,000 nt, n of them, without their shift."""
    resident = make_resident([40, 4000, 60])
    transcripts = np.ones(n, np.int64)
    draws = augmentation.draw(n, seed=3, epoch=0, step=0)
    nt = resident.lengths[transcripts] + draws.shift
    layouts = placed(nt, {"gap": 128, "chunk_nt": 10_000}, np.arange(n))
    views = views_in(make_views(resident, transcripts, draws, layouts), layouts)
    return [views[i][draws.shift :] for i in range(n)]


def original(make_resident: MakeResident) -> Codes:
    codes: Codes = make_resident([40, 4000, 60]).codes[40:4040].numpy()
    return codes


def test_mask(make_resident: MakeResident) -> None:
    whole, views = original(make_resident), rendered(make_resident, Augmentation(mask=0.15))
    hidden = np.array([view == MASK for view in views])
    assert hidden.mean(1) == pytest.approx([0.15] * 8, abs=0.03)
    assert hidden.mean() == pytest.approx(0.15, abs=0.01)
    overlap = (hidden[0] & hidden[1]).mean()
    assert overlap == pytest.approx(0.15**2, abs=0.01)
    for view, mask in zip(views, hidden, strict=True):
        np.testing.assert_array_equal(view[~mask], whole[~mask])


def test_views_without_exon_ends(make_resident: MakeResident) -> None:
    whole = original(make_resident)
    for view in rendered(make_resident, Augmentation(drop_splice=1.0)):
        np.testing.assert_array_equal(view, whole & ~np.uint8(EXON_END))
        assert (view & CODON_START).any()


def test_views_without_tracks(make_resident: MakeResident) -> None:
    whole = original(make_resident)
    for view in rendered(make_resident, Augmentation(drop_tracks=1.0)):
        np.testing.assert_array_equal(view, whole & NUCLEOTIDE_BITS)


def test_corpus_is_not_changed(make_resident: MakeResident) -> None:
    resident = make_resident([300, 200])
    before = resident.codes.clone()
    draws = Augmentation(mask=1.0, drop_tracks=1.0).draw(2, seed=0, epoch=0, step=0)
    layouts = placed(resident.lengths, {"gap": 32, "chunk_nt": 1024}, np.arange(2))
    make_views(resident, np.arange(2), draws, layouts)
    assert torch.equal(resident.codes, before)


def test_no_views(make_resident: MakeResident) -> None:
    draws = Augmentation().draw(0, seed=0, epoch=0, step=0)
    assert make_views(make_resident([10]), np.empty(0, np.int64), draws, []) == []


def test_chunk_that_begins_with_padding(make_resident: MakeResident) -> None:
    resident = make_resident([100])
    layouts = [PackLayout(np.zeros(1, np.int64), np.array([64]), (1, 256))]
    draws = Augmentation(mask=0.15).draw(1, seed=0, epoch=0, step=0)
    (codes,) = views_in(make_views(resident, np.zeros(1, np.int64), draws, layouts), layouts).values()
    np.testing.assert_array_equal(codes, plain_view(resident, 0, draws, 0))


def test_layout_of_chunks(make_resident: MakeResident) -> None:
    resident = make_resident([100, 64, 33])
    draws = Augmentation(max_shift=3).draw(3, seed=0, epoch=0, step=1)
    layouts = placed(resident.lengths + draws.shift, {"gap": 128, "chunk_nt": 4096}, np.arange(3))
    (chunk,) = make_views(resident, np.arange(3), draws, layouts)
    assert chunk.codes.dtype == torch.uint8
    assert tuple(chunk.codes.shape) == layouts[0].shape
    assert chunk.starts.tolist() == layouts[0].starts.tolist()
    assert chunk.lengths.tolist() == [resident.lengths[view] + draws.shift for view in layouts[0].rows]


class MappedCorpus:
    """A corpus whose codes are a read-only memory map, as a real one's are."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(range(24)))
        self.codes = np.memmap(path, np.uint8, mode="r")
        self.index = np.zeros(2, [("offset", "i8"), ("length", "i4")])
        self.index["offset"], self.index["length"] = [0, 10], [10, 14]
        self.members = np.arange(2), np.arange(3)


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusLike:
    return MappedCorpus(tmp_path / "codes.bin")


def test_memory_map_is_not_copied(corpus: CorpusLike) -> None:
    resident = DeviceCorpus(corpus)
    assert resident.codes.data_ptr() == corpus.codes.__array_interface__["data"][0]
    assert resident.codes.tolist() == list(range(24))


def test_offsets_and_lengths(corpus: CorpusLike) -> None:
    resident = DeviceCorpus(corpus)
    assert resident.offsets.tolist() == [0, 10]
    assert resident.lengths.tolist() == [10, 14]
    assert resident.offsets.dtype == resident.lengths.dtype == np.dtype(np.int64)


def test_corpus_larger_than_the_device(corpus: CorpusLike, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(torch.Tensor, "to", full)
    with pytest.raises(InputError, match=r"24 bytes, more than cuda has free; --corpus-on cpu"):
        DeviceCorpus(corpus, "cuda")
