r"""What a transcript's FASTA header says of its gene: Ensembl, GENCODE, RefSeq, NCBI, FlyBase, TAIR, gffread …

One column of headers goes in, one expression a field comes out; every field is empty, or −1, when the header does
not say.
"""

import polars as pl

_HEADER = pl.col("header")
# Ensembl's description is free text and comes last: nothing is looked for in it
_KEYS = _HEADER.str.replace(r"\sdescription:.*$", "")
_ID = _HEADER.str.extract(r"^(\S+)")
_GENCODE = r"^[^|\s]+\|[^|\s]+\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|\d+\|"
_IS_GENCODE = _HEADER.str.contains(_GENCODE)
_HAS_PIPES = _ID.str.contains("|", literal=True)
_STABLE_GENE = r"^(?:ENS\w*G\d{11}|WBGene\d|FBgn\d|AT[1-5CM]G\d{5}|MGP_\w+_G\d)"


def parse_headers(headers: list[str]) -> pl.DataFrame:
    """Transcript, gene, symbol, biotype and CDS of each header (without its ``>``).

    A gene that the header names by its symbol alone (RefSeq, NCBI's ``gene=``) gets the symbol as its ``gene_id``,
    as in RefSeq's own GTF. GENCODE's and gffread's CDS are given 0-based half-open; they include the stop codon.

    Returns:
        One row a header: ``transcript_id, gene_id, gene_symbol, biotype, cds_start, cds_end``.

    >>> parse_headers(["ENST01.2 cdna gene:ENSG01.3 gene_symbol:TP53"]).row(0)
    ('ENST01.2', 'ENSG01.3', 'TP53', '', -1, -1)
    """
    frame = pl.DataFrame({"header": headers}, schema={"header": pl.String})
    fields = frame.select(
        transcript_id=_first(_transcript()),
        named=_first(_gene()),
        gene_symbol=_first(_symbol()),
        biotype=_first(_biotype()),
        cds=_first(
            [_HEADER.str.extract(p) for p in (r"\|CDS:(\d+-\d+)\|", r"\sCDS=(\d+-\d+)(?:\s|$)")]
        ),
    )
    start, end = (pl.col("cds").str.split("-").list.get(i, null_on_oob=True) for i in (0, 1))
    return fields.select(
        "transcript_id",
        pl.when(pl.col("named") == "").then("gene_symbol").otherwise("named").alias("gene_id"),
        "gene_symbol",
        "biotype",
        cds_start=start.cast(pl.Int64, strict=False).fill_null(0) - 1,
        cds_end=end.cast(pl.Int64, strict=False).fill_null(-1),
    )


def _transcript() -> list[pl.Expr]:
    return [
        _piped(0),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*T\d{11}\.\d+)(?:\||\s|$)"),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*T\d{11})(?:\||\s|$)"),
        _HEADER.str.extract(r"\[transcript_id=([^\]\s]+)\]"),
        _ID,
    ]


def _gene() -> list[pl.Expr]:
    return [
        _piped(1),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*G\d{11}\.\d+)(?:\||\s|$)"),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*G\d{11})(?:\||\s|$)"),
        _KEYS.str.extract(r"\sgene:(\S+)"),
        _HEADER.str.extract(r"\[GeneID=(\d+)\]"),
        _HEADER.str.extract(r"\[db_xref=[^\]]*GeneID:(\d+)"),
        _HEADER.str.extract(r"\sparent=(FBgn\d+)"),
        _gene_key(stable=True),
        _HEADER.str.extract(r"^(AT[1-5CM]G\d{5})\.\d+\s+\|"),
    ]


def _symbol() -> list[pl.Expr]:
    return [
        _piped(5),
        _KEYS.str.extract(r"\sgene_symbol:(\S+)"),
        _HEADER.str.extract(r"\[gene=([^\]\s]+)\]"),
        _HEADER.str.extract(r"^\S+\s+(\S+)\s+\[organism="),
        _gene_key(stable=False),
        _HEADER.str.extract(r"\s\|\s*Symbols:\s*([^\s,|]+)"),
        # RefSeq: the last parentheses that a comma follows; a fly's symbol may have its own: (l(2)gl)
        _HEADER.str.extract(r"^[NX][MR]_\d+\S*\s.*\s\(((?:[^()\s]|\([^()\s]*\))+)\),"),
    ]


def _biotype() -> list[pl.Expr]:
    return [
        _HEADER.str.extract(
            r"^(?:[^|\s]*\|){7}(?:(?:UTR5|CDS|UTR3):[\d-]+\|)*([^|:\s]+)(?:\||\s|$)"
        ),
        _KEYS.str.extract(r"\stranscript_biotype:(\S+)"),
        _KEYS.str.extract(r"\sgene_biotype:(\S+)"),
        _HEADER.str.extract(r"^[NX][MR]_\d+\S*\s.*, (?:partial )?([A-Za-z_ -]*RNA)(?:;|$)"),
    ]


def _gene_key(*, stable: bool) -> pl.Expr:
    """``gene=`` holds a stable id in WormBase's and gffread's headers, a symbol in NCBI's."""
    value = _HEADER.str.extract(r"\sgene=(\S+)")
    is_stable = value.str.contains(_STABLE_GENE)
    return pl.when(is_stable if stable else ~is_stable).then(value)


def _piped(field: int) -> pl.Expr:
    """A field of GENCODE's header, null in any other and where GENCODE writes ``-``."""
    value = _HEADER.str.split("|").list.get(field, null_on_oob=True)
    return pl.when(_IS_GENCODE & (value != "-")).then(value)


def _among_pipes(pattern: str) -> pl.Expr:
    """A field that is known by its form, as in BioMart's headers, whose fields the user chooses."""
    return pl.when(_HAS_PIPES).then(_ID.str.extract(pattern))


def _first(choices: list[pl.Expr]) -> pl.Expr:
    """The first choice that a header has, else empty."""
    return pl.coalesce(*choices, pl.lit(""))
