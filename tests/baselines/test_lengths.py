import numpy as np

from isoclr.baselines.lengths import Length


def test_one_logarithm_an_rna() -> None:
    seen: list[int] = []
    found = Length().embed([np.zeros(8, np.uint8), np.zeros(1024, np.uint8)], seen.append)
    assert found.tolist() == [[3.0], [10.0]]
    assert found.dtype == np.float32
    assert sum(seen) == 1032
