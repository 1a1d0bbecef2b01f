"""The model card: what a repository says of itself."""

from pathlib import Path

from isoclr.errors import InputError
from isoclr.models.encoder import Encoder

CARD = "README.md"
_TRACKS = {
    4: "sequence",
    5: "sequence and codon starts",
    6: "sequence, codon starts and exon ends",
}


def card(directory: Path, encoder: Encoder, *, repo: str, sha256: str) -> str:
    """The card beside the weights, or a short one that says only what the weights themselves tell.

    Raises:
        InputError: the card is not text.
    """
    path = directory / CARD
    if not path.exists():
        return written(encoder, repo=repo, sha256=sha256)
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: not a text in UTF-8 ({error})") from error


def written(encoder: Encoder, *, repo: str, sha256: str) -> str:
    """A card from the model alone: its shape, its sum, how to use it; nothing about what it was not measured on."""
    return f"""---
library_name: isoclr
tags:
- rna
- biology
---

# {repo.partition("/")[2]}

An RNA encoder for `isoclr`: mature RNAs in, one vector per RNA out.

| | |
|---|---|
| architecture | {encoder.name} |
| tracks | {encoder.tracks} ({_TRACKS[encoder.tracks]}) |
| embedding | {encoder.dim} values |
| parameters | {encoder.num_parameters:,} |
| SHA-256 of `model.safetensors` | `{sha256}` |

Its author has not said what it was trained on or how well it predicts: measure it on your own labels
(`isoclr probe`) before you rely on it.

## Use

```python
import isoclr

model = isoclr.load("{repo}", revision="COMMIT")  # a commit's 40 digits, from this repository's history
vectors = model.embed(["AUGGCUUGA", "GGGACGU"])
```

or `isoclr embed my.fa --model {repo}@COMMIT -o my.parquet`. A commit names the same weights for ever; a branch can
move.
"""
