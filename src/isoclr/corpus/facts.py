"""What ``corpus.json`` says of a build: options, inputs by their content, and counts by species.

No path and no time: the same inputs give the same bytes, anywhere and any day.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isoclr.corpus.assembling import add
from isoclr.corpus.part import Part
from isoclr.corpus.planning import Plan


def facts(
    plan: Plan,
    parts: Sequence[Part],
    mapped: Mapping[str, tuple[int, int]],
    checksums: Mapping[Path, str],
) -> dict[str, Any]:
    """Everything but what the writer adds.

    Args:
        plan: what was asked for.
        parts: what came of every input.
        mapped: species → (genes that homology knows, genes).
        checksums: input file → SHA-256.
    """

    def of_file(path: Path | None) -> dict[str, Any] | None:
        if path is None:
            return None
        return {"name": path.name, "size": path.stat().st_size, "sha256": checksums[path]}

    inputs = [
        {
            "species": source.species,
            "transcripts": of_file(source.transcripts),
            "genome": of_file(source.genome),
            "annotation": [of_file(path) for path in source.annotation],
            "records": part.records,
            **part.facts,
        }
        for source, part in zip(plan.inputs, parts, strict=True)
    ]
    return {
        "options": _options(plan),
        "shard": list(plan.options.shard) if plan.options.shard else None,
        "species": plan.species,
        "inputs": inputs,
        "homology": of_file(plan.homology),
        "gene_ids": {name: of_file(path) for name, path in sorted(plan.gene_ids.items())},
        "by_species": _by_species(plan, parts, mapped),
    }


def _options(plan: Plan) -> dict[str, Any]:
    options = plan.options
    return {
        "scope": plan.scope,
        "orf": options.calling.on,
        "orf_min_length": options.calling.min_length,
        "noncoding": options.noncoding,
        "max_length": options.max_length,
    }


def _by_species(
    plan: Plan, parts: Sequence[Part], mapped: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """Species → records seen, genes, and what was dropped and noted."""
    counts: dict[str, Any] = {}
    for name in plan.species:
        known, genes = mapped.get(name, (0, 0))
        counts[name] = {"records": 0, "genes": genes, "mapped_genes": known}
        counts[name] |= {"dropped": {}, "noted": {}}
    for source, part in zip(plan.inputs, parts, strict=True):
        here = counts[source.species]
        here["records"] += part.seen
        add(here["dropped"], part.dropped)
        add(here["noted"], part.noted)
    return counts
