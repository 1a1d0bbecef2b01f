from isoclr.views import Stream, generator


def test_random_numbers_differ_by_purpose_and_key() -> None:
    keys = [
        (0, Stream.MASK, 1, 2),
        (0, Stream.SHIFT, 1, 2),
        (1, Stream.MASK, 1, 2),
        (0, Stream.MASK, 2, 1),
    ]
    assert len({generator(*key).integers(2**62) for key in keys}) == len(keys)
