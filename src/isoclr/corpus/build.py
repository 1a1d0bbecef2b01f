"""``isoclr build``: annotations and sequences of many species to one corpus."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from rich.progress import Progress

from isoclr._console import info, progress
from isoclr._io import as_paths, atomic_directory, check_directory, scratch_directory, sha256
from isoclr.corpus.corpus import FILES, Corpus, map_codes, open_corpus
from isoclr.corpus.inputs import BuildConfig, Plan, make_input, make_plan
from isoclr.corpus.transcripts import TranscriptTable, read_input
from isoclr.corpus.write import assemble, empty_counts
from isoclr.genomics.annotation import read_mane
from isoclr.genomics.encoding import MIN_LENGTH
from isoclr.genomics.homology import Scope, assign_gene_sets, read_gene_ids
from isoclr.genomics.species import taxid_of, without_versions


def build(
    inputs: tuple[Path, ...] = (),
    *,
    out: Path,
    species: str | None = None,
    transcripts: Path | None = None,
    genome: Path | None = None,
    annotation: tuple[Path, ...] = (),
    homology: Path | None = None,
    gene_ids: tuple[str, ...] = (),
    mane: Path | None = None,
    scope: Scope = "across-species",
    orf: bool = True,
    orf_min_length: int = MIN_LENGTH,
    noncoding: bool = True,
    max_length: int = 12_288,
    skip_bad: bool = False,
    jobs: int = 0,
    overwrite: bool = False,
) -> Corpus:
    """Build a corpus from gene annotations and sequences: isoforms as six tracks, grouped into gene sets.

    An input is the transcripts of a species (a FASTA, with or without annotations of their exons and coding
    sequences), or a genome with an annotation. One input is given by --species and its files, any number in TOML files:

        homology = "homologene.data"
        gene_ids = { human = "ids/human.tsv" }

        [[input]]
        species = "human"
        transcripts = "gencode.v41.transcripts.fa.gz"
        annotation = "gencode.v41.annotation.gtf.gz"
        orf = false   # as --no-orf, for this input

    Paths are relative to the TOML file, and every option but --out and --overwrite may be set at its top. An option of
    the command line takes precedence if it differs from its default.

    The same inputs and options give the same bytes, whatever --jobs. An interrupted build leaves no corpus.

    Args:
        inputs: TOML files of inputs and options.
        out: New directory for the corpus.
        species: Species of the input, such as human or "Mus musculus".
        transcripts: FASTA of mature RNAs.
        genome: FASTA of chromosomes, instead of transcripts.
        annotation: GTF, GFF3, genePred, BED12 or structure tables. If several describe a record, the first one that
            agrees with its length is used.
        homology: HomoloGene's homologene.data or NCBI's gene_orthologs. Without it every gene is a gene set.
        gene_ids: Table of Ensembl id, Entrez id, symbol and biotype: FILE for one species, or human=FILE mouse=FILE.
            The biotype is used for transcripts without one of their own.
        mane: NCBI's MANE summary table. Its MANE Select transcripts stand for their genes where one of each is used, as
            do those that an annotation tags as MANE Select, Ensembl canonical or RefSeq Select.
        scope: Whether homologous genes of different species are one gene set.
        orf: Use the longest open reading frame where no coding sequence is annotated, except for RNAs known to be
            non-coding by biotype, accession or an annotation that marks coding sequences, but not theirs.
        orf_min_length: Length (nt) of the shortest open reading frame, stop codon included.
        noncoding: Keep transcripts without a coding sequence.
        max_length: Length (nt) of the longest transcript; longer ones are dropped.
        skip_bad: Leave out and count FASTA records without a name or with letters that are not nucleotides.
        jobs: Number of threads; 0 is one per core. All inputs in progress are held in memory.
        overwrite: Replace an existing corpus.

    Returns:
        The corpus, opened.

    Raises:
        InputError: An input or option that cannot be used, with its file and line or record; an annotation of another
            genome, by the stop codons in its coding sequences.

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
    config = BuildConfig(
        scope=scope,
        orf=orf,
        orf_min_length=orf_min_length,
        noncoding=noncoding,
        max_length=max_length,
        skip_bad=skip_bad,
        jobs=jobs,
    )
    given = []
    if species or transcripts or genome or annotation:
        given = [make_input(species, transcripts=transcripts, genome=genome, annotation=annotation)]
    plan = make_plan(as_paths(inputs), given, homology, gene_ids, config, mane)
    out = Path(out)
    check_directory(out, overwrite=overwrite, contents=FILES)
    with (
        scratch_directory(out) as scratch,
        atomic_directory(out, overwrite=overwrite, contents=FILES) as folder,
        progress() as bar,
    ):
        _build(plan, folder, scratch, bar)
    corpus = open_corpus(out)
    info(f"{corpus!r}")
    return corpus


def _build(plan: Plan, folder: Path, scratch: Path, bar: Progress) -> None:
    """Read every input, assign gene sets and write the corpus."""
    with _threads(4) as pool:
        digests = {path: pool.submit(sha256, path) for path in plan.files}
        parts = _read_inputs(plan, scratch, bar)
        for message in (message for part in parts for message in part.messages):
            info(message)
        table, mapped = _assign_gene_sets(_concatenate(parts), plan)
        _warn_unmapped(plan, mapped)
        if plan.mane and not table["canonical"].any():
            first = table["transcript_id"][0]
            info(f"{plan.mane}: none of its MANE Select transcripts is among those of the inputs, such as {first}")
        meta = metadata(plan, parts, mapped, {path: done.result() for path, done in digests.items()})
    task = bar.add_task("write", total=table.height)
    assemble(folder, table, [part.codes for part in parts], meta, lambda n: bar.advance(task, n))
    bar.update(task, completed=table.height)


def _read_inputs(plan: Plan, scratch: Path, bar: Progress) -> list[TranscriptTable]:
    """Read all inputs, several at a time; their codes go to files in ``scratch`` to save memory."""
    threads = max(1, plan.config.threads // len(plan.inputs))
    tasks = [bar.add_task(source.name, total=None) for source in plan.inputs]
    genes = {name: read_gene_ids(path) for name, path in plan.gene_ids.items()}

    canonical = frozenset() if plan.mane is None else read_mane(plan.mane)

    def read(number: int) -> TranscriptTable:
        def advance(done: int, total: int) -> None:
            bar.update(tasks[number], advance=done, total=total)

        source = plan.inputs[number]
        part = read_input(source, plan.config, threads, advance, genes.get(source.species), canonical=canonical)
        file = scratch / str(number)
        part.codes.tofile(file)
        part.codes = map_codes(file)
        return part

    with _threads(min(plan.config.threads, len(plan.inputs))) as pool:
        parts = [pool.submit(read, number) for number in range(len(plan.inputs))]
        for part in as_completed(parts):
            part.result()  # the first error ends the build at once
    return [part.result() for part in parts]


@contextmanager
def _threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """A thread pool that cancels its waiting tasks when the block ends with an error."""
    pool = ThreadPoolExecutor(number)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _concatenate(parts: Sequence[TranscriptTable]) -> pl.DataFrame:
    """The rows of all parts in the order of the inputs, with ``source``: the number of the part."""
    records = 0
    tables = []
    for number, part in enumerate(parts):
        order = pl.col("order") + records
        tables.append(part.table.with_columns(order, source=pl.lit(number, pl.Int64)))
        records += part.records
    return pl.concat(tables)


def _assign_gene_sets(table: pl.DataFrame, plan: Plan) -> tuple[pl.DataFrame, dict[str, tuple[int, int]]]:
    """The rows with their gene sets, and species → (genes in the homology file, genes)."""
    table = table.with_columns(gene=without_versions(pl.col("gene_id")))
    symbol = pl.col("gene_symbol").filter(pl.col("gene_symbol") != "").first().fill_null("")
    genes = table.group_by("species", gene_id="gene", maintain_order=True).agg(symbol.alias("gene_symbol"))
    sets = assign_gene_sets(genes, plan.homology, plan.gene_ids, plan.config.scope)
    names = sets.table.select("species", "gene_set", gene="gene_id")
    table = table.join(names, on=["species", "gene"], how="left", maintain_order="left")
    return table.drop("gene"), sets.mapped


def _warn_unmapped(plan: Plan, mapped: Mapping[str, tuple[int, int]]) -> None:
    """Warn about species without any gene in the homology file; usually their name or ids are not recognized."""
    for name, (in_homology, genes) in mapped.items():
        if plan.homology is None or in_homology or not genes:
            continue
        hint = f"a table of its gene ids may help (--gene-ids {name}=FILE)"
        if taxid_of(name) is None:
            hint = "its name is not known; its NCBI taxonomy number would be"
        info(f"{name}: none of its {genes:,} genes is in {plan.homology.name}; {hint}")


def metadata(
    plan: Plan, parts: Sequence[TranscriptTable], mapped: Mapping[str, tuple[int, int]], digests: Mapping[Path, str]
) -> dict[str, Any]:
    """Content of ``corpus.json``, except for what :func:`isoclr.corpus.write.write` adds.

    Args:
        mapped: Species → (genes in the homology file, genes).
        digests: Input file → SHA-256.
    """

    def identity(path: Path | None) -> dict[str, Any] | None:
        if path is None:
            return None
        return {"name": path.name, "size": path.stat().st_size, "sha256": digests[path]}

    inputs = [
        {
            "species": source.species,
            "transcripts": identity(source.transcripts),
            "genome": identity(source.genome),
            "annotation": [identity(path) for path in source.annotation],
            "records": part.records,
            **({} if source.orf else {"orf": False}),
            **part.metadata,
        }
        for source, part in zip(plan.inputs, parts, strict=True)
    ]
    options = ("scope", "orf", "orf_min_length", "noncoding", "max_length")
    return {
        "options": {name: getattr(plan.config, name) for name in options},
        "species": plan.species,
        "inputs": inputs,
        "homology": identity(plan.homology),
        "gene_ids": {name: identity(path) for name, path in sorted(plan.gene_ids.items())},
        **({"mane": identity(plan.mane)} if plan.mane else {}),
        "by_species": _by_species(plan, parts, mapped),
    }


def _by_species(plan: Plan, parts: Sequence[TranscriptTable], mapped: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Species → numbers of records and genes, and what was dropped and noted."""
    counts: dict[str, Any] = {}
    for name in plan.species:
        in_homology, genes = mapped.get(name, (0, 0))
        counts[name] = empty_counts() | {"genes": genes, "mapped_genes": in_homology}
    for source, part in zip(plan.inputs, parts, strict=True):
        entry = counts[source.species]
        entry["records"] += part.records
        entry["dropped"].update(part.dropped)
        entry["noted"].update(part.noted)
    return counts
