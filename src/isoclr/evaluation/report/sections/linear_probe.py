"""Table 2: linear probes of frozen embeddings, beside simple baselines; and what the predictions look like."""

import polars as pl

from isoclr.evaluation.report.charts import Dots, Points
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.published import LINEAR_PROBE
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.probes import (
    captions,
    charts,
    paired_table,
    split_table,
    verdicts,
)

COMPARISON = (
    "Rows of one table are of the same RNAs and the same splits, and may be compared with each other; what reads "
    "the features, a plain linear or a ridge regression, stands behind a name where a table has both, and trees are "
    "named as such. The published rows may not be compared with them number by number: they are of 10,432 human and "
    "11,008 mouse genes (how many are used here stands in the column n of the CSV file), of one random split that "
    "keeps neither isoforms nor homologs together, and of encoders trained on 926,628 transcripts. They say "
    "what the method can reach."
)
SIMPLE = (
    "random-init encoder",
    "k-mers + codons",
    "length alone",
    "sequence features",
    "k-mers + features",
    "trees on features",
    "trees on k-mers + features",
)


def section(results: Results) -> Html | None:
    """Every split's table and figure."""
    rows = results.rows("main")
    if rows.is_empty():
        return None
    parts: list[Html | None] = [element("p", COMPARISON, class_="note")]
    for split, caption in captions(rows, "Table 2", _TABLE):
        numbers = split_table(results, rows, split, caption, LINEAR_PROBE, "main")
        shown = dots(results, rows, split)
        parts += [
            element("h3", f"Split: {split}"),
            numbers,
            figure(
                f"figure-1-{split}", shown, _FIGURE, numbers=paired_table(results, "main", split)
            ),
        ]
    parts += [_words(results), _predictions(results)]
    title = element("h2", "Linear probes of frozen embeddings")
    return element("section", title, parts, id="linear-probes")


_TABLE = (
    "Linear probes of frozen features; split: {split}. Labels are in standard deviations of the training labels: an "
    "MSE of 1 is what predicting the mean gives."
)
_FIGURE = (
    "Figure 1 (right). Mean over splits with its 95 % interval; published values, where the labels are the "
    "paper's, as open diamonds without an interval."
)


def dots(results: Results, rows: pl.DataFrame, split: str) -> list[Dots]:
    """The figure's charts."""
    return charts(results, rows, split, LINEAR_PROBE, list(results.manifest["models"]))


def _words(results: Results) -> Html:
    """The plain statement of where simple baselines are not beaten."""
    found = verdicts(results, results.rows("main_differences"), SIMPLE)
    above, others = (
        [element("li", one.words) for one in found if one.above is which] for which in (True, False)
    )
    told = (
        "Differences of the main metric on the same splits, with 95 % intervals. The embedding is above the simple "
        f"baseline in {len(above)} of {len(found)} comparisons{'; not in:' if others else '.'}"
    )
    return element(
        "div",
        element("h3", "Does the embedding beat simple baselines?"),
        element("p", told),
        element("ul", others) if others else None,
        element("details", element("summary", "Where it does"), element("ul", above))
        if above
        else None,
    )


def _predictions(results: Results) -> Html | None:
    """Held-out predictions of the first model, every point with its gene."""
    rows = results.large("predictions")
    if rows.is_empty():
        return None
    shown = []
    for (task,), part in rows.group_by("task", maintain_order=True):
        one = part.filter(
            (pl.col("dealt") == part["dealt"][0]) & (pl.col("model") == part["model"][0])
        )
        name = (
            pl.when(pl.col("gene_symbol").fill_null("") == "")
            .then("gene_id")
            .otherwise("gene_symbol")
        )
        shown.append(
            Points(
                results.title(str(task)),
                "measured (SD)",
                "predicted (SD)",
                one["measured"].to_list(),
                one["predicted"].to_list(),
                one.select(name).to_series().to_list(),
                one["transcript_id"].to_list(),
            )
        )
    caption = (
        f"Held-out RNAs, each predicted once from the embedding of {results.model}. Hover, or touch, for gene and "
        "transcript."
    )
    title = element("h3", "Predictions of held-out RNAs")
    return element("div", title, figure("predictions", shown, caption))
