"""The page: variants drawn on the transcripts of their genes, in one HTML file that loads nothing from any server."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._html import render_page
from isoclr._io import atomic_path
from isoclr.errors import InputError, import_optional, printable
from isoclr.genomics.encoding import letters
from isoclr.plotting.style import BLUE, GREY, VERMILION
from isoclr.variants.placement import Transcript
from isoclr.variants.transcripts import TranscriptIndex

MAX_GENES, MAX_VARIANTS, MAX_TRACKS = 50, 40, 12
"""Genes on the page, variants of a gene (with all their rows), and transcripts drawn for it."""
FLANK, LONGEST = 12, 24  # Bases around a variant, and most bases of an allele, that are shown
WIDTH, MARGIN, INTRON = 900.0, 10.0, 22.0  # Pixels of a drawing, at its sides, and of an intron
STEM, TRACK = 46.0, 74.0  # Pixels of the longest lollipop, and of a transcript with its lollipops
Element = dict[str, Any]  # What the template shows of a gene, transcript or variant; lengths in pixels
_VARIANT = ("CHROM", "POS", "REF", "ALT", "haplotype")


def check_page(path: Path) -> None:
    """Check that a page can be written."""
    if path.suffix not in (".html", ".htm"):
        raise InputError(f"{path}: unknown format, expected a name that ends in .html")
    import_optional("jinja2", "report", "--report")


def write_page(
    path: Path, rows: pl.LazyFrame, index: TranscriptIndex, scores: Sequence[str], *, overwrite: bool = False
) -> None:
    """Write the page of the genes with the strongest variants.

    Args:
        rows: All rows, with the working columns.
        scores: Names of the scores; the first orders and colors the variants.
    """
    size = pl.col("delta").abs().max().fill_null(-1.0)
    first = rows.filter(pl.col("score") == scores[0])
    strongest = first.group_by("gene_id", "CHROM").agg(size=size).collect()
    strongest = strongest.sort("size", "gene_id", "CHROM", descending=[True, False, False])
    shown = strongest.head(MAX_GENES)
    chosen = rows.join(shown.lazy().select("gene_id", "CHROM"), on=["gene_id", "CHROM"], how="semi")
    by_gene = chosen.collect().partition_by("gene_id", "CHROM", as_dict=True)
    genes = [
        _gene(by_gene[gene_id, chrom], index, scores[0])
        for gene_id, chrom in shown.select("gene_id", "CHROM").iter_rows()
    ]
    values = {
        "genes": genes,
        "more_genes": strongest.height - len(genes),
        "scores": scores,
        "width": WIDTH,
        "stem": STEM,
        "track": TRACK,
        "blue": BLUE,
        "vermilion": VERMILION,
        "grey": GREY,
        "ranked": rows.filter(pl.col("rank").is_not_null()).head(1).collect().height > 0,
        "signed": first.filter(pl.col("ref").is_not_null()).head(1).collect().height > 0,
    }
    filters = {"shown": lambda text: printable(str(text)), "number": _number}
    text = render_page("isoclr.variants", "page.html.j2", values, filters=filters)
    with atomic_path(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}".replace("-", "−")


def _gene(rows: pl.DataFrame, index: TranscriptIndex, score: str) -> Element:
    """The strongest variants of a gene, and its transcripts."""
    own = rows.filter(pl.col("score") == score)
    order = own.group_by(_VARIANT, maintain_order=True).agg(size=pl.col("delta").abs().max())
    order = order.sort("size", descending=True, nulls_last=True, maintain_order=True)
    kept = order.head(MAX_VARIANTS).with_row_index("order").drop("size")
    rows = rows.join(kept, on=_VARIANT, nulls_equal=True).sort("order", maintain_order=True)
    chrom = index.chromosome(rows["CHROM"][0])
    gene_id = rows["gene_id"][0]
    hit = dict.fromkeys(rows["transcript"])
    every = [one for one in index.transcripts if one.gene_id == gene_id and one.chrom == chrom]
    every.sort(key=lambda one: one.transcript_id not in hit)
    drawn = every[:MAX_TRACKS]
    by_id = {one.transcript_id: one for one in every}
    to_pixel, scale = _ruler(drawn)
    deltas = rows.filter(pl.col("score") == score)["delta"].drop_nulls().to_numpy()
    largest = float(np.abs(deltas).max(initial=1e-300))
    records = [
        {**row, "context": [*_context(by_id[row["transcript"]], row["edits"])]} for row in rows.iter_rows(named=True)
    ]
    tracks = []
    for one in drawn:
        own_rows = [row for row in records if row["transcript"] == one.transcript_id and row["score"] == score]
        lollipops = [_lollipop(row, one, to_pixel, largest) for row in reversed(own_rows)]
        exons = _exons(one, to_pixel)
        line = _segment(to_pixel, *one.span)
        tracks.append(
            {"name": one.transcript_id, "is_mane": index.is_mane(one), "line": line, "lollipops": lollipops, **exons}
        )
    low = min(one.span[0] for one in drawn)
    high = max(one.span[1] for one in drawn)
    strand = "minus" if drawn[0].minus else "plus"
    return {
        "name": rows["gene"][0],
        "gene_id": gene_id,
        "place": f"{drawn[0].chrom}:{low + 1:,}-{high:,}, {strand} strand",
        "tracks": tracks,
        "more_tracks": len(every) - len(drawn),
        "more_variants": order.height - kept.height,
        "rows": records,
        "scale": scale,
    }


def _ruler(transcripts: Sequence[Transcript]) -> tuple[Callable[[float], float], float]:
    """Genomic position → pixel, 5' to 3' of the first transcript; exons to scale, introns all of one width."""
    spans = sorted(
        (start, start + length)
        for one in transcripts
        for start, length in zip(one.exon_starts.tolist(), one.exon_lengths.tolist(), strict=True)
    )
    merged: list[list[int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    gap = min(INTRON, 0.4 * WIDTH / max(len(merged) - 1, 1))
    width = WIDTH - 2 * MARGIN - gap * (len(merged) - 1)
    scale = width / sum(end - start for start, end in merged)
    genome, pixels, x = [], [], MARGIN
    for start, end in merged:
        genome += [start, end]
        pixels += [x, x + scale * (end - start)]
        x = pixels[-1] + gap
    minus = transcripts[0].minus

    def to_pixel(position: float) -> float:
        found = float(np.interp(position, genome, pixels))
        return round(WIDTH - found if minus else found, 2)

    return to_pixel, scale


def _exons(transcript: Transcript, to_pixel: Callable[[float], float]) -> dict[str, list[Element]]:
    """Untranslated and coding parts."""
    utr: list[Element] = []
    cds: list[Element] = []
    start_cds, end_cds = transcript.rna.cds or (0, 0)
    before = 0
    for start, length in zip(transcript.exon_starts.tolist(), transcript.exon_lengths.tolist(), strict=True):
        edges = sorted({0, length, *(min(max(c - before, 0), length) for c in (start_cds, end_cds))})
        for a, b in itertools.pairwise(edges):
            low, high = (length - b, length - a) if transcript.minus else (a, b)
            segment = _segment(to_pixel, start + low, start + high)
            (cds if start_cds <= before + a < end_cds else utr).append(segment)
        before += length
    return {"utr": utr, "cds": cds}


def _segment(to_pixel: Callable[[float], float], start: int, end: int) -> Element:
    left, right = sorted((to_pixel(start), to_pixel(end)))
    return {"x": left, "width": max(round(right - left, 2), 0.5)}


def _lollipop(
    row: dict[str, Any], transcript: Transcript, to_pixel: Callable[[float], float], largest: float
) -> Element:
    delta, label, color = row["delta"], f"{row['HGVSc']} {row['consequence']}", GREY
    if delta is not None:
        label += f" {_number(delta)}"
        color = BLUE if delta < 0 else VERMILION
    share = abs(delta or 0.0) / largest
    places = [to_pixel(_on_genome(transcript, edit["start"])) for edit in row["edits"]]
    return {
        "places": places or [to_pixel(row["POS"] - 0.5)],
        "height": round(8 + (STEM - 12) * share, 2),
        "color": color,
        "opacity": round(0.35 + 0.65 * share, 3),
        "label": label,
    }


def _on_genome(transcript: Transcript, position: int) -> float:
    """Middle of the genomic base at a position of the RNA; that of the last one behind it."""
    position = min(position, len(transcript.rna) - 1)
    ends = transcript.rna.exon_ends
    exon = int(np.searchsorted(ends, position, side="right"))
    length = int(transcript.exon_lengths[exon])
    offset = position - (int(ends[exon]) - length)
    return int(transcript.exon_starts[exon]) + 0.5 + (length - 1 - offset if transcript.minus else offset)


def _context(transcript: Transcript, edits: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Bases before, reference, alternative and bases behind of every edit."""
    bases = transcript.rna.bases
    for edit in edits:
        start, end = edit["start"], edit["end"]
        ref, alt = _shortened(letters(bases[start:end])), _shortened(edit["alt"])
        size = max(len(ref), len(alt))
        before, behind = bases[max(start - FLANK, 0) : start], bases[end : end + FLANK]
        yield letters(before), ref.ljust(size, "-"), alt.ljust(size, "-"), letters(behind)


def _shortened(allele: str) -> str:
    if len(allele) <= LONGEST:
        return allele
    return f"{allele[: LONGEST // 2]}…{allele[-LONGEST // 2 :]} ({len(allele):,} nt)"
