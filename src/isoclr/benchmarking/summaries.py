"""From single results to what a table says: differences between methods on the same splits, means over repeats."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from isoclr.benchmarking.cell import Row
from isoclr.benchmarking.store import Stored
from isoclr.tasks.metrics import Difference, over_seeds, paired


def differences(results: Sequence[Stored]) -> list[Row]:
    """The first method's main metric minus every other's, paired by split, with its 95 % interval.

    Args:
        results: of one study; within a task and split, the first method is compared with the others, each with the
            first method's result by the same probe model where there is one, else with its first.
    """
    dealt: dict[tuple[str, str], list[Stored]] = {}
    for result in results:
        if result.rows and "by_split" in result.details:
            key = (str(result.rows[0]["task"]), str(result.rows[0]["split"]))
            dealt.setdefault(key, []).append(result)
    return [row for part in dealt.values() for row in _with_first(part)]


def _with_first(results: Sequence[Stored]) -> list[Row]:
    """Differences within one task and split; a method is never compared with itself."""
    name = results[0].rows[0]["method"]
    first = [one for one in results if one.rows[0]["method"] == name]
    found = []
    for other in results:
        model = other.rows[0]["model"]
        if other.rows[0]["method"] != name:
            same = (one for one in first if one.rows[0]["model"] == model)
            found.append(_difference(next(same, first[0]), other))
    return found


def _difference(first: Stored, other: Stored) -> Row:
    row = other.rows[0]
    metric = str(row["metric"])
    ours, theirs = first.details["by_split"], other.details["by_split"]
    pairs = [
        one[metric] - another[metric]
        for one, another in zip(ours, theirs, strict=True)
        if one[metric] is not None and another[metric] is not None
    ]
    found = paired_over(pairs, ours)
    return {
        "study": row["study"],
        "task": row["task"],
        "split": row["split"],
        "method": first.rows[0]["method"],
        "against": row["method"],
        "model": first.rows[0]["model"],
        "against_model": row["model"],
        "metric": metric,
        "value": found.mean,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "n": len(pairs),
    }


def paired_over(values: Sequence[float], splits: Sequence[Mapping[str, Any]]) -> Difference:
    """Mean difference over splits, tested as :func:`isoclr.tasks.metrics.paired` says."""
    if not values:
        return Difference(*[float("nan")] * 4)
    train = float(np.mean([split["train"] for split in splits]))
    test = float(np.mean([split["test"] for split in splits]))
    return paired(values, train, test)


def over_repeats(rows: Sequence[Row]) -> list[Row]:
    """Low-data results: mean over the repeats of a share, with an interval that allows for their overlap.

    The repeats' splits overlap as those of all labels do, whatever share of a training part is used; so it is the whole
    training part that counts in the correction, which is cautious for small shares, whose subsets hardly overlap.
    """
    if not rows:
        return []
    by = ["study", "task", "split", "method", "model", "share", "metric"]
    table = pl.DataFrame(rows, infer_schema_length=None)
    found: list[Row] = []
    for key, part in table.group_by(by, maintain_order=True):
        values = part["value"].drop_nulls().to_list()
        if not values:
            continue
        train, test = (float(np.mean(part[column].to_numpy())) for column in ("train", "n"))
        told = dict(zip(by, key, strict=True))
        mean = over_seeds(values, train * 100 / float(told["share"]), test)
        counts = {"train": round(train), "repeats": len(values)}
        found.append({**told, "value": mean.mean, "low": mean.low, "high": mean.high, **counts})
    return found
