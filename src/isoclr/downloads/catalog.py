"""Files to download: the paper's ten species, homology, gene ids and half-lives, from their publishers.

GENCODE, UCSC and Zenodo publish MD5 sums, which are fetched with the files. NCBI publishes none and updates
``gene_orthologs`` and ``gene2ensembl`` in place, and UCSC's lists lack some gene models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isoclr._io import atomic_path, write_table
from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of

GENCODE = "https://ftp.ebi.ac.uk/pub/databases/gencode"
UCSC = "https://hgdownload.soe.ucsc.edu/goldenPath"
NCBI = "https://ftp.ncbi.nlm.nih.gov"
SALUKI = "https://raw.githubusercontent.com/vagarwal87/saluki_paper"
SALUKI_COMMIT = "6aba76beca92f64a760f252db80d1363855a9bd2"
ZENODO = "https://zenodo.org/api/records/6326409"


@dataclass(frozen=True)
class Entry:
    """A file to download."""

    name: str  # Name on the command line: human/genome, homology/homologene
    file: str  # Path below the output directory
    urls: tuple[str, ...]  # Official addresses; the next one is used if a file does not exist
    checksums: str | None = None  # Address of the publisher's list of MD5 sums or Zenodo record
    required: bool = True  # Whether the list must exist and contain the file
    optional: bool = False  # Whether the file is large and only downloaded by name

    @property
    def group(self) -> str:
        """Species, ``homology``, ``ids`` or ``labels``: the name up to the slash."""
        return self.name.partition("/")[0]


def _gencode(species: str, version: str, assembly: str) -> list[Entry]:
    base = f"{GENCODE}/Gencode_{species}/release_{version}"
    files = {
        "annotation": f"gencode.v{version}.annotation.gtf.gz",
        "genome": f"{assembly}.primary_assembly.genome.fa.gz",
    }
    return [
        Entry(f"{species}/{kind}", f"{species}/{file}", (f"{base}/{file}",), f"{base}/MD5SUMS")
        for kind, file in files.items()
    ]


def _ucsc(species: str, assembly: str) -> list[Entry]:
    base = f"{UCSC}/{assembly}/bigZips"
    genome, models = f"{assembly}.fa.gz", f"{assembly}.ncbiRefSeq.gtf.gz"
    urls = (f"{base}/genes/{models}", f"{base}/genes/ncbiRefSeq.gtf.gz")
    sums = f"{base}/genes/md5sum.txt"
    return [
        Entry(f"{species}/annotation", f"{species}/{models}", urls, sums, required=False),
        Entry(f"{species}/genome", f"{species}/{genome}", (f"{base}/{genome}",), f"{base}/md5sum.txt"),
    ]


def _half_life(species: str) -> Entry:
    file = f"all_HLs_{species}_PC1.txt"
    url = f"{SALUKI}/{SALUKI_COMMIT}/Fig2_S3/{file}"
    return Entry(f"labels/half_life_{species}", f"labels/{file}", (url,))


def _ncbi(name: str, path: str) -> Entry:
    return Entry(name, f"{name.partition('/')[0]}/{path.rpartition('/')[2]}", (f"{NCBI}/{path}",))


CATALOG: tuple[Entry, ...] = (
    *_gencode("human", "41", "GRCh38"),
    *_gencode("mouse", "M25", "GRCm38"),
    *_ucsc("chicken", "galGal6"),
    *_ucsc("worm", "ce11"),
    *_ucsc("chimpanzee", "panTro6"),
    *_ucsc("cow", "bosTau9"),
    *_ucsc("dog", "canFam4"),
    *_ucsc("fly", "dm6"),
    *_ucsc("rat", "rn7"),
    *_ucsc("zebrafish", "danRer11"),
    _ncbi("homology/homologene", "pub/HomoloGene/build68/homologene.data"),
    _ncbi("homology/gene_orthologs", "gene/DATA/gene_orthologs.gz"),
    _ncbi("ids/gene2ensembl", "gene/DATA/gene2ensembl.gz"),
    _half_life("human"),
    _half_life("mouse"),
    Entry(
        "labels/saluki_archive",
        "labels/saluki_datasets.zip",
        (f"{ZENODO}/files/datasets.zip/content",),
        ZENODO,
        optional=True,
    ),
)


def select_entries(names: Sequence[str], catalog: Sequence[Entry] = CATALOG) -> list[Entry]:
    """Entries by name or group, in the order of the catalog; without names all but the optional ones."""
    groups = list(dict.fromkeys(entry.group for entry in catalog))
    for name in names:
        if name not in groups and all(entry.name != name for entry in catalog):
            raise InputError(
                f"{name!r} cannot be downloaded; expected one of {', '.join(groups)}, or a file of one of them, such "
                f"as {catalog[0].name} (isoclr download --list-only shows all)"
            )
    return [
        entry
        for entry in catalog
        if entry.name in names or (not entry.optional and (not names or entry.group in names))
    ]


INPUTS = "inputs.toml"
ENSEMBL_SPECIES = ("human", "mouse")  # The others have RefSeq annotations, whose gene ids are symbols


def prepare(folder: Path, catalog: Sequence[Entry]) -> None:
    """Write ``ids/SPECIES.tsv``, ``labels/half_life_SPECIES.tsv`` and ``inputs.toml`` from the files that are there."""
    files = {entry.name: folder / entry.file for entry in catalog if (folder / entry.file).exists()}
    for name, path in files.items():
        if name == "ids/gene2ensembl":
            _write_gene_ids(path, folder / "ids")
        if name.startswith("labels/half_life_"):
            _write_half_lives(path, folder / f"{name}.tsv")
    _write_inputs(folder, files)


def _write_gene_ids(source: Path, folder: Path) -> None:
    """Ensembl and NCBI gene ids of each species, from NCBI's gene2ensembl."""
    columns = {"#tax_id": pl.Int64, "GeneID": pl.Int64, "Ensembl_gene_identifier": pl.String}
    table = _read(source, columns)
    for species in ENSEMBL_SPECIES:
        rows = table.filter(pl.col("#tax_id") == taxid_of(species)).select(
            ensembl_gene_id="Ensembl_gene_identifier", entrez_gene_id="GeneID"
        )
        write_table(rows.unique(maintain_order=True), folder / f"{species}.tsv")


def _write_half_lives(source: Path, target: Path) -> None:
    """Gene id and z-scored half-life: the first principal component of many experiments."""
    value = f"{target.stem.rpartition('_')[2]}_PC1"
    table = _read(source, {"ensembl_gene_id": pl.String, value: pl.Float64})
    half_life = (pl.col(value) - pl.col(value).mean()) / pl.col(value).std()
    with atomic_path(target) as partial:
        table = table.select(gene_id="ensembl_gene_id", half_life=half_life)
        table.write_csv(partial, separator="\t")


def _read(source: Path, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        return pl.read_csv(
            source,
            separator="\t",
            columns=list(columns),
            schema_overrides=columns,
            quote_char=None,
            null_values=["NA", "-"],
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{source}: cannot be read as a table with the columns {', '.join(columns)}: {error}"
        ) from error


def _write_inputs(folder: Path, files: dict[str, Path]) -> None:
    """``inputs.toml`` for ``isoclr build``: every species with annotation and genome."""

    def setting(key: str, name: str) -> str:
        return f'{key} = "{files[name].relative_to(folder)}"'

    species = [name.partition("/")[0] for name in files if name.endswith("/genome")]
    species = [name for name in species if f"{name}/annotation" in files]
    if not species:
        return
    lines = []
    homology = ("homology/homologene", "homology/gene_orthologs")
    if available := [name for name in homology if name in files]:
        lines.append(setting("homology", available[0]))
        ids = [name for name in species if (folder / "ids" / f"{name}.tsv").exists()]
        if ids:
            tables = ", ".join(f'{name} = "ids/{name}.tsv"' for name in ids)
            lines.append(f"gene_ids = {{ {tables} }}")
    for name in species:
        lines += ["", "[[input]]", f'species = "{name}"']
        lines += [setting(key, f"{name}/{key}") for key in ("genome", "annotation")]
    with atomic_path(folder / INPUTS) as partial:
        partial.write_text("\n".join(lines) + "\n")
