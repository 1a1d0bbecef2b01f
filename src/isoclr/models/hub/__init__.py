"""Exchange of models with the Hugging Face hub, or a server that speaks as it does.

A model there is what it is on disk: ``config.json`` and ``model.safetensors``. It is asked for by its revision, so
that the same line gives the same weights years later, and nothing else of a repository is ever downloaded. The hub's
client is imported when it is needed: loading a model from disk does not wait for it.
"""
