"""Table 3: networks trained on the labels."""

import polars as pl

from isoclr.evaluation.report.charts import Dots
from isoclr.evaluation.report.figure import figure
from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.published import FINE_TUNED
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections.probes import captions, charts, paired_table, split_table

COMPARISON = (
    "Rows of one table are of the same RNAs and splits, and may be compared with each other. A network that learns "
    "several tasks is in the paired differences only where it was tested on the same RNAs: tasks that share genes or "
    "gene sets must be dealt to training and test together, and so otherwise than each alone. The published rows "
    "are of 10,432 human and 11,008 mouse genes, of encoders trained on the ten-species corpus, and of full "
    "training schedules on GPUs: they say what the methods can reach. Their ± is over runs; the intervals here are "
    "over splits, or over test genes for a single split."
)


def section(results: Results) -> Html | None:
    """Every split's table and figure."""
    rows = results.rows("finetuning")
    if rows.is_empty():
        return None
    parts: list[Html] = [element("p", COMPARISON, class_="note")]
    text = "Networks trained on the labels; split: {split}."
    for split, caption in captions(rows, "Table 3", text):
        parts += [
            split_table(results, rows, split, caption, FINE_TUNED, "finetuning"),
            figure(
                f"figure-finetuning-{split}",
                dots(results, rows, split),
                _CAPTION,
                numbers=paired_table(results, "finetuning", split),
            ),
        ]
    return element("section", element("h2", "Fine-tuning"), parts, id="fine-tuning")


_CAPTION = "Networks trained on the labels, with 95 % intervals; published values as open diamonds."


def dots(results: Results, rows: pl.DataFrame, split: str) -> list[Dots]:
    """The figure's charts; fine-tuned models are the ones marked."""
    ours = [name for name in dict.fromkeys(rows["method"]) if "fine-tuned" in name]
    return charts(results, rows, split, FINE_TUNED, ours)
