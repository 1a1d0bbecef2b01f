"""What can be downloaded: the paper's ten species, homology, gene ids and half-lives, by official address.

Checksums are the publishers' own. GENCODE and UCSC keep a list of MD5 sums beside their files and Zenodo tells them
by its API: the list is fetched with the file. NCBI publishes none, and updates ``gene_orthologs`` and
``gene2ensembl`` in place; UCSC does not list all of its gene models. Such files are checked for completeness
(size, and that gz unpacks to its end), and the SHA-256 of what came is kept in ``SHA256SUMS``, so that a
later run sees any change. No checksum is written down here, because none could be verified at the source when
this table was made.
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
    """One file to download.

    Attributes:
        name: what to ask for: ``human/genome``, ``homology/homologene``.
        file: where it goes, below the output directory.
        urls: its official addresses; the next one is tried where one does not exist.
        checksums: address of the publisher's list of MD5 sums (or Zenodo's record); None when there is none.
        required: the list must be there and name the file; else a missing list is reported, not fatal.
        optional: large, and not fetched unless asked for by name.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    checksums: str | None = None
    required: bool = True
    optional: bool = False

    @property
    def group(self) -> str:
        """The part of the name before the slash: a species, ``homology``, ``ids`` or ``labels``."""
        return self.name.partition("/")[0]


def _gencode(species: str, release: str, version: str, assembly: str) -> list[Entry]:
    base = f"{GENCODE}/Gencode_{species}/release_{release}"
    files = {
        "annotation": f"gencode.v{version}.annotation.gtf.gz",
        "genome": f"{assembly}.primary_assembly.genome.fa.gz",
    }
    return [
        Entry(f"{species}/{what}", f"{species}/{file}", (f"{base}/{file}",), f"{base}/MD5SUMS")
        for what, file in files.items()
    ]


def _ucsc(species: str, assembly: str) -> list[Entry]:
    base = f"{UCSC}/{assembly}/bigZips"
    named, bare = f"{assembly}.ncbiRefSeq.gtf.gz", "ncbiRefSeq.gtf.gz"
    return [
        Entry(
            f"{species}/annotation",
            f"{species}/{named}",
            (
                f"{base}/genes/{named}",
                f"{base}/genes/{bare}",
            ),  # some assemblies leave their name out
            f"{base}/genes/md5sum.txt",
            required=False,
        ),
        Entry(
            f"{species}/genome",
            f"{species}/{assembly}.fa.gz",
            (f"{base}/{assembly}.fa.gz",),
            f"{base}/md5sum.txt",
        ),
    ]


def _half_life(species: str) -> Entry:
    file = f"all_HLs_{species}_PC1.txt"
    url = f"{SALUKI}/{SALUKI_COMMIT}/Fig2_S3/{file}"  # of one commit: the address names the content
    return Entry(f"labels/half_life_{species}", f"labels/{file}", (url,))


CATALOG: tuple[Entry, ...] = (
    *_gencode("human", "41", "41", "GRCh38"),
    *_gencode("mouse", "M25", "M25", "GRCm38"),
    *_ucsc("chicken", "galGal6"),
    *_ucsc("worm", "ce11"),
    *_ucsc("chimpanzee", "panTro6"),
    *_ucsc("cow", "bosTau9"),
    *_ucsc("dog", "canFam4"),
    *_ucsc("fly", "dm6"),
    *_ucsc("rat", "rn7"),
    *_ucsc("zebrafish", "danRer11"),
    Entry(
        "homology/homologene",
        "homology/homologene.data",
        (f"{NCBI}/pub/HomoloGene/build68/homologene.data",),
    ),
    Entry(
        "homology/gene_orthologs",
        "homology/gene_orthologs.gz",
        (f"{NCBI}/gene/DATA/gene_orthologs.gz",),
    ),
    Entry("ids/gene2ensembl", "ids/gene2ensembl.gz", (f"{NCBI}/gene/DATA/gene2ensembl.gz",)),
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


def select(what: Sequence[str], catalog: Sequence[Entry] = CATALOG) -> list[Entry]:
    """The entries that were asked for, in the order of the catalogue; all but the optional ones when nothing was.

    Raises:
        InputError: a name that is neither an entry nor a group.
    """
    groups = list(dict.fromkeys(entry.group for entry in catalog))
    known = {entry.name for entry in catalog} | set(groups)
    for name in what:
        if name not in known:
            raise InputError(
                f"{name!r} cannot be downloaded; expected one of {', '.join(groups)}, or a file of one of them, such "
                f"as {catalog[0].name} (isoclr download --list-only shows all)"
            )
    return [
        entry
        for entry in catalog
        if entry.name in what or (not entry.optional and (not what or entry.group in what))
    ]
