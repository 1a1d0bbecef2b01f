"""The encoder of a network that learnt one label from scratch, beside which others stand (the paper's A.6)."""

from collections.abc import Mapping
from typing import Any

from isoclr.benchmarking import products
from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.product import Product
from isoclr.benchmarking.studies.low_data import split_of
from isoclr.benchmarking.tuning import Training, trained

METHOD = "supervised"


def supervised_embeddings(
    bench: Bench, task: str | None, options: Mapping[str, Any]
) -> dict[str, Product]:
    """What tables call it, and embeddings of the whole corpus by its encoder; empty when no label is asked for.

    It is one training on all labels of a 70/15/15 split by the plan's seed: the very network of the low-data study
    with 100 % of the labels, first repeat, when both are given the same options; it is then trained once.

    Args:
        bench: the plan at work.
        task: the label's.
        options: of :func:`isoclr.finetuning.finetune`.
    """
    if task is None:
        return {}
    asked = bench.plan.tasks[task]
    training = Training(
        asked, METHOD, split_of(asked), 1, bench.plan.seed, share=1.0, options=options
    )
    name = f"{METHOD} on {asked.name}"
    return {name: products.tuned_embeddings(bench, trained(bench, training), name)}
