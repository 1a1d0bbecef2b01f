"""Interpretation: what single bases and planted motifs do to a prediction."""

import base64

import polars as pl

from isoclr.evaluation.report.charts import Dot, Dots
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element, void
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.tables import table, with_interval

BEYOND = "effect beyond control"


def section(results: Results) -> Html | None:
    """Planted motifs, then an mRNA base by base."""
    rows = results.rows("mutagenesis")
    if rows.is_empty():
        return None
    note = element(
        "p",
        "Predictions are linear in the embedding; this study has no counterpart in the paper. A motif is planted "
        "over the bases at a random place of its region in real mRNAs, and compared with its own bases in another "
        "order in the same place. A point mutation changes the base only: codons and exons stay as annotated, so a "
        "lost start codon is seen as sequence, not as another reading frame.",
        class_="note",
    )
    caption = (
        "Mean change of the prediction by a planted motif beyond its scrambled control, with 95 % intervals over "
        "mRNAs; dotted: no effect; blue: the interval leaves it out."
    )
    parts: list[Html | None] = []
    if shown := dots(results):
        parts.append(figure("motifs", shown, caption, numbers=_motifs(results, rows)))
    parts.append(_pictures(results))
    parts.append(_consequences(results, rows))
    return element("section", element("h2", "Interpretation"), note, parts, id="interpretation")


def dots(results: Results) -> list[Dots]:
    """The figure's charts, one a task."""
    rows = results.rows("mutagenesis")
    if rows.is_empty() or "motif" not in rows.columns:
        return []
    mine = rows.filter((pl.col("part") == "motifs") & (pl.col("metric") == BEYOND))
    return [
        Dots(
            results.title(str(task)),
            "change of the prediction beyond the control's",
            [
                Dot(f"{r['motif']}, {r['region']}", r["value"], r["low"], r["high"], _kind(r))
                for r in part.iter_rows(named=True)
            ],
            legend=False,
        )
        for (task,), part in mine.group_by("task", maintain_order=True)
    ]


def _kind(row: dict[str, float]) -> str:
    """What differs from no effect is marked."""
    clear = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
    return "ours" if clear else "other"


def _motifs(results: Results, rows: pl.DataFrame) -> Html:
    body = [
        [
            f"{row['motif']}, {row['region']}",
            results.title(row["task"]),
            row["metric"],
            with_interval(row["value"], row["low"], row["high"]),
            f"{row['n']:,}",
        ]
        for row in rows.filter(pl.col("part") == "motifs").iter_rows(named=True)
    ]
    heads = ["Motif and region", "Task", "Measure", "Mean [95 %]", "mRNAs"]
    csv = ("mutagenesis.csv", results.text("mutagenesis"))
    return table("Planted motifs.", heads, body, csv=csv)


def mutated(results: Results) -> dict[tuple[str, str], pl.DataFrame]:
    """Task and transcript of every mRNA whose bases were mutated, with its rows."""
    rows = results.large("mutations")
    if rows.is_empty():
        return {}
    parts = rows.group_by("task", "transcript_id", maintain_order=True)
    return {(str(task), str(transcript)): part for (task, transcript), part in parts}


def picture(task: str, transcript: str) -> str:
    """Name of the figure of a mutated mRNA, without its suffix."""
    return f"mutations_{task}_{transcript}"


def _pictures(results: Results) -> Html | None:
    """The drawn mRNAs, inside the page."""
    named = [results.folder / "figures" / f"{picture(*one)}.png" for one in mutated(results)]
    paths = [path for path in named if path.is_file()]
    if not paths:
        return None
    drawn = [
        void(
            "img",
            class_="picture",
            src="data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(),
            alt="Track of an mRNA with UTRs, coding sequence and exon ends; importance by base; a stretch as a logo",
        )
        for path in paths
    ]
    caption = (
        "Every base of an mRNA mutated to the three others: what each base adds to the prediction (minus the mean "
        "effect of its mutations), over the whole RNA, and letter by letter where it matters most."
    )
    return element("figure", drawn, element("figcaption", caption), id="mutations")


def _consequences(results: Results, rows: pl.DataFrame) -> Html | None:
    mine = rows.filter(pl.col("part") == "every base")
    if mine.is_empty():
        return None
    body = []
    for (task, transcript, kind), part in mine.group_by(
        "task", "transcript", "consequence", maintain_order=True
    ):
        value = dict(part.select("metric", "value").rows())
        body.append(
            [
                str(kind),
                results.title(str(task)),
                str(transcript),
                f"{value['mean effect']:+.4f}".replace("-", "−"),
                f"{value['mean absolute effect']:.4f}",
                f"{part['n'][0]:,}",
            ]
        )
    heads = ["Mutation", "Task", "mRNA", "Mean effect", "Mean absolute effect", "Mutations"]
    return table("Point mutations by what they do to known signals.", heads, body)
