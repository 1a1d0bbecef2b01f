"""What a build is to do: inputs and options from the command line and from files, checked before any work."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from isoclr.corpus.coding import OrfCalling
from isoclr.corpus.inputs import (
    Input,
    existing_file,
    gene_id_tables,
    make_input,
    parse_input,
    read_toml,
)
from isoclr.corpus.part import Options
from isoclr.errors import InputError
from isoclr.gene_sets import Scope
from isoclr.orf import MIN_LENGTH

DEFAULTS: dict[str, Any] = {
    "homology": None,
    "gene_ids": (),
    "scope": "across-species",
    "orf": True,
    "orf_min_length": MIN_LENGTH,
    "noncoding": True,
    "max_length": 12_288,
    "jobs": 0,
    "shard": None,
}
"""Options that a TOML file may set, and their defaults."""

_TYPES = {"orf": bool, "orf_min_length": int, "noncoding": bool, "max_length": int, "jobs": int}


@dataclass(frozen=True)
class Plan:
    """All that a build does, checked."""

    inputs: list[Input]
    species: list[str]
    homology: Path | None
    gene_ids: dict[str, Path]
    scope: Scope
    jobs: int
    options: Options

    @property
    def files(self) -> list[Path]:
        """Every file that is read, once."""
        paths = [path for source in self.inputs for path in source.files]
        paths += [*self.gene_ids.values(), *([self.homology] if self.homology else [])]
        return list(dict.fromkeys(paths))


def make_plan(
    files: Sequence[Path], one: Mapping[str, Any], words: Sequence[str], given: Mapping[str, Any]
) -> Plan:
    """Inputs and options from everywhere they may come from.

    Args:
        files: TOML files.
        one: species, transcripts, genome and annotation of the one input that is given by options.
        words: inputs in one word each.
        given: the options (:data:`DEFAULTS`' keys); one that differs from its default wins over a file's.

    Raises:
        InputError: no input, or a wrong option.
    """
    found: list[Input] = []
    if any(one.values()):
        found.append(make_input(one, "the input"))
    found += [parse_input(word) for word in words]
    options = dict(given)
    for file in files:
        more, said = read_toml(file, tuple(DEFAULTS))
        found += more
        options |= {key: said[key] for key in said if given[key] == DEFAULTS[key]}
    if not found:
        raise InputError(
            "nothing to build from: give --species and its files, --input, or a TOML file"
        )
    species = list(dict.fromkeys(each.species for each in found))
    _check(options)
    return Plan(
        found,
        species,
        None if options["homology"] is None else existing_file(options["homology"], "--homology"),
        gene_id_tables(options["gene_ids"], species),
        options["scope"],
        options["jobs"] or os.cpu_count() or 1,
        Options(
            OrfCalling(options["orf"], options["orf_min_length"]),
            options["noncoding"],
            options["max_length"],
            _shard(options["shard"]),
        ),
    )


def _check(options: Mapping[str, Any]) -> None:
    """Refuse values that an option cannot have; files may say anything."""
    for key, kind in _TYPES.items():
        if type(options[key]) is not kind:
            raise InputError(f"{key} is {options[key]!r}, expected {kind.__name__}")
    if options["scope"] not in get_args(Scope):
        raise InputError(
            f"scope is {options['scope']!r}, expected one of {', '.join(get_args(Scope))}"
        )
    for key, least in (("max_length", 1), ("orf_min_length", 6), ("jobs", 0)):
        if options[key] < least:
            raise InputError(f"{key} is {options[key]}, expected at least {least}")


def _shard(said: str | None) -> tuple[int, int] | None:
    """``i/n`` as numbers."""
    if said is None:
        return None
    number, _, of = str(said).partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise InputError(f"shard is {said!r}, expected i/n with 1 ≤ i ≤ n, such as 1/4")
    return int(number), int(of)
