"""What a corpus is built from: one species' transcripts, or its genome and annotation, many times over."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoclr.errors import InputError
from isoclr.genomics.species import find

KEYS = ("species", "transcripts", "genome", "annotation")


@dataclass(frozen=True)
class Input:
    """One species' transcripts from one place.

    Attributes:
        species: the species' name.
        transcripts: a FASTA of mature RNAs, or
        genome: a FASTA of chromosomes.
        annotation: where genes, exons and coding sequences are; a genome needs one.
    """

    species: str
    transcripts: Path | None
    genome: Path | None
    annotation: tuple[Path, ...]

    @property
    def files(self) -> list[Path]:
        """All files of the input."""
        return [path for path in (self.transcripts, self.genome, *self.annotation) if path]

    @property
    def name(self) -> str:
        """A short name for a progress bar."""
        path = self.transcripts or self.genome
        return f"{self.species}: {path.name if path else ''}"


def make_input(said: Mapping[str, Any], where: str, folder: Path = Path()) -> Input:
    """Check one input.

    Args:
        said: species, transcripts or genome, annotation (one path or several).
        where: what to call it in an error.
        folder: what relative paths are relative to.

    Raises:
        InputError: an unknown or missing key, a value that is no text, a file that is not there.
    """
    _refuse_unknown(said, KEYS, where)
    species = said.get("species")
    if not isinstance(species, str) or not species.strip():
        raise InputError(f"{where}: species is {species!r}, expected a name such as human")
    if (said.get("transcripts") is None) == (said.get("genome") is None):
        found = "both" if said.get("genome") is not None else "neither"
        raise InputError(f"{where}: {found} of transcripts and genome given, expected one")
    files = said.get("annotation")
    several = files if isinstance(files, list | tuple) else [] if files is None else [files]
    annotation = tuple(existing_file(file, f"{where}: annotation", folder) for file in several)
    if said.get("genome") is not None and not annotation:
        raise InputError(
            f"{where}: a genome without annotation, expected one that says where genes are"
        )
    paths = {
        key: None if said.get(key) is None else existing_file(said[key], f"{where}: {key}", folder)
        for key in ("transcripts", "genome")
    }
    return Input(known_name(species), paths["transcripts"], paths["genome"], annotation)


def known_name(species: str) -> str:
    """The short name of a species that is known (hg38, Homo sapiens: human), any other as it is."""
    found = find(species)
    return found.name if found else species.strip()


def parse_input(text: str) -> Input:
    """An input in one word: ``species=human,transcripts=T.fa.gz,annotation=A.gtf.gz``.

    ``annotation`` may be repeated.
    """
    where = f"--input {text}"
    said: dict[str, Any] = {}
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        if not equals or not value:
            raise InputError(
                f"{where}: {pair!r} found, expected KEY=VALUE with a key of {_listed(KEYS)}"
            )
        if key == "annotation":
            said.setdefault(key, []).append(value)
        elif key in said:
            raise InputError(f"{where}: {key} given twice")
        else:
            said[key] = value
    return make_input(said, where)


def read_toml(path: Path, options: Sequence[str]) -> tuple[list[Input], dict[str, Any]]:
    """Inputs and options of a TOML file; relative paths are relative to the file.

    Args:
        path: the file: ``[[input]]`` tables, and options of ``isoclr build`` at its top.
        options: the options it may set.

    Raises:
        InputError: not TOML, an unknown key, or an input that is wrong.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    tables = said.pop("input", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path}: input is {tables!r}, expected [[input]] tables")
    _refuse_unknown(said, options, str(path))
    inputs = [
        make_input(table, f"{path}: input {number}", path.parent)
        for number, table in enumerate(tables, 1)
    ]
    return inputs, {key: _located(key, value, path) for key, value in said.items()}


def _located(key: str, value: Any, path: Path) -> Any:
    """An option's value, its paths relative to the file that says it."""
    if key == "homology":
        return existing_file(value, f"{path}: homology", path.parent)
    if key == "gene_ids":
        tables = value if isinstance(value, dict) else {"": value}
        return {
            name: existing_file(file, f"{path}: gene_ids", path.parent)
            for name, file in tables.items()
        }
    return value


def gene_id_tables(
    said: Sequence[str] | Mapping[str, Any], species: Sequence[str]
) -> dict[str, Path]:
    """Tables of gene ids by species, from ``FILE`` (when there is one species) or ``species=FILE`` words.

    Raises:
        InputError: a file without a species among several, a species that no input has, a missing file.
    """
    pairs = (
        said.items() if isinstance(said, Mapping) else [_species_and_file(word) for word in said]
    )
    tables: dict[str, Path] = {}
    for name, file in pairs:
        if not name and len(species) != 1:
            raise InputError(
                f"--gene-ids {file}: for which of {_listed(species)}? expected SPECIES={file}"
            )
        name = known_name(name) if name else species[0]
        if name not in species:
            raise InputError(
                f"--gene-ids {name}={file}: no input of {name!r}, found {_listed(species)}"
            )
        tables[name] = existing_file(file, f"--gene-ids {name}")
    return tables


def _species_and_file(word: str) -> tuple[str, str]:
    name, equals, file = str(word).partition("=")
    return (name, file) if equals and not Path(word).exists() else ("", str(word))


def existing_file(said: Any, where: str, folder: Path = Path()) -> Path:
    """The path of a file, relative paths being relative to ``folder``.

    Raises:
        InputError: no path, or no file there; ``where`` says what it is of.
    """
    if not isinstance(said, str | Path):
        raise InputError(f"{where} is {said!r}, expected a path")
    path = folder / Path(said).expanduser()
    if not path.is_file():
        raise InputError(
            f"{where}: {path} is a directory, expected a file"
            if path.is_dir()
            else f"{where}: no file {path}"
        )
    return path


def _refuse_unknown(said: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in said:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}, expected one of {_listed(known)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
