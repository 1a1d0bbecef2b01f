"""The transformer within scikit-learn."""

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks as checks

from isoclr.errors import InputError
from isoclr.integrations.sklearn import IsoCLRTransformer
from isoclr.models.encoder import Encoder

# scikit-learn itself runs no check on an estimator that takes no matrix of numbers (tags.input_tags.two_d_array).
# These are its checks that make no such matrix. The others fit on random numbers, which are no RNAs: excluded are
# check_estimators_dtypes, check_complex_data, check_dtype_object, check_estimators_nan_inf, check_estimator_sparse_*,
# check_fit2d_*, check_fit1d, check_n_features_in, check_estimators_overwrite_params, check_readonly_memmap_input and
# check_f_contiguous_array_estimator. What check_fit_idempotent, check_dict_unchanged, check_estimators_pickle,
# check_methods_sample_order_invariance, check_methods_subset_invariance, check_estimators_unfitted,
# check_transformer_general, check_transformer_get_feature_names_out and check_set_output_transform ask is tested below
# on RNAs.
CHECKS = [
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_mixin_order",
]
RNAS = ["AUGGCUUGA", "GGGACGU", "CCCAUA" * 9, "UUUUA", "GCGC" * 20, "AUAU" * 11]


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_checks(check: str) -> None:
    if not hasattr(checks, check):
        pytest.skip("not in this version of scikit-learn")
    getattr(checks, check)("IsoCLRTransformer", IsoCLRTransformer())


def test_embeddings_in_every_form_of_input(encoder: Encoder) -> None:
    made = IsoCLRTransformer(encoder).fit(RNAS)
    expected = encoder.embed(RNAS)
    frame = pd.DataFrame({"sequence": RNAS})
    for given in (RNAS, np.array(RNAS), np.array(RNAS)[:, None], pd.Series(RNAS), frame):
        assert np.array_equal(made.transform(given), expected)
    assert np.allclose(made.transform(RNAS[::-1])[::-1], expected, atol=1e-5)  # order, subsets
    assert np.allclose(made.transform(RNAS[2:3]), expected[2:3], atol=1e-5)
    assert np.allclose(made.fit_transform(RNAS), expected, atol=1e-5)


def test_fitting_changes_nothing_that_was_given(encoder: Encoder) -> None:
    made, given = IsoCLRTransformer(encoder), list(RNAS)
    first = made.fit(given).transform(given)
    before = {name: value for name, value in vars(made).items() if name != "_encoder"}
    made.transform(given)
    assert {name: value for name, value in vars(made).items() if name != "_encoder"} == before
    assert given == RNAS
    assert np.array_equal(made.fit(given).transform(given), first)


def test_columns_have_names(encoder: Encoder) -> None:
    made = IsoCLRTransformer(encoder).set_output(transform="pandas").fit(RNAS)
    names = list(made.get_feature_names_out())
    assert names[:2] == ["isoclr0", "isoclr1"]
    assert list(made.transform(RNAS).columns) == names
    assert len(names) == encoder.dim


def test_a_copy_of_a_named_encoder_holds_no_weights(encoder: Encoder, tmp_path: Any) -> None:
    by_name = IsoCLRTransformer(str(encoder.save(tmp_path / "model"))).fit(RNAS)
    data = pickle.dumps(by_name)
    assert len(data) < 2_000
    for other in (pickle.loads(data), copy.deepcopy(by_name)):
        assert np.array_equal(other.transform(RNAS), by_name.transform(RNAS))


def test_a_copy_of_a_named_encoder_with_other_weights_is_refused(encoder: Encoder, tmp_path: Any) -> None:
    folder = encoder.save(tmp_path / "model")
    data = pickle.dumps(IsoCLRTransformer(str(folder)).fit(RNAS))
    other = copy.deepcopy(encoder)
    other.network.stem.bias.data.add_(1)
    other.save(folder)
    with pytest.raises(InputError, match=f"model: weights {other.sha256[:12]}, but .* with {encoder.sha256[:12]}"):
        pickle.loads(data).transform(RNAS)


@pytest.mark.parametrize("bad", ["AUG", [""], ["AUG", "A!"], np.zeros((3, 4)), [1.5]])
def test_what_is_no_rna_is_refused(encoder: Encoder, bad: Any) -> None:
    with pytest.raises(InputError):
        IsoCLRTransformer(encoder).fit(bad).transform(bad)


def test_it_must_be_fitted() -> None:
    with pytest.raises(NotFittedError):
        IsoCLRTransformer().transform(RNAS)


def test_grid_search_over_a_pipeline(encoder: Encoder, tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    rnas = ["".join(rng.choice(list("ACGU"), 90, p=[0.4 - s, 0.1 + s, s, 0.5 - s])) for s in rng.uniform(0, 0.4, 60)]
    share = np.array([(rna.count("C") + rna.count("G")) / 90 for rna in rnas])
    steps = [("embed", IsoCLRTransformer(encoder)), ("ridge", Ridge())]
    pipeline = Pipeline(steps, memory=str(tmp_path / "cache"))
    search = GridSearchCV(pipeline, {"ridge__alpha": [1e-3, 1.0], "embed__orf": [True]}, cv=3)
    search.fit(rnas[:45], share[:45])
    assert np.corrcoef(search.predict(rnas[45:]), share[45:])[0, 1] > 0.9
    assert clone(search.best_estimator_).get_params()["embed__orf"] is True
