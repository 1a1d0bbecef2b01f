"""The command line: a table of contents and one thin file a verb.

Nothing heavy is imported before the verb is known, so ``isoclr --help`` answers at once.
"""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from isoclr._version import __version__
from isoclr.errors import IsoclrError

VERBS: dict[str, dict[str, str]] = {
    "Data": {
        "download": "fetch annotations, genomes, homology and labels from their official addresses",
        "simulate": "make a small world of species whose truth is known, to try everything on",
        "build": "annotations + genome, or a FASTA of RNAs  →  a corpus of isoforms in gene sets",
        "merge": "join the shards of a corpus that was built on several machines",
        "subset": "part of a corpus, or its RNAs in other gene sets, for ablations",
        "inspect": "what is in a corpus, what was dropped and why; one transcript's tracks",
    },
    "Model": {
        "pretrain": "corpus  →  an encoder, by contrastive learning; resumes, scales with torchrun",
        "push": "a trained encoder  →  the Hugging Face hub",
        "models": "what can embed: encoders that ship, and language models of other groups",
    },
    "Use": {
        "embed": "a FASTA, a corpus or annotation + genome  →  one vector per RNA",
        "convert": "embeddings made elsewhere  →  a file as embed writes it",
        "tasks": "the supervised tasks at hand, and the RNAs of reporter assays",
        "probe": "embeddings + labels  →  how well a linear model predicts, beside simple baselines",
        "finetune": "labels + a corpus  →  an encoder trained further on them, or from scratch; Saluki",
        "fit": "embeddings + labels  →  a head that predicts the label, with calibrated intervals",
        "predict": "RNAs + a head  →  value, interval, and whether the RNA is unlike the known ones",
    },
    "Study": {
        "ontology": "embeddings  →  how well they tell a gene's function, place and processes",
        "neighbours": "is the nearest neighbour of an RNA its isoform, a paralog, the ortholog?",
        "map": "embeddings  →  a t-SNE map, coloured by labels, species, length, terms",
        "mutate": "RNAs + a head  →  what every point mutation does to the prediction",
        "motifs": "a corpus + a head  →  what known motifs do, planted in real mRNAs",
        "benchmark": "a plan  →  the paper's whole evaluation: tables, figures, one page; resumes",
    },
}


def contents() -> str:
    """The table of contents that ``isoclr --help`` prints."""
    lines = [
        f"isoclr {__version__}: representations of mature RNA, learnt from isoforms and homologs",
        "",
        "usage: isoclr VERB ...          isoclr VERB --help tells all about one",
    ]
    for room, verbs in VERBS.items():
        lines += ["", room]
        lines += [f"  {verb:<12}{summary}" for verb, summary in verbs.items()]
    return "\n".join([*lines, "", "  --version"])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; bad input ends with one line on stderr and exit code 2."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help", "help"):
        print(contents())
        return 0 if args else 2
    if args[0] in ("-V", "--version"):
        print(f"isoclr {__version__}")
        return 0
    # A thread that waits for another should soon sleep: on a busy machine spinning ones make steps ten times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    verb = args[0]
    if not any(verb in verbs for verbs in VERBS.values()):
        known = ", ".join(v for verbs in VERBS.values() for v in verbs)
        return _fail(f"{verb!r} is not a verb; the verbs are {known}")
    try:
        importlib.import_module(f"isoclr.cli.{verb}").command(args[1:])
    except IsoclrError as error:
        return _fail(str(error))
    except KeyboardInterrupt as stop:
        print("isoclr: stopped", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT)
    except BrokenPipeError:  # the reader of our table went away, as in `isoclr inspect C | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # a full disk, a folder that may not be written
        if error.filename is None and error.strerror is None:
            raise
        return _fail(f"{error.filename or verb}: {error.strerror}")
    return 0


def program() -> NoReturn:
    """The ``isoclr`` command: run one verb and leave at once, as taking torch apart takes half a second."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        code = main()
    except SystemExit as leaving:  # a verb's own code, or the end of its --help
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or 141
    except OSError as error:  # a full disk
        code = _fail(f"standard output: {error.strerror}")
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


class _Terminated(KeyboardInterrupt):
    """A scheduler's SIGTERM, which unwinds as Ctrl-C does, so that no half-written file stays behind."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends the process at once
    raise _Terminated


def _fail(message: str) -> int:
    print("isoclr: error: " + " ".join(message.split()), file=sys.stderr)
    return 2
