"""scikit-learn: RNAs in, embeddings out, as a step of a pipeline."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from isoclr.embedding.embed import encoder_embedder
from isoclr.embedding.memory import rnas_in_memory
from isoclr.errors import InputError
from isoclr.models.encoder import Encoder, Precision
from isoclr.models.load import load


class IsoCLRTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Transformer of RNAs into the embeddings ``(n, dim)`` of a trained encoder.

    It has nothing to learn: ``fit`` loads the encoder. A pipeline under ``GridSearchCV`` embeds the same RNAs again for
    every fold and candidate, so give the pipeline a ``memory``, which keeps the results. It knows a model by its name:
    empty it when a directory gets other weights.

    Args:
        model: Encoder, or what :func:`isoclr.load` takes.
        orf: Use the longest open reading frame of RNAs whose coding sequence is unknown.
        precision: Type of the activations.
        device: Torch device.

    >>> import isoclr
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> pipeline = make_pipeline(IsoCLRTransformer(isoclr.create("isoclr-s", seed=0)), Ridge())
    >>> _ = pipeline.fit(["AUGGCUUGA", "GGGACGU", "CCCAUA"], [0.1, 0.5, 0.9])
    >>> pipeline.predict(["AUGGCUUGA"]).shape
    (1,)
    """

    def __init__(
        self, model: Any = "isoclr-s", *, orf: bool = True, precision: Precision = "float32", device: str = "auto"
    ) -> None:
        self.model = model
        self.orf = orf
        self.precision = precision
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002  # scikit-learn passes it
        """Load the encoder.

        Args:
            X: RNAs: a sequence of letters or of codes (:mod:`isoclr.genomics.encoding`), a data frame as
                :func:`isoclr.embed` takes it, or an array ``(n, 1)`` of letters.
            y: Not used.

        Raises:
            InputError: There is no such encoder, or ``X`` is no sequences.
        """
        _as_rnas(X)
        encoder: Encoder = load(self.model)
        self.n_embedding_ = encoder.dim
        self.n_features_in_ = 1
        self._encoder, self._sha256 = encoder, encoder.sha256
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Embeddings ``(n, dim)`` float32, one row per RNA.

        Raises:
            InputError: A sequence is empty or holds a letter that no RNA has; or, after unpickling, the model has
                other weights than those fitted with.
        """
        check_is_fitted(self)
        if self._encoder is None:  # after unpickling
            encoder = load(self.model)
            if encoder.sha256 != self._sha256:
                raise InputError(
                    f"{self.model}: weights {encoder.sha256[:12]}, but this transformer was fitted with "
                    f"{self._sha256[:12]}; fit it again, or name the model that it was fitted with"
                )
            self._encoder = encoder
        table, codes, starts = rnas_in_memory(_as_rnas(X), orf=self.orf)
        ends = starts + table["length"].to_numpy()
        parts = [codes[start:end] for start, end in zip(starts, ends, strict=True)]
        embedder = encoder_embedder(self._encoder, precision=self.precision, device=self.device)
        return embedder.embed_codes(parts)

    def get_feature_names_out(
        self,
        input_features: Any = None,  # noqa: ARG002
    ) -> NDArray[np.object_]:
        """Names of the columns: ``isoclr0``, ``isoclr1``, …"""
        check_is_fitted(self)
        return np.array([f"isoclr{i}" for i in range(self.n_embedding_)], dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        """An encoder that is known by its name is loaded again instead of copied."""
        state: dict[str, Any] = super().__getstate__()
        if "_encoder" in state and not isinstance(self.model, Encoder):
            state = {**state, "_encoder": None}
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_embedding_")

    def __sklearn_tags__(self) -> Any:
        """It takes text, and needs no labels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.requires_fit = True
        tags.no_validation = True
        return tags


def _as_rnas(given: Any) -> Any:
    """Data frames as they are; arrays ``(n, 1)`` and others as a list, whose ids do not matter."""
    if isinstance(given, str | dict):
        raise InputError("expected a list of sequences")
    if hasattr(given, "columns") and getattr(given, "ndim", 2) == 2 and given.shape[1] > 1:
        return given
    if hasattr(given, "columns"):
        given = given[given.columns[0]]
    if isinstance(given, np.ndarray) and given.dtype != np.uint8:
        if given.ndim == 2 and given.shape[1] == 1:
            given = given[:, 0]
        if given.ndim != 1:
            raise InputError(f"an array of shape {given.shape}, expected one sequence per RNA")
    return [str(one) if isinstance(one, str) else one for one in given]
