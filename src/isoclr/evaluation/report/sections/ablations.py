"""Table 4: pre-training with parts left out."""

import polars as pl

from isoclr.evaluation.report.charts import Dots
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.probes import captions, charts, split_table, verdicts


def section(results: Results) -> Html | None:
    """Every run's probes."""
    rows = results.rows("ablations")
    if rows.is_empty():
        return None
    note = element(
        "p",
        "Every row is a pre-training run of its own, all of equally many steps of equally many pairs, from random "
        "weights of the same seed; rows may be compared with each other. One run a row: the intervals are over "
        "splits of the labels, and do not hold what another seed of the training would change. The runs are far "
        "shorter than the paper's 1000 epochs, and short runs favour what is learnt first. The numbers of the "
        "paper's Table 4 are not given: the text that this report was written from had lost them.",
        class_="note",
    )
    parts: list[Html] = []
    text = "Ablations of the pre-training, probed by ridge regression; split: {split}."
    for split, caption in captions(rows, "Table 4", text):
        parts += [
            split_table(results, rows, split, caption, {}, "ablations"),
            figure(f"figure-ablations-{split}", dots(results, rows, split), _CAPTION),
        ]
    names = list(dict.fromkeys(rows["method"]))[1:]
    found = verdicts(results, results.rows("ablations_differences"), names)
    words = element(
        "details",
        element("summary", "Differences from the whole method, in words"),
        element("ul", [element("li", one.words) for one in found]),
    )
    title = element("h2", "Ablations")
    return element("section", title, note, parts, words, id="ablations")


_CAPTION = "Probes of every run's embedding; mean over splits with its 95 % interval."


def dots(results: Results, rows: pl.DataFrame, split: str) -> list[Dots]:
    """The figure's charts; the whole method is the one marked."""
    return charts(results, rows, split, {}, [str(rows["method"][0])])
