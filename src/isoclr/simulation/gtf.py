"""GTF in GENCODE's style: the lines of one gene.

As there: 1-based closed coordinates, ``CDS`` without the stop codon, ``start_codon`` and ``stop_codon`` lines (two
each when an intron cuts the codon), ``UTR`` lines last, repeated ``tag`` keys, versions in the ids.
"""

from collections.abc import Iterator

from isoclr.simulation import names
from isoclr.simulation.isoforms import Isoform
from isoclr.simulation.loci import Locus

Part = tuple[int, int]  # a stretch of a transcript or of a gene, 0-based half-open


def header(species: str) -> str:
    """The comment lines at the top of a GENCODE file."""
    return f"##description: simulated gene annotation of {species}\n##provider: isoclr simulate\n##format: gtf\n"


class GeneLines:
    """The GTF lines of one gene on its chromosome."""

    def __init__(self, locus: Locus, chrom: str, start: int) -> None:
        self._locus = locus
        self._member = locus.member
        self._exon_ids: dict[Part, str] = {}
        self._plus = locus.strand == "+"
        self._offset = start if self._plus else start + len(locus.bases)
        self._source = f"{chrom}\t{'HAVANA' if self._member.number % 3 else 'ENSEMBL'}\t"
        self._gene_id = names.gene(self._member)
        self._biotype = "protein_coding" if self._member.coding else "lncRNA"
        self._symbol = names.symbol(self._member)

    def text(self) -> str:
        """All lines of the gene."""
        spans = [(i.exons[0, 0], i.exons[-1, 1]) for i in self._locus.isoforms]
        span = (int(min(a for a, _ in spans)), int(max(b for _, b in spans)))
        attributes = (
            f'gene_id "{self._gene_id}"; gene_type "{self._biotype}"; '
            f'gene_name "{self._symbol}"; level 2;'
        )
        lines = [self._line("gene", span, ".", attributes)]
        for number, isoform in enumerate(self._locus.isoforms):
            lines += self._transcript(number, isoform)
        return "".join(lines)

    def _transcript(self, number: int, isoform: Isoform) -> Iterator[str]:
        head, tail = self._attributes(number, isoform)
        exons = [(int(a), int(b)) for a, b in isoform.exons.tolist()]
        yield self._line("transcript", (exons[0][0], exons[-1][1]), ".", f"{head}{tail}")
        coding, start, stop, utrs = _regions(isoform)
        ahead = 0
        last: list[str] = []
        for order, exon in enumerate(exons, 1):
            here = (ahead, ahead + exon[1] - exon[0])
            exon_id = self._exon_ids.setdefault(exon, names.exon(self._member, len(self._exon_ids)))
            text = f'{head} exon_number {order}; exon_id "{exon_id}";{tail}'
            yield self._line("exon", exon, ".", text)
            for feature, region in (("CDS", coding), ("start_codon", start), ("stop_codon", stop)):
                part = (max(region[0], here[0]), min(region[1], here[1]))
                if part[0] < part[1]:
                    frame = str((isoform.codons[0] - part[0]) % 3)
                    yield self._line(feature, _along(part, here, exon), frame, text)
            for region in utrs:
                part = (max(region[0], here[0]), min(region[1], here[1]))
                if part[0] < part[1]:
                    last.append(self._line("UTR", _along(part, here, exon), ".", text))
            ahead = here[1]
        yield from last

    def _attributes(self, number: int, isoform: Isoform) -> tuple[str, str]:
        """The attributes before and after the exon's."""
        head = (
            f'gene_id "{self._gene_id}"; transcript_id "{names.transcript(self._member, number)}"; '
            f'gene_type "{self._biotype}"; gene_name "{self._symbol}"; '
            f'transcript_type "{isoform.biotype}"; transcript_name "{self._symbol}-{201 + number}";'
        )
        tail = f' level 2; transcript_support_level "{1 + number % 5}";'
        if isoform.cds:
            tail += f' protein_id "{names.protein(self._member, number)}";'
        tail += ' tag "basic"; tag "Ensembl_canonical";' if number == 0 else ' tag "alternative";'
        if isoform.cds and not isoform.has_start:
            tail += ' tag "cds_start_NF"; tag "mRNA_start_NF";'
        if isoform.cds and not isoform.has_stop:
            tail += ' tag "cds_end_NF"; tag "mRNA_end_NF";'
        return head, tail

    def _line(self, feature: str, span: Part, frame: str, attributes: str) -> str:
        if self._plus:
            start, end = self._offset + span[0] + 1, self._offset + span[1]
        else:
            start, end = self._offset - span[1] + 1, self._offset - span[0]
        strand = self._locus.strand
        return f"{self._source}{feature}\t{start}\t{end}\t.\t{strand}\t{frame}\t{attributes}\n"


def _along(part: Part, here: Part, exon: Part) -> Part:
    """A stretch of a transcript that lies in one exon, along the gene."""
    return exon[0] + part[0] - here[0], exon[0] + part[1] - here[0]


def _regions(isoform: Isoform) -> tuple[Part, Part, Part, list[Part]]:
    """CDS without the stop codon, start codon, stop codon and UTRs, in the transcript."""
    if isoform.cds is None:
        return (0, 0), (0, 0), (0, 0), []
    start, end = isoform.cds
    body = end - 3 if isoform.has_stop else end
    start_codon = (start, start + 3) if isoform.has_start else (0, 0)
    stop_codon = (body, end) if isoform.has_stop else (0, 0)
    return (start, body), start_codon, stop_codon, [(0, start), (body, isoform.length)]
