"""``isoclr build``: annotations and sequences of many species → one corpus."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
from rich.progress import Progress

from isoclr._console import info, progress
from isoclr._io import as_paths, atomic_directory, sha256
from isoclr.corpus.cds import OrfCalling
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.inputs import (
    Input,
    existing_file,
    gene_id_tables,
    make_input,
    parse_input,
    read_toml,
)
from isoclr.corpus.transcripts import Options, TranscriptTable, read_part
from isoclr.corpus.write import add, assemble, check_target
from isoclr.errors import InputError
from isoclr.genomics.encoding import MIN_LENGTH, Codes
from isoclr.genomics.homology import Scope, assign, read_gene_ids
from isoclr.genomics.species import taxid_of, without_versions

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


def metadata(
    plan: Plan,
    parts: Sequence[TranscriptTable],
    mapped: Mapping[str, tuple[int, int]],
    checksums: Mapping[Path, str],
) -> dict[str, Any]:
    """Everything but what the writer adds.

    Args:
        plan: what was asked for.
        parts: what came of every input.
        mapped: species → (genes that homology knows, genes).
        checksums: input file → SHA-256.
    """

    def of_file(path: Path | None) -> dict[str, Any] | None:
        if path is None:
            return None
        return {"name": path.name, "size": path.stat().st_size, "sha256": checksums[path]}

    inputs = [
        {
            "species": source.species,
            "transcripts": of_file(source.transcripts),
            "genome": of_file(source.genome),
            "annotation": [of_file(path) for path in source.annotation],
            "records": part.records,
            **part.facts,
        }
        for source, part in zip(plan.inputs, parts, strict=True)
    ]
    return {
        "options": _options(plan),
        "shard": list(plan.options.shard) if plan.options.shard else None,
        "species": plan.species,
        "inputs": inputs,
        "homology": of_file(plan.homology),
        "gene_ids": {name: of_file(path) for name, path in sorted(plan.gene_ids.items())},
        "by_species": _by_species(plan, parts, mapped),
    }


def _options(plan: Plan) -> dict[str, Any]:
    options = plan.options
    return {
        "scope": plan.scope,
        "orf": options.calling.on,
        "orf_min_length": options.calling.min_length,
        "noncoding": options.noncoding,
        "max_length": options.max_length,
    }


def _by_species(
    plan: Plan, parts: Sequence[TranscriptTable], mapped: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """Species → records seen, genes, and what was dropped and noted."""
    counts: dict[str, Any] = {}
    for name in plan.species:
        known, genes = mapped.get(name, (0, 0))
        counts[name] = {"records": 0, "genes": genes, "mapped_genes": known}
        counts[name] |= {"dropped": {}, "noted": {}}
    for source, part in zip(plan.inputs, parts, strict=True):
        here = counts[source.species]
        here["records"] += part.seen
        add(here["dropped"], part.dropped)
        add(here["noted"], part.noted)
    return counts


_SPILLED = ".codes"


def build(
    inputs: tuple[Path, ...] = (),
    *,
    out: Path,
    species: str | None = None,
    transcripts: Path | None = None,
    genome: Path | None = None,
    annotation: tuple[Path, ...] = (),
    input: tuple[str, ...] = (),
    homology: Path | None = None,
    gene_ids: tuple[str, ...] = (),
    scope: Scope = "across-species",
    orf: bool = True,
    orf_min_length: int = MIN_LENGTH,
    noncoding: bool = True,
    max_length: int = 12_288,
    jobs: int = 0,
    shard: str | None = None,
    overwrite: bool = False,
) -> Corpus:
    """Turn gene annotations and sequences into a corpus: isoforms as six tracks, grouped into gene sets.

    One input is a species' transcripts (a FASTA, with or without an annotation that knows their exons and coding
    sequences) or its genome with an annotation. One input is given by --species and its files, many by --input or in a
    TOML file of [[input]] tables with the same keys:

        [[input]]
        species = "human"
        transcripts = "gencode.v41.transcripts.fa.gz"
        annotation = "gencode.v41.annotation.gtf.gz"

    At the top of the file homology, gene_ids = {human = "..."} and every other option but out may stand; paths are
    relative to the file. An option given on the command line with another value than its default wins.

    The same inputs and options give the same bytes, whatever --jobs. The corpus appears when it is whole.

    Args:
        inputs: TOML files that name inputs and options.
        out: the corpus, a new directory.
        species: the species of the one input, such as human or "Mus musculus".
        transcripts: FASTA of mature RNAs.
        genome: FASTA of chromosomes, instead of transcripts.
        annotation: GTF, GFF3, genePred, BED12 or structure table. Several may be given: of a record that
            several know, the first that agrees with its length counts.
        input: inputs in one word each: species=human,transcripts=T.fa.gz,annotation=A.gtf.gz (or genome=).
        homology: homologene.data or gene_orthologs; without it a gene set is a gene.
        gene_ids: table of Ensembl, Entrez, symbol and biotype: FILE for one species, or human=FILE mouse=FILE. The
            biotype counts where nothing says a transcript's own.
        scope: whether homologous genes of different species are one gene set.
        orf: where no coding sequence is annotated, take the longest open reading frame. Never for an RNA that is known
            not to code: by its biotype or accession, or because an annotation that marks coding sequences marks none.
        orf_min_length: shortest open reading frame to take (nt, stop codon included).
        noncoding: keep transcripts without a coding sequence.
        max_length: longer transcripts (nt) are dropped.
        jobs: threads; 0: one a core. Every input in work is held in memory.
        shard: i/n: build only the i-th of n parts, of whole genes; isoclr merge joins them.
        overwrite: replace a corpus that is there.

    Returns:
        The corpus, opened.

    Raises:
        InputError: an input or option that cannot be used, with its file and line or record.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> records = ">t1 gene:g1\\nAUGGCUUGA\\n>t2 gene:g1\\nAUGUGA\\n>t3 gene:g2\\nGGGACGU\\n"
    >>> _ = (folder / "rnas.fa").write_text(records)
    >>> corpus = isoclr.build(
    ...     out=folder / "corpus", species="human", transcripts=folder / "rnas.fa"
    ... )
    >>> len(corpus), corpus.num_gene_sets
    (3, 2)
    """
    given = {
        "homology": homology,
        "gene_ids": tuple(gene_ids),
        "scope": scope,
        "orf": orf,
        "orf_min_length": orf_min_length,
        "noncoding": noncoding,
        "max_length": max_length,
        "jobs": jobs,
        "shard": shard,
    }
    one = {
        "species": species,
        "transcripts": transcripts,
        "genome": genome,
        "annotation": annotation,
    }
    plan = make_plan(as_paths(inputs), one, input, given)
    out = Path(out)
    check_target(out, overwrite)
    with atomic_directory(out, overwrite=overwrite) as folder, progress() as bar:
        _build(plan, folder, bar)
    corpus = open_corpus(out)
    info(f"{corpus!r}")
    return corpus


def _build(plan: Plan, folder: Path, bar: Progress) -> None:
    """Read every input, number the gene sets, write."""
    with _threads(4) as hashing:
        sums = {path: hashing.submit(sha256, path) for path in plan.files}
        parts = _read_all(plan, folder, bar)
        for part in parts:
            for message in part.says:
                info(message)
        table = _one_table(parts)
        table, mapped = _assign(table, plan)
        _say_unmapped(plan, mapped)
        meta = metadata(plan, parts, mapped, {path: sum_.result() for path, sum_ in sums.items()})
    step = bar.add_task("write", total=table.height)
    assemble(folder, table, [part.codes for part in parts], meta, lambda n: bar.advance(step, n))
    bar.update(step, completed=table.height)
    for file in folder.glob(f"*{_SPILLED}"):
        file.unlink()


def _read_all(plan: Plan, folder: Path, bar: Progress) -> list[TranscriptTable]:
    """Every input as a part, several at a time; their codes wait on disk, not in memory."""
    threads = max(1, plan.jobs // len(plan.inputs))
    tasks = [bar.add_task(source.name, total=None) for source in plan.inputs]
    genes = {name: read_gene_ids(path) for name, path in plan.gene_ids.items()}

    def read(number: int) -> TranscriptTable:
        def advance(done: int, total: int) -> None:
            bar.update(tasks[number], advance=done, total=total)

        source = plan.inputs[number]
        part = read_part(source, plan.options, threads, advance, genes.get(source.species))
        part.codes = _spill(part.codes, folder / f"{number}{_SPILLED}")
        return part

    with _threads(min(plan.jobs, len(plan.inputs))) as pool:
        parts = [pool.submit(read, number) for number in range(len(plan.inputs))]
        for part in as_completed(parts):
            part.result()  # an error ends the build at once, not when its turn comes
    return [part.result() for part in parts]


@contextmanager
def _threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that, when the block is left by an error, starts nothing more."""
    pool = ThreadPoolExecutor(number)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _spill(codes: Codes, path: Path) -> Codes:
    """The same codes as a memory map of a file."""
    if not len(codes):
        return codes
    codes.tofile(path)
    return np.memmap(path, np.uint8, mode="r")


def _one_table(parts: Sequence[TranscriptTable]) -> pl.DataFrame:
    """The rows of all parts in the order of the inputs; ``source`` is the part that holds their codes."""
    before = 0
    tables = []
    for number, part in enumerate(parts):
        tables.append(
            part.table.with_columns(pl.col("order") + before, source=pl.lit(number, pl.Int64))
        )
        before += part.records
    return pl.concat(tables)


def _assign(table: pl.DataFrame, plan: Plan) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
    """Adds every row's gene set; species → (genes that homology knows, genes)."""
    table = table.with_columns(gene=without_versions(pl.col("gene_id")))
    symbol = pl.col("gene_symbol").filter(pl.col("gene_symbol") != "").first().fill_null("")
    genes = table.group_by("species", "gene", maintain_order=True).agg(symbol.alias("gene_symbol"))
    genes = genes.rename({"gene": "gene_id"})
    sets = assign(genes, plan.homology, plan.gene_ids, plan.scope)
    names = sets.table.select("species", "gene_set", gene="gene_id")
    table = table.join(names, on=["species", "gene"], how="left", maintain_order="left")
    return table.drop("gene"), sets.mapped


def _say_unmapped(plan: Plan, mapped: Mapping[str, tuple[int, int]]) -> None:
    """Tell of a species of which homology knows no gene: most often its name or its ids are not understood."""
    for name, (known, genes) in mapped.items():
        if plan.homology is None or known or not genes:
            continue
        why = f"a table of its gene ids may help (--gene-ids {name}=FILE)"
        if taxid_of(name) is None:
            why = "its name is not known; its NCBI taxonomy number would be"
        info(f"{name}: none of its {genes:,} genes is in {plan.homology.name}; {why}")
