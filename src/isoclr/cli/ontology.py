"""``isoclr ontology``: how well embeddings and baselines tell what genes do."""

from collections.abc import Sequence

from isoclr._console import table
from isoclr.cli import _shown, _verb
from isoclr.probing.ontology import ontology


def command(argv: Sequence[str]) -> None:
    """Probe gene ontology terms, and print the comparison."""
    report = _verb.run(ontology, argv, name="ontology", positional=("embeddings", "task"))
    _shown.say_counts(report.counts)
    table(f"{report.task}: {report.split}", report.columns(), report.table())
    for one in report.hierarchies:
        space = one.hierarchy.namespace.replace("_", " ")
        _shown.leak_table(one.leaks, of=f", {space}")
