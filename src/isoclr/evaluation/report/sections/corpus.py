"""Table 1: the corpus."""

from isoclr.evaluation.report.html import Html, element
from isoclr.evaluation.report.published import CORPUS
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.tables import table


def section(results: Results) -> Html | None:
    """Gene sets and transcripts of every species, beside the paper's."""
    rows = results.rows("corpus")
    if rows.is_empty():
        return None
    body = [
        [
            row["species"],
            f"{row['gene_sets']:,}",
            f"{row['transcripts']:,}",
            f"{row['mean']:.2f}",
            f"{row['several']:.0%}",
        ]
        for row in rows.iter_rows(named=True)
    ]
    published = [
        [f"{n} species", f"{sets:,}", f"{transcripts:,}", f"{mean:.2f}", f"{several:.0%}"]
        for n, sets, transcripts, mean, several in CORPUS
    ]
    grid = table(
        element(
            "span", element("b", "Table 1."), " The corpus: RNAs grouped into homologous gene sets."
        ),
        ["Species", "Gene sets", "Transcripts", "Mean a set", "Two or more"],
        body,
        groups=[("Published (GENCODE and RefSeq, whole transcriptomes)", published)],
        csv=("corpus.csv", results.text("corpus")),
    )
    note = element(
        "p",
        "What the encoders were trained on decides much of what follows: compare the sizes with the paper's.",
    )
    return element("section", element("h2", "The corpus"), note, grid, id="corpus")
