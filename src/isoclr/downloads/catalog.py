"""Files to download: the paper's ten species, homology, gene ids and half-lives, from their publishers.

GENCODE, UCSC and Zenodo publish MD5 sums, which are fetched with the files. NCBI publishes none and updates
``gene_orthologs`` and ``gene2ensembl`` in place, and UCSC's lists lack some gene models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from isoclr.errors import InputError

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


def select(names: Sequence[str], catalog: Sequence[Entry] = CATALOG) -> list[Entry]:
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
