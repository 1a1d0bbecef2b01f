"""Language models of other groups that can be compared with, by name; nothing heavy is imported here.

A revision is a commit of a repository of the Hugging Face hub. The commits written here are those that public projects
pin; none could be downloaded and verified where this was written. Where no commit is known, the user names one.
"""

from dataclasses import dataclass
from typing import Literal

from isoclr.errors import InputError

CONFIG = "config.json"
FamilyName = Literal["dnabert", "dnabert-2", "nucleotide-transformer", "hyenadna", "rna-fm"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One published model."""

    name: str  # What --model calls it
    family: FamilyName  # Architecture and tokenizer
    repo: str  # Repository on the hub
    revision: str | None = None  # Commit that is downloaded; None: the user must name one
    published: Literal["safetensors", "pickle"] = "pickle"
    """Format of the published weights, as far as is known; a pickle is refused."""
    parameters: int
    """Trained values of the body, without heads and without the positional features of HyenaDNA."""
    window: int  # Tokens that it reads at once, special tokens included
    hidden: int = 768  # Size of its hidden states
    nt_per_token: float = 1.0  # Nucleotides per token, on average
    package: Literal["", "transformers", "tokenizers"] = ""  # Optional package that it needs; "" for none

    @property
    def dim(self) -> int:
        """Size of an embedding; for HyenaDNA the mean, maximum and last hidden state are concatenated."""
        return self.hidden * (3 if self.family == "hyenadna" else 1)


def _dnabert(k: int, parameters: int, revision: str | None = None) -> Entry:
    return Entry(
        name=f"dnabert-{k}",
        family="dnabert",
        repo=f"zhihan1996/DNA_bert_{k}",
        revision=revision,
        parameters=parameters,
        window=512,
        package="transformers",
    )


def _nucleotide_transformer(size: str, data: str, revision: str | None = None) -> Entry:
    parameters, hidden = {"500m": (478_798_080, 1280), "2.5b": (2_530_726_400, 2560)}[size]
    return Entry(
        name=f"nt-{size}-{data}",
        family="nucleotide-transformer",
        repo=f"InstaDeepAI/nucleotide-transformer-{size}-{data}",
        revision=revision,
        parameters=parameters,
        window=1000,
        hidden=hidden,
        nt_per_token=6.0,
        package="transformers",
    )


def _hyenadna(name: str, revision: str, parameters: int, window: int, hidden: int) -> Entry:
    size, length, *width = name.split("-")
    return Entry(
        name=f"hyenadna-{name}",
        family="hyenadna",
        repo=f"LongSafari/hyenadna-{'-'.join([size, length, 'seqlen', *width])}-hf",
        revision=revision,
        published="safetensors",
        parameters=parameters,
        window=window,
        hidden=hidden,
    )


_HYENADNA = (
    ("tiny-1k", "e8c1effa8673814e257e627d2e1eda9ea5a373f6", 436_096, 1_024, 128),
    ("tiny-1k-d256", "6036d4e144922b44470294f510cbfd2539ba3b7e", 1_641_088, 1_024, 256),
    ("tiny-16k-d128", "d79fa37e2cd62dd338103c630f95be8f90812d46", 436_096, 16_384, 128),
    ("small-32k", "8fe770c78eb13fe33bf81501612faeddf4d6f331", 3_277_568, 32_768, 256),
    ("medium-160k", "7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce", 6_550_528, 160_000, 256),
    ("medium-450k", "42dedd4d374eac0fb8168549e546a3472fbd27ae", 6_550_528, 450_000, 256),
    ("large-1m", "0a629abf9c7f85b4ec9aa6a1aefa3adcf1907446", 6_550_528, 1_000_000, 256),
)
"""Name, commit, parameters, window, size of the hidden states."""

_ENTRIES = (
    _dnabert(3, 85_503_744),
    _dnabert(4, 85_651_200),
    _dnabert(5, 86_241_024),
    _dnabert(6, 88_600_320, "55e0c0eb7b734c8b9b77bc083bf89eb6fbda1341"),
    Entry(
        name="dnabert-2",
        family="dnabert-2",
        repo="zhihan1996/DNABERT-2-117M",
        revision="7bce263b15377fc15361f52cfab88f8b586abda0",
        parameters=116_477_952,
        window=512,
        nt_per_token=5.0,
        package="tokenizers",
    ),
    _nucleotide_transformer("500m", "1000g"),
    _nucleotide_transformer("500m", "human-ref"),
    _nucleotide_transformer("2.5b", "1000g"),
    _nucleotide_transformer("2.5b", "multi-species", "b746b125aacd1b0970c05a32fd71ba726754542e"),
    *(_hyenadna(*row) for row in _HYENADNA),
    Entry(
        name="rna-fm",
        family="rna-fm",
        repo="multimolecule/rnafm",
        revision="bcf7cc6e8f4385449c0288b3e1f41f21d68f1be3",
        published="safetensors",
        parameters=99_110_400,
        window=1_024,
        hidden=640,
    ),
)
CATALOG: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}  # Every model by its name


def find_entry(name: str) -> Entry:
    """The model of this name.

    >>> find_entry("hyenadna-tiny-1k").dim
    384
    """
    if name not in CATALOG:
        raise InputError(f"{name!r} is not a language model; there are {', '.join(CATALOG)}")
    return CATALOG[name]
