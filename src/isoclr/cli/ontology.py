"""``isoclr ontology``: how well embeddings and baselines tell what genes do."""

from collections.abc import Sequence

from isoclr.cli import _verb
from isoclr.console import say, table
from isoclr.probing.ontology_study import ontology


def command(argv: Sequence[str]) -> None:
    """Probe gene ontology terms, and print the comparison."""
    report = _verb.run(ontology, argv, name="ontology", positional=("embeddings", "task"))
    for reason, count in report.counts.items():
        say(f"{count:>9,}  {reason}")
    table(f"{report.task}: {report.split}", report.columns(), report.table())
    for one in report.hierarchies:
        space = one.hierarchy.namespace.replace("_", " ")
        title = f"leak audit, {space}: test RNAs that share with a training part"
        table(title, ["", "test RNAs", "of", "share"], one.leaks.totals())
