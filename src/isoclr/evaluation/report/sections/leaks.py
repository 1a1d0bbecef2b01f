"""What test RNAs share with training RNAs."""

import polars as pl

from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.tables import table


def section(results: Results) -> Html | None:
    """The leak audit of every task and split."""
    rows = results.rows("leaks")
    if rows.is_empty():
        return None
    kinds = list(dict.fromkeys(rows["metric"]))
    body = []
    for (task, split), part in rows.group_by("task", "split", maintain_order=True):
        cells = [_share(part.filter(pl.col("metric") == kind)) for kind in kinds]
        body.append([f"{results.title(str(task))} ({split} split)", *cells])
    note = element(
        "p",
        "How many test RNAs, over all splits, have an isoform of the same gene, a homolog of the same gene set, or "
        "nearly their whole sequence (of a reporter assay, the insert) in the training part. A model could remember "
        "these instead of predicting them.",
    )
    grid = table(
        "Leak audit: test RNAs that the training part knows.",
        ["Task", *(f"Same {kind}" if kind.startswith("gene") else kind for kind in kinds)],
        body,
        csv=("leaks.csv", results.text("leaks")),
    )
    return element("section", element("h2", "Leaks"), note, grid, id="leaks")


def _share(rows: pl.DataFrame) -> str:
    if rows["value"].null_count() == rows.height:
        return "not known"
    count, of = int(rows["value"].sum()), int(rows["n"].sum())
    return f"{count:,} of {of:,} ({count / max(1, of):.1%})"
