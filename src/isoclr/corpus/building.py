"""``isoclr build``: annotations and sequences of many species → one corpus."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from rich.progress import Progress

from isoclr import gene_sets
from isoclr.accessions import without_versions
from isoclr.console import progress, say
from isoclr.corpus.assembling import assemble, check_target
from isoclr.corpus.codes import Codes
from isoclr.corpus.facts import facts
from isoclr.corpus.part import Part
from isoclr.corpus.planning import Plan, make_plan
from isoclr.corpus.reader import Corpus, open_corpus
from isoclr.corpus.reading import read_part
from isoclr.files import as_paths, atomic_directory, sha256
from isoclr.gene_sets import Scope
from isoclr.orf import MIN_LENGTH
from isoclr.species import taxid_of

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
    say(f"{corpus!r}")
    return corpus


def _build(plan: Plan, folder: Path, bar: Progress) -> None:
    """Read every input, number the gene sets, write."""
    with _threads(4) as hashing:
        sums = {path: hashing.submit(sha256, path) for path in plan.files}
        parts = _read_all(plan, folder, bar)
        for part in parts:
            for message in part.says:
                say(message)
        table = _one_table(parts)
        table, mapped = _assign(table, plan)
        _say_unmapped(plan, mapped)
        meta = facts(plan, parts, mapped, {path: sum_.result() for path, sum_ in sums.items()})
    step = bar.add_task("write", total=table.height)
    assemble(folder, table, [part.codes for part in parts], meta, lambda n: bar.advance(step, n))
    bar.update(step, completed=table.height)
    for file in folder.glob(f"*{_SPILLED}"):
        file.unlink()


def _read_all(plan: Plan, folder: Path, bar: Progress) -> list[Part]:
    """Every input as a part, several at a time; their codes wait on disk, not in memory."""
    threads = max(1, plan.jobs // len(plan.inputs))
    tasks = [bar.add_task(source.name, total=None) for source in plan.inputs]
    genes = {name: gene_sets.read_gene_ids(path) for name, path in plan.gene_ids.items()}

    def read(number: int) -> Part:
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


def _one_table(parts: Sequence[Part]) -> pl.DataFrame:
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
    sets = gene_sets.assign(genes, plan.homology, plan.gene_ids, plan.scope)
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
        say(f"{name}: none of its {genes:,} genes is in {plan.homology.name}; {why}")
