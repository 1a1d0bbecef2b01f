"""Terms of the Gene Ontology, any of which can color the map."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr.atlas.catalog import Catalog
from isoclr.atlas.shards import write_shard
from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of, without_version
from isoclr.tasks.gene_ontology import Term, read_gene_terms
from isoclr.tasks.task import read_ontology_task

MIN_GENES = 3
"""Terms of fewer genes are left out."""
MAX_SHARE = 0.9
"""Terms of a larger share of the annotated genes are left out: they say nothing."""


class GeneOntology:
    """Genes of an atlas by term."""

    def __init__(self, catalog: Catalog) -> None:
        self.terms: dict[str, Term] = {}
        self._genes: dict[str, list[int]] = {}
        self._annotated: set[int] = set()
        first = catalog.table[catalog.starts[:-1]]
        self._species = first["species"].to_list()
        self._ids = [without_version(name or "") for name in first["gene_id"].to_list()]

    def add(self, task: Path | str, data: Path | None) -> None:
        """Add the annotations of one species; a gene has its direct terms and all their ancestors.

        Args:
            task: Name or TOML file of a task of Gene Ontology terms.
            data: Folder of the task's files, as in ``isoclr ontology``.

        Raises:
            InputError: A task or file that cannot be used, or that annotates none of the genes.
        """
        opened = read_ontology_task(task, data)
        ontology, _, direct, _ = read_gene_terms(opened)
        wanted = taxid_of(opened.species)
        before = len(self._annotated)
        for gene, (name, species) in enumerate(zip(self._ids, self._species, strict=True)):
            if name not in direct or (species and taxid_of(species) != wanted):
                continue
            self._annotated.add(gene)
            for term in frozenset().union(*(ontology.ancestors[one] for one in direct[name])):
                self._genes.setdefault(term, []).append(gene)
                self.terms[term] = ontology.terms[term]
        if len(self._annotated) == before:
            raise InputError(f"--ontology {task}: annotates none of the {len(self._ids):,} genes of this atlas")

    def write(self, data: Path) -> int:
        """Write the shard ``terms`` and return the number of terms in it."""
        most = MAX_SHARE * len(self._annotated)
        chosen = [(name, sorted(set(genes))) for name, genes in self._genes.items() if self.terms[name].parents]
        chosen = [one for one in chosen if MIN_GENES <= len(one[1]) <= most]
        chosen.sort(key=lambda one: (-len(one[1]), one[0]))
        values: dict[str, Any] = {
            "terms": [[name, self.terms[name].name, self.terms[name].namespace.replace("_", " ")] for name, _ in chosen]
        }
        arrays: dict[str, NDArray[Any]] = {
            "sizes": np.array([len(genes) for _, genes in chosen], np.uint32),
            "genes": _steps([genes for _, genes in chosen]),
            "annotated": _steps([sorted(self._annotated)]),
        }
        write_shard(data, "terms", values, arrays)
        return len(chosen)


def _steps(lists: Sequence[Sequence[int]]) -> NDArray[np.uint32]:
    """Ascending numbers as steps from the one before, which compress well; each list begins anew."""
    parts = [np.diff(np.array(one, np.uint32), prepend=np.uint32(0)) for one in lists]
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)
