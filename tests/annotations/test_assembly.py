"""Sound exons become rows, all at once."""

from collections import Counter
from collections.abc import Callable

from isoclr.annotations.assembly import assemble
from isoclr.annotations.table import Models

Make = Callable[..., Models]


def test_an_exon_that_is_written_twice_counts_once(models: Make) -> None:
    annotation = assemble(models([(0, 10), (20, 30), (0, 10)], []), "gtf")
    assert annotation.table["length"].to_list() == [20]
    assert not annotation.dropped


def test_no_transcripts_give_an_empty_table(models: Make) -> None:
    nothing = models([(0, 1)], [])
    empty = Models(nothing.names.clear(), nothing.exons.clear(), nothing.coding.clear())
    annotation = assemble(empty, "gtf", Counter({"x": 1}))
    assert len(annotation) == 0
    assert annotation.dropped == {"x": 1}
