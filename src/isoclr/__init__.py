"""RNA representations from contrastive learning over splice isoforms and homologous genes.

Every stage is a function here and a verb of the command line, with the same name and options::

    isoclr.build(...)        annotations + sequences → corpus
    isoclr.open_corpus(...)  a corpus, memory-mapped
    isoclr.pretrain(...)     corpus → model
    isoclr.load(...)         a model, ready to embed
    isoclr.embed(...)        files of RNAs → embeddings
    isoclr.probe(...)        embeddings + labels → how well they predict
    isoclr.ontology(...)     embeddings + gene ontology → how well they tell what genes do
    isoclr.fit(...)          embeddings + labels → a head that predicts
    isoclr.predict(...)      files of RNAs + a head → values with intervals
    isoclr.benchmark(...)    a plan → the paper's whole evaluation, and one page

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
    from isoclr.benchmarking import benchmark
    from isoclr.corpus import Corpus, build, merge, open_corpus, subset
    from isoclr.downloading import download
    from isoclr.embedding import embed
    from isoclr.latent import map_rnas, neighbours
    from isoclr.models import Encoder, create, load
    from isoclr.models.hub.pushing import push
    from isoclr.mutagenesis import motifs, mutate
    from isoclr.predicting import fit, load_head, predict
    from isoclr.pretraining import pretrain
    from isoclr.probing import ontology, probe
    from isoclr.simulation import simulate

__all__ = [
    "Corpus",
    "Encoder",
    "InputError",
    "IsoclrError",
    "__version__",
    "benchmark",
    "build",
    "create",
    "download",
    "embed",
    "fit",
    "load",
    "load_head",
    "map_rnas",
    "merge",
    "motifs",
    "mutate",
    "neighbours",
    "ontology",
    "open_corpus",
    "predict",
    "pretrain",
    "probe",
    "push",
    "simulate",
    "subset",
]

_HOME = {
    "Corpus": "isoclr.corpus",
    "benchmark": "isoclr.benchmarking",
    "build": "isoclr.corpus",
    "map_rnas": "isoclr.latent",
    "merge": "isoclr.corpus",
    "motifs": "isoclr.mutagenesis",
    "mutate": "isoclr.mutagenesis",
    "neighbours": "isoclr.latent",
    "open_corpus": "isoclr.corpus",
    "download": "isoclr.downloading",
    "embed": "isoclr.embedding",
    "fit": "isoclr.predicting",
    "load_head": "isoclr.predicting",
    "predict": "isoclr.predicting",
    "Encoder": "isoclr.models",
    "create": "isoclr.models",
    "load": "isoclr.models",
    "pretrain": "isoclr.pretraining",
    "ontology": "isoclr.probing",
    "probe": "isoclr.probing",
    "push": "isoclr.models.hub.pushing",
    "simulate": "isoclr.simulation",
    "subset": "isoclr.corpus",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'isoclr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
