"""The gene ontology as a graph of terms, read from OBO files."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from isoclr import unpacking
from isoclr.errors import InputError

EXPECTED = "an ontology in OBO format, such as go.obo or go-basic.obo"


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        id: such as ``GO:0005634``.
        name: such as ``nucleus``.
        namespace: its hierarchy: ``biological_process``, ``cellular_component`` or ``molecular_function``.
        is_a: ids of the terms that it is a kind of.
        part_of: ids of the terms that it is a part of, of another hierarchy too.
    """

    id: str
    name: str
    namespace: str
    is_a: tuple[str, ...]
    part_of: tuple[str, ...]


@dataclass(frozen=True)
class Ontology:
    """All terms that are in use, and what has become of the others.

    Attributes:
        path: the file.
        terms: id → term.
        alternative: an id that was merged into another term → that term's.
        obsolete: ids that are no longer in use.
    """

    path: Path
    terms: dict[str, Term]
    alternative: dict[str, str]
    obsolete: frozenset[str]

    def find(self, name: str) -> Term | None:
        """The term of an id, also of one that was merged into it; None for an unknown or obsolete one."""
        return self.terms.get(self.alternative.get(name, name))

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """Term → itself and every term that it is a kind or part of, directly or not.

        An RNA's gene that has a term has all of these (the true-path rule).
        """
        found: dict[str, frozenset[str]] = {}
        for name in self._parents_first:
            parents = (*self.terms[name].is_a, *self.terms[name].part_of)
            found[name] = frozenset({name}).union(*(found[parent] for parent in parents))
        return found

    @cached_property
    def depth(self) -> dict[str, int]:
        """Term → steps from the root of its hierarchy: the shortest path of ``is_a``; the root has 0.

        A term that no such path joins to a root has none.
        """
        children: dict[str, list[str]] = {name: [] for name in self.terms}
        for term in self.terms.values():
            for parent in term.is_a:
                if self.terms[parent].namespace == term.namespace:
                    children[parent].append(term.id)
        depth = dict.fromkeys(self.roots, 0)
        waiting = deque(self.roots)
        while waiting:
            name = waiting.popleft()
            for child in children[name]:
                if child not in depth:
                    depth[child] = depth[name] + 1
                    waiting.append(child)
        return depth

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The terms that are no kind and no part of anything: one a hierarchy."""
        return tuple(t.id for t in self.terms.values() if not t.is_a and not t.part_of)

    @cached_property
    def _parents_first(self) -> list[str]:
        """All terms, each after everything that it is a kind or part of.

        Raises:
            InputError: the terms go round in a circle.
        """
        missing = {t.id: len(t.is_a) + len(t.part_of) for t in self.terms.values()}
        children: dict[str, list[str]] = {name: [] for name in self.terms}
        for term in self.terms.values():
            for parent in (*term.is_a, *term.part_of):
                children[parent].append(term.id)
        order = [name for name, count in missing.items() if count == 0]
        for name in order:  # grows while it is read
            for child in children[name]:
                missing[child] -= 1
                if missing[child] == 0:
                    order.append(child)
        if len(order) < len(missing):
            stuck = next(name for name, count in missing.items() if count)
            raise InputError(
                f"{self.path}: term {stuck}: is a kind or part of itself by way of others, expected no circle"
            )
        return order


def read_obo(path: Path | str) -> Ontology:
    """Read an ontology in OBO format (1.2 or 1.4), plain or gz.

    Only ``is_a`` and ``relationship: part_of`` join terms here: what is true of a term is true of the terms it is a
    kind or part of, which cannot be said of ``regulates``.

    Args:
        path: such as ``go-basic.obo``.

    Raises:
        InputError: not OBO, a term without an id or hierarchy or given twice, a parent that is not there, or a circle.
    """
    path = Path(path)
    terms: dict[str, Term] = {}
    alternative: dict[str, str] = {}
    obsolete = set()
    for line, fields in _stanzas(path):
        name = fields["id"][0]
        if name in terms or name in obsolete:
            raise InputError(f"{path}: line {line}: term {name} is given twice, expected it once")
        if fields.get("is_obsolete", [""])[0] == "true":
            obsolete.add(name)
            continue
        alternative |= dict.fromkeys(fields.get("alt_id", []), name)
        terms[name] = _term(path, line, fields)
    if not terms:
        raise InputError(f"{path}: has no [Term], expected {EXPECTED}")
    found = Ontology(path, terms, alternative, frozenset(obsolete))
    _check_parents(found)
    return found


def _stanzas(path: Path) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """Line and ``tag: value`` pairs of every ``[Term]``."""
    text = unpacking.content(path, EXPECTED).decode("utf-8", "replace")
    line = 0
    fields: dict[str, list[str]] | None = None
    for number, row in enumerate(text.splitlines(), 1):
        if row.startswith("["):
            if fields is not None:
                yield line, _with_id(path, line, fields)
            line, fields = number, {} if row.strip() == "[Term]" else None
        elif fields is not None and ":" in row:
            tag, _, value = row.partition(":")
            fields.setdefault(tag.strip(), []).append(value.partition(" ! ")[0].strip())
    if fields is not None:
        yield line, _with_id(path, line, fields)


def _with_id(path: Path, line: int, fields: dict[str, list[str]]) -> dict[str, list[str]]:
    if not fields.get("id", [""])[0]:
        raise InputError(f"{path}: line {line}: [Term] has no id, expected one")
    return fields


def _term(path: Path, line: int, fields: dict[str, list[str]]) -> Term:
    if "namespace" not in fields:
        raise InputError(
            f"{path}: line {line}: term {fields['id'][0]} has no namespace, expected one"
        )
    related = [value.split() for value in fields.get("relationship", [])]
    return Term(
        id=fields["id"][0],
        name=fields.get("name", [fields["id"][0]])[0],
        namespace=fields["namespace"][0],
        is_a=tuple(value.split()[0] for value in fields.get("is_a", []) if value),
        part_of=tuple(words[1] for words in related if len(words) > 1 and words[0] == "part_of"),
    )


def _check_parents(ontology: Ontology) -> None:
    for term in ontology.terms.values():
        for parent in (*term.is_a, *term.part_of):
            if parent not in ontology.terms:
                raise InputError(
                    f"{ontology.path}: term {term.id}: its parent {parent} is not among the "
                    f"{len(ontology.terms):,} terms in use, expected a whole ontology"
                )
