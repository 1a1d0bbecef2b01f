import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from isoclr.probing.ridge import fit_ridge

PENALTIES = np.array([0.3, 3.0, 30.0, 300.0])


def data(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + d)
    features = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d)
    features -= features.mean(axis=0)
    return features, features @ rng.normal(size=d) + 5 + rng.normal(size=n) * 3


@pytest.mark.parametrize(("n", "d"), [(60, 12), (40, 90)])
@pytest.mark.parametrize("size", [1, 3])
def test_it_is_ridge_with_the_penalty_that_leaving_groups_out_prefers(
    n: int, d: int, size: int
) -> None:
    features, values = data(n, d)
    groups = (np.arange(n) // size).astype(str)
    left_out = [
        values
        - cross_val_predict(
            Ridge(alpha=penalty), features, values, groups=groups, cv=LeaveOneGroupOut()
        )
        for penalty in PENALTIES
    ]
    for i, penalty in enumerate(PENALTIES):
        alone = fit_ridge(features, values, groups, np.array([penalty]))
        assert alone.left_out == pytest.approx(left_out[i])
    found = fit_ridge(features, values, groups, PENALTIES)
    assert found.penalty == PENALTIES[np.argmin([np.mean(errors**2) for errors in left_out])]
    reference = Ridge(alpha=found.penalty).fit(features, values)
    assert found.coefficients == pytest.approx(reference.coef_, abs=1e-8)
    assert found.predict(features) == pytest.approx(reference.predict(features))


def test_copies_do_not_vouch_for_each_other() -> None:
    features, values = data(30, 20)
    noise = np.random.default_rng(1).normal(size=30) * 10
    copied, groups = np.repeat(features, 4, axis=0), np.repeat(np.arange(30), 4).astype(str)
    by_gene = fit_ridge(copied, np.repeat(values + noise, 4), groups)
    by_row = fit_ridge(copied, np.repeat(values + noise, 4), np.arange(120).astype(str))
    assert by_gene.penalty > by_row.penalty
