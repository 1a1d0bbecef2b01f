"""RNA representations from contrastive learning over splice isoforms and homologous genes.

Every command is a function here, of the same name (but ``map_rnas``, ``list_tasks`` and ``list_models``):

    isoclr.build(...)        annotation + sequences → corpus
    isoclr.open_corpus(...)  open a corpus, memory-mapped
    isoclr.pretrain(...)     corpus → trained encoder
    isoclr.load(...)         open a trained encoder
    isoclr.embed(...)        RNAs → embeddings
    isoclr.probe(...)        embeddings + labels → accuracy of a linear probe
    isoclr.fit(...)          embeddings + labels → a prediction head
    isoclr.predict(...)      RNAs + a head → predictions with intervals
    isoclr.ontology(...)     embeddings → accuracy on Gene Ontology terms
    isoclr.atlas(...)        embeddings → an interactive web page
    isoclr.evaluate(...)     a plan → the paper's tables and figures

Names are imported when first used: ``import isoclr`` costs nothing.

>>> import isoclr
>>> model = isoclr.create("isoclr-s", seed=0)  # untrained; a trained one: isoclr.load("run")
>>> vectors = model.embed(["AUGGCUUGA", "GGGACGU"])
>>> vectors.shape, vectors.dtype
((2, 256), dtype('float32'))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isoclr._version import __version__
from isoclr.errors import InputError, IsoclrError

if TYPE_CHECKING:
    from isoclr.analysis.ism import mutate
    from isoclr.analysis.motifs import motifs
    from isoclr.analysis.neighbors import neighbours
    from isoclr.analysis.retrieval import retrieval
    from isoclr.analysis.tsne import map_rnas
    from isoclr.atlas.atlas import atlas
    from isoclr.corpus.build import build
    from isoclr.corpus.corpus import Corpus, open_corpus
    from isoclr.corpus.inspect import inspect
    from isoclr.corpus.subset import subset
    from isoclr.downloads.download import download
    from isoclr.embedding.convert import convert
    from isoclr.embedding.embed import embed
    from isoclr.embedding.io import read_embeddings
    from isoclr.evaluation.evaluate import evaluate
    from isoclr.finetuning.finetune import finetune
    from isoclr.models.encoder import Encoder, create
    from isoclr.models.hub import push
    from isoclr.models.load import load
    from isoclr.models.onnx import export
    from isoclr.pretraining.pretrain import pretrain
    from isoclr.probing.fit import fit
    from isoclr.probing.head import load_head
    from isoclr.probing.ontology import ontology
    from isoclr.probing.predict import predict
    from isoclr.probing.probe import probe
    from isoclr.probing.resolve import list_models
    from isoclr.simulation.simulate import simulate
    from isoclr.tasks.task import list_tasks
    from isoclr.variants.variants import variants

__all__ = [
    "Corpus",
    "Encoder",
    "InputError",
    "IsoclrError",
    "__version__",
    "atlas",
    "build",
    "convert",
    "create",
    "download",
    "embed",
    "evaluate",
    "export",
    "finetune",
    "fit",
    "inspect",
    "list_models",
    "list_tasks",
    "load",
    "load_head",
    "map_rnas",
    "motifs",
    "mutate",
    "neighbours",
    "ontology",
    "open_corpus",
    "predict",
    "pretrain",
    "probe",
    "push",
    "read_embeddings",
    "retrieval",
    "simulate",
    "subset",
    "variants",
]

_HOME = {
    "Corpus": "isoclr.corpus.corpus",
    "Encoder": "isoclr.models.encoder",
    "atlas": "isoclr.atlas.atlas",
    "build": "isoclr.corpus.build",
    "convert": "isoclr.embedding.convert",
    "create": "isoclr.models.encoder",
    "download": "isoclr.downloads.download",
    "embed": "isoclr.embedding.embed",
    "evaluate": "isoclr.evaluation.evaluate",
    "export": "isoclr.models.onnx",
    "finetune": "isoclr.finetuning.finetune",
    "fit": "isoclr.probing.fit",
    "inspect": "isoclr.corpus.inspect",
    "list_models": "isoclr.probing.resolve",
    "list_tasks": "isoclr.tasks.task",
    "load": "isoclr.models.load",
    "load_head": "isoclr.probing.head",
    "map_rnas": "isoclr.analysis.tsne",
    "motifs": "isoclr.analysis.motifs",
    "mutate": "isoclr.analysis.ism",
    "neighbours": "isoclr.analysis.neighbors",
    "ontology": "isoclr.probing.ontology",
    "open_corpus": "isoclr.corpus.corpus",
    "predict": "isoclr.probing.predict",
    "pretrain": "isoclr.pretraining.pretrain",
    "probe": "isoclr.probing.probe",
    "push": "isoclr.models.hub",
    "read_embeddings": "isoclr.embedding.io",
    "retrieval": "isoclr.analysis.retrieval",
    "simulate": "isoclr.simulation.simulate",
    "subset": "isoclr.corpus.subset",
    "variants": "isoclr.variants.variants",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name == "datasets":
        return import_module("isoclr.datasets")
    raise AttributeError(f"module 'isoclr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
