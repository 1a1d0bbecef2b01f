"""What a corpus is built from and with which options: the command line's and those of TOML files."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from isoclr._config import Config, Meta, read_toml
from isoclr._io import expand_user
from isoclr.errors import InputError
from isoclr.genomics.encoding import MIN_LENGTH
from isoclr.genomics.homology import Scope
from isoclr.genomics.species import find_species


@dataclass(frozen=True, kw_only=True)
class BuildConfig(Config):
    """Options of :func:`isoclr.build`, which documents them; a TOML file may set them too."""

    scope: Scope = "across-species"
    orf: bool = True
    orf_min_length: Annotated[int, Meta(ge=6)] = MIN_LENGTH
    noncoding: bool = True
    max_length: Annotated[int, Meta(ge=1)] = 12_288
    skip_bad: bool = False
    jobs: Annotated[int, Meta(ge=0)] = 0

    @property
    def threads(self) -> int:
        """Number of threads."""
        return self.jobs or os.cpu_count() or 1


@dataclass(frozen=True)
class Input:
    """Transcripts of one species from one place."""

    species: str
    transcripts: Path | None  # FASTA of mature RNAs; None when they are spliced from a genome
    genome: Path | None  # FASTA of chromosomes
    annotation: tuple[Path, ...]  # Genes, exons and coding sequences; the first file takes precedence
    orf: bool = True  # Whether open reading frames are called where no coding sequence is annotated

    @property
    def files(self) -> list[Path]:
        """All files of the input."""
        return [path for path in (self.transcripts, self.genome, *self.annotation) if path]

    @property
    def name(self) -> str:
        """Short name for a progress bar."""
        return f"{self.species}: {self.files[0].name}"


class InputTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An ``[[input]]`` table of a TOML file."""

    species: str
    transcripts: str | None = None
    genome: str | None = None
    annotation: str | list[str] = []
    orf: bool = True


class InputFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML file of inputs; paths are relative to it, and None is for an option that it does not set."""

    input: list[InputTable] = []
    homology: str | None = None
    mane: str | None = None
    gene_ids: str | dict[str, str] | None = None
    scope: Scope | None = None
    orf: bool | None = None
    orf_min_length: int | None = None
    noncoding: bool | None = None
    max_length: int | None = None
    skip_bad: bool | None = None
    jobs: int | None = None


@dataclass(frozen=True)
class Plan:
    """Inputs and options of a build, checked."""

    inputs: list[Input]
    homology: Path | None
    gene_ids: dict[str, Path]  # Species → table of gene ids
    config: BuildConfig
    mane: Path | None = None  # Table of the MANE Select transcripts

    @property
    def species(self) -> list[str]:
        """Names of the species in order of appearance."""
        return list(dict.fromkeys(source.species for source in self.inputs))

    @property
    def files(self) -> list[Path]:
        """Every input file, once."""
        paths = [path for source in self.inputs for path in source.files]
        paths += [*self.gene_ids.values(), *(path for path in (self.homology, self.mane) if path)]
        return list(dict.fromkeys(paths))


def make_plan(
    files: Iterable[Path],
    inputs: Iterable[Input],
    homology: Path | None,
    gene_ids: Sequence[str],
    config: BuildConfig,
    mane: Path | None = None,
) -> Plan:
    """Join the inputs and options of the command line and of TOML files.

    The command line's homology, MANE table and gene ids (``FILE`` or ``species=FILE``) take precedence over those of a
    file, and so does an option that differs from its default.
    """
    files, inputs = list(files), list(inputs)
    homology = None if homology is None else existing_file(homology, "--homology")
    mane = None if mane is None else existing_file(mane, "--mane")
    tables: list[tuple[str, Path | str]] = [_species_and_file(text) for text in gene_ids]
    for path in files:
        content = read_toml(path, InputFile, what="a TOML file of [[input]] tables")
        folder = path.parent
        inputs += [
            make_input(**msgspec.structs.asdict(table), where=f"{path}: input {i}", folder=folder)
            for i, table in enumerate(content.input, 1)
        ]
        if homology is None and content.homology is not None:
            homology = existing_file(content.homology, f"{path}: homology", folder)
        if mane is None and content.mane is not None:
            mane = existing_file(content.mane, f"{path}: mane", folder)
        if not tables and content.gene_ids is not None:
            named = {"": content.gene_ids} if isinstance(content.gene_ids, str) else content.gene_ids
            tables = [(name, existing_file(file, f"{path}: gene_ids", folder)) for name, file in named.items()]
        config = _with_options_of(content, config, path)
    if not inputs:
        names = "".join(f"{path}: " for path in files)
        raise InputError(
            f"{names}nothing to build from: give --species and its files, or a TOML file of [[input]] tables"
        )
    species = list(dict.fromkeys(source.species for source in inputs))
    return Plan(inputs, homology, gene_id_tables(tables, species), config, mane)


def _with_options_of(content: InputFile, config: BuildConfig, path: Path) -> BuildConfig:
    """The config with the values of a TOML file where it has its default."""
    values = {
        field.name: getattr(content, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) == field.default
    }
    values = {name: value for name, value in values.items() if value is not None}
    try:
        return dataclasses.replace(config, **values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def make_input(
    species: str | None,
    *,
    transcripts: Path | str | None,
    genome: Path | str | None,
    annotation: Path | str | Sequence[Path | str],
    orf: bool = True,
    where: str = "the input",
    folder: Path = Path(),
) -> Input:
    """Check one input: transcripts, or a genome with an annotation."""
    if species is None or not species.strip():
        raise InputError(f"{where}: species is {species!r}, expected a name such as human")
    if (transcripts is None) == (genome is None):
        count = "both" if genome is not None else "neither"
        raise InputError(f"{where}: {count} of transcripts and genome given, expected one")
    files = [annotation] if isinstance(annotation, str | Path) else annotation
    if genome is not None and not files:
        raise InputError(f"{where}: genome without annotation, expected an annotation of its genes")

    def checked(file: Path | str | None, key: str) -> Path | None:
        return None if file is None else existing_file(file, f"{where}: {key}", folder)

    return Input(
        species=short_name(species),
        transcripts=checked(transcripts, "transcripts"),
        genome=checked(genome, "genome"),
        annotation=tuple(existing_file(file, f"{where}: annotation", folder) for file in files),
        orf=orf,
    )


def short_name(species: str) -> str:
    """The short name of a known species (hg38, Homo sapiens: human), any other name as it is."""
    known = find_species(species)
    return known.name if known else species.strip()


def gene_id_tables(tables: Iterable[tuple[str, Path | str]], species: Sequence[str]) -> dict[str, Path]:
    """Gene id tables by species; the name of the species may be empty when there is one only."""
    by_species: dict[str, Path] = {}
    for name, file in tables:
        if not name and len(species) != 1:
            raise InputError(f"--gene-ids {file}: for which of {', '.join(species)}? expected SPECIES={file}")
        name = short_name(name) if name else species[0]
        if name not in species:
            raise InputError(f"--gene-ids {name}={file}: no input of {name!r}, expected {', '.join(species)}")
        by_species[name] = existing_file(file, f"--gene-ids {name}")
    return by_species


def _species_and_file(text: str) -> tuple[str, str]:
    name, equals, file = str(text).partition("=")
    return (name, file) if equals and not Path(text).exists() else ("", str(text))


def existing_file(file: Path | str, where: str, folder: Path = Path()) -> Path:
    """Path of a file, relative paths being relative to ``folder``."""
    path = folder / expand_user(file)
    if path.is_dir():
        raise InputError(f"{where}: {path} is a directory, expected a file")
    if not path.is_file():
        raise InputError(f"{where}: no file {path}")
    return path
