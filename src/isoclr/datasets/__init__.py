"""A small real data set that ships with the package: human mRNAs with exons, coding sequences and half-lives.

It is for trying isoclr and for tutorials; 607 RNAs are too few for claims. ``example/ORIGIN.md`` names the sources,
their licences and the limits of the set.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "example"


@dataclass(frozen=True)
class Example:
    """Paths of the files of the example set."""

    folder: Path

    @property
    def inputs(self) -> Path:
        """TOML file for :func:`isoclr.build`, which names the files below."""
        return self.folder / "inputs.toml"

    @property
    def transcripts(self) -> Path:
        """FASTA of human RefSeq mRNAs, with Ensembl gene ids and symbols in the headers."""
        return self.folder / "mrnas.fa.gz"

    @property
    def annotation(self) -> Path:
        """Structure table: lengths (nt) of the 5' UTR, CDS, 3' UTR and exons of every mRNA."""
        return self.folder / "structures.tsv.gz"

    @property
    def labels(self) -> Path:
        """Half-lives (z-score) by Ensembl gene id, with Saluki's folds 1 to 8."""
        return self.folder / "half_life.tsv.gz"

    @property
    def homology(self) -> Path:
        """Human rows of HomoloGene for the genes of the set."""
        return self.folder / "homology.tsv.gz"

    @property
    def gene_ids(self) -> Path:
        """Ensembl gene id, Entrez id, symbol and biotype of every gene."""
        return self.folder / "gene_ids.tsv.gz"

    @property
    def origin(self) -> Path:
        """Sources, licences and limits of the set."""
        return self.folder / "ORIGIN.md"


def example() -> Example:
    """The example set; its files are in the package, nothing is downloaded.

    >>> from isoclr.datasets import example
    >>> example().transcripts.name
    'mrnas.fa.gz'
    """
    return Example(FOLDER)
