"""Embeddings by other groups' language models of DNA and RNA, from their published weights and by the paper's rules.

Nothing that a repository contains is ever executed, and no pickle is read: the architectures stand here, or in the
package transformers, and weights come as safetensors.
"""

from isoclr.baselines.language_models.catalogue import CATALOGUE, Entry, is_language_model
from isoclr.baselines.language_models.model import LanguageModel, open_language_model

__all__ = ["CATALOGUE", "Entry", "LanguageModel", "is_language_model", "open_language_model"]
