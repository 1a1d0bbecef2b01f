"""The language models that can be compared with, by name; nothing heavy is imported here.

A revision is a commit of a repository of the Hugging Face hub. The commits written here are those that public projects
pin; none could be fetched and verified where this was written. Where no commit was found there is None, and the user
names one.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from isoclr._console import info, table
from isoclr.errors import InputError

FamilyName = Literal["dnabert", "dnabert-2", "nucleotide-transformer", "hyenadna", "rna-fm"]
Published = Literal["safetensors", "pickle"]


@dataclass(frozen=True)
class Entry:
    """One published model.

    Attributes:
        name: what ``--model`` calls it.
        family: its architecture and the way it reads a sequence.
        repo: the repository on the hub.
        revision: the commit that is fetched; None: none is known, the user must name one.
        published: how the weights lie there, as far as is known; a pickle is refused, see ``tensors.CONVERSION``.
        parameters: trained values of the body, without heads and without the positional features of HyenaDNA.
        window: tokens that it reads at once, its special tokens among them.
        hidden: size of its hidden states.
        nt_per_token: nucleotides that one more token covers, about.
        package: the optional package that it needs; "" for none.
    """

    name: str
    family: FamilyName
    repo: str
    revision: str | None
    published: Published
    parameters: int
    window: int
    hidden: int
    nt_per_token: float = 1.0
    package: Literal["", "transformers", "tokenizers"] = ""

    @property
    def dim(self) -> int:
        """Size of an embedding: mean, maximum and last state of HyenaDNA stand one after the other."""
        return self.hidden * (3 if self.family == "hyenadna" else 1)


def _dnabert(k: int, parameters: int, revision: str | None = None) -> Entry:
    return Entry(
        name=f"dnabert-{k}",
        family="dnabert",
        repo=f"zhihan1996/DNA_bert_{k}",
        revision=revision,
        published="pickle",
        parameters=parameters,
        window=512,
        hidden=768,
        package="transformers",
    )


def _transformer(size: str, data: str, revision: str | None = None) -> Entry:
    parameters, hidden = {"500m": (478_798_080, 1280), "2.5b": (2_530_726_400, 2560)}[size]
    return Entry(
        name=f"nt-{size}-{data}",
        family="nucleotide-transformer",
        repo=f"InstaDeepAI/nucleotide-transformer-{size}-{data}",
        revision=revision,
        published="pickle",
        parameters=parameters,
        window=1000,
        hidden=hidden,
        nt_per_token=6.0,
        package="transformers",
    )


def _hyena(name: str, repo: str, revision: str, parameters: int, window: int, hidden: int) -> Entry:
    return Entry(
        name=f"hyenadna-{name}",
        family="hyenadna",
        repo=f"LongSafari/hyenadna-{repo}-hf",
        revision=revision,
        published="safetensors",
        parameters=parameters,
        window=window,
        hidden=hidden,
    )


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
        published="pickle",
        parameters=116_477_952,
        window=512,
        hidden=768,
        nt_per_token=5.0,
        package="tokenizers",
    ),
    _transformer("500m", "1000g"),
    _transformer("500m", "human-ref"),
    _transformer("2.5b", "1000g"),
    _transformer("2.5b", "multi-species", "b746b125aacd1b0970c05a32fd71ba726754542e"),
    _hyena(
        "tiny-1k", "tiny-1k-seqlen", "e8c1effa8673814e257e627d2e1eda9ea5a373f6", 436_096, 1_024, 128
    ),
    _hyena(
        "tiny-1k-d256",
        "tiny-1k-seqlen-d256",
        "6036d4e144922b44470294f510cbfd2539ba3b7e",
        1_641_088,
        1_024,
        256,
    ),
    _hyena(
        "tiny-16k-d128",
        "tiny-16k-seqlen-d128",
        "d79fa37e2cd62dd338103c630f95be8f90812d46",
        436_096,
        16_384,
        128,
    ),
    _hyena(
        "small-32k",
        "small-32k-seqlen",
        "8fe770c78eb13fe33bf81501612faeddf4d6f331",
        3_277_568,
        32_768,
        256,
    ),
    _hyena(
        "medium-160k",
        "medium-160k-seqlen",
        "7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce",
        6_550_528,
        160_000,
        256,
    ),
    _hyena(
        "medium-450k",
        "medium-450k-seqlen",
        "42dedd4d374eac0fb8168549e546a3472fbd27ae",
        6_550_528,
        450_000,
        256,
    ),
    _hyena(
        "large-1m",
        "large-1m-seqlen",
        "0a629abf9c7f85b4ec9aa6a1aefa3adcf1907446",
        6_550_528,
        1_000_000,
        256,
    ),
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
CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""Every model by its name."""


def is_language_model(name: str) -> bool:
    """Whether the catalogue has a model of this name."""
    return name in CATALOGUE


def find_entry(name: str) -> Entry:
    """The model of this name.

    Raises:
        InputError: there is none.

    >>> find_entry("hyenadna-tiny-1k").dim
    384
    """
    if name not in CATALOGUE:
        raise InputError(f"{name!r} is no known language model; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


CONFIG = "config.json"
_LARGEST = 10_000_000
"""No size in a config is larger; a damaged file must not fill the memory."""


@dataclass(frozen=True)
class Settings:
    """A config and where it lies.

    Attributes:
        path: the file.
        values: what is in it.
    """

    path: Path
    values: dict[str, Any]

    def size(self, key: str, default: int | None = None) -> int:
        """A positive whole number.

        Raises:
            InputError: it is something else, or missing without a default.
        """
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if type(value) is not int or not 0 < value <= _LARGEST:
            raise self.wrong(key, f"a whole number from 1 to {_LARGEST:,}")
        return value

    def number(self, key: str, default: float) -> float:
        """A number above 0.

        Raises:
            InputError: it is something else.
        """
        value = self.values.get(key, default)
        if type(value) not in (int, float) or not 0 < value < 1e6:
            raise self.wrong(key, "a number above 0")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false.

        Raises:
            InputError: it is something else.
        """
        value = self.values.get(key, default)
        if type(value) is not bool:
            raise self.wrong(key, "true or false")
        return value

    def must_be(self, key: str, expected: object) -> None:
        """Refuse a variant of the architecture that is not implemented; a missing value is the usual one.

        Raises:
            InputError: the value is another.
        """
        if self.values.get(key, expected) != expected:
            raise self.wrong(key, repr(expected))

    def wrong(self, key: str, expected: str) -> InputError:
        """The error of one value."""
        found = self.values.get(key, "missing")
        return InputError(f"{self.path}: {key} is {found!r}, expected {expected}")


def read_settings(path: Path) -> Settings:
    """Read a config.

    Raises:
        InputError: there is none, or it is no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: not found; expected a model's config") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a model's config ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a model's config (no JSON object)")
    return Settings(path, values)


_HEADS = ("language model", "parameters", "window (tokens)", "dim", "weights", "pinned", "needs")


def list_models() -> None:
    """What isoclr embed --model can be: encoders that ship with isoclr, and language models of other groups.

    Weights of language models are fetched from the Hugging Face hub at a pinned commit, as safetensors only. Where
    only a pickle is published, embed tells how to convert it and to give the folder as --model-dir; where no commit is
    pinned, name one with --revision.
    """
    shipped = list(_shipped())
    if shipped:
        table("encoders that ship", ("model", "parameters", "dim"), shipped)
    table("language models of other groups", _HEADS, _published())
    info("also: the folder of a trained model, or user/name@revision of the Hugging Face hub")


def _shipped() -> Iterable[tuple[object, ...]]:
    from isoclr.models.load import PRETRAINED_DIR, load

    for directory in sorted(PRETRAINED_DIR.iterdir()) if PRETRAINED_DIR.is_dir() else ():
        if directory.is_dir():
            encoder = load(directory)
            yield directory.name, encoder.num_parameters, encoder.dim


def _published() -> Iterable[tuple[object, ...]]:
    for entry in CATALOGUE.values():
        yield (
            entry.name,
            entry.parameters,
            entry.window,
            entry.dim,
            entry.published,
            (entry.revision or "–")[:8],
            entry.package or "–",
        )
