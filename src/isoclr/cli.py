"""The command line: a table of commands; each is a library function whose signature gives the options.

Nothing heavy is imported before the command is known, so ``isoclr --help`` answers at once. ``_options`` turns a
function's parameters into options. A command prints what its result's ``print`` method prints.
"""

import difflib
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, NoReturn

from isoclr._options import run
from isoclr._process import (
    Terminated,
    failure_of_the_system,
    mend_environment,
    mend_streams,
    standard_output,
    unwind_when_terminated,
)
from isoclr._version import __version__
from isoclr.errors import InputError, IsoclrError, printable


class Command(NamedTuple):
    """One command of the program."""

    function: str  # module:function below isoclr
    summary: str  # One line of the table of contents
    example: str  # A command line, shown in the help
    positional: tuple[str, ...] = ()  # Parameters given by position instead of by --name
    show: str | None = None
    """Function, as ``function``, that prints the result; by default its ``print`` method does."""
    required: tuple[str, ...] = ()  # Options that only Python may leave out
    one_of: tuple[str, ...] = ()  # Options of which only Python may leave out all


COMMANDS: dict[str, dict[str, Command]] = {
    "Data": {
        "download": Command(
            "downloads.download:download",
            "fetch annotations, genomes, homology and labels from their publishers",
            "isoclr download human mouse homology labels -o data",
            ("what",),
        ),
        "simulate": Command(
            "simulation.simulate:simulate",
            "generate a synthetic multi-species data set with known ground truth",
            "isoclr simulate --size small -o simulated",
        ),
        "build": Command(
            "corpus.build:build",
            "annotation + genome, or a FASTA of RNAs → a corpus of isoforms in gene sets",
            "isoclr build simulated/inputs.toml -o corpus",
            ("inputs",),
            "corpus.inspect:print_corpus",
        ),
        "subset": Command(
            "corpus.subset:subset",
            "select species or regroup the RNAs of a corpus, for ablations",
            "isoclr subset corpus -o human --species human",
            ("corpus",),
            "corpus.inspect:print_corpus",
        ),
        "inspect": Command(
            "corpus.inspect:show",
            "show what a corpus contains, what was dropped and why, or one transcript",
            "isoclr inspect corpus --plot corpus.png",
            ("corpus",),
        ),
    },
    "Model": {
        "pretrain": Command(
            "pretraining.pretrain:pretrain",
            "corpus → encoder, by contrastive learning; resumes, scales with torchrun",
            "isoclr pretrain corpus -o run --epochs 50",
            ("corpus",),
        ),
        "push": Command(
            "models.hub:push",
            "upload a trained encoder to the Hugging Face Hub",
            "isoclr push run user/name --revision v1",
            ("directory", "repo"),
        ),
        "export": Command(
            "models.onnx:export",
            "write an encoder as an ONNX file, for other languages and runtimes",
            "isoclr export isoclr-s --onnx isoclr-s.onnx",
            ("model",),
        ),
        "models": Command(
            "probing.resolve:list_models",
            "list built-in encoders and heads, and published RNA and DNA language models",
            "isoclr models",
        ),
    },
    "Use": {
        "embed": Command(
            "embedding.embed:embed",
            "FASTA, corpus, or annotation + genome → one vector per RNA",
            "isoclr embed mrnas.fa.gz -o embeddings.parquet",
            ("inputs",),
            required=("out",),
        ),
        "convert": Command(
            "embedding.convert:convert",
            "read embeddings of other programs into our format",
            "isoclr convert orthrus.npz --metadata mrnas.fa.gz -o orthrus.parquet",
            ("embeddings",),
        ),
        "tasks": Command(
            "tasks.task:list_tasks",
            "list the supervised tasks, or write the RNAs of a reporter assay",
            "isoclr tasks half-life-human",
            ("task",),
        ),
        "probe": Command(
            "probing.probe:probe",
            "embeddings + labels → accuracy of a linear probe, compared with baselines",
            "isoclr probe embeddings.parquet labels.tsv --split homology --corpus corpus --baselines",
            ("embeddings", "labels"),
        ),
        "finetune": Command(
            "finetuning.finetune:finetune",
            "labels + corpus → an encoder fine-tuned on them or trained from scratch; Saluki",
            "isoclr finetune labels.tsv --corpus corpus --model run --train full --split homology -o tuned",
            ("labels",),
        ),
        "fit": Command(
            "probing.fit:fit",
            "embeddings + labels → a prediction head with calibrated intervals",
            "isoclr fit embeddings.parquet labels.tsv --corpus corpus -o head",
            ("embeddings", "labels"),
            required=("out",),
        ),
        "predict": Command(
            "probing.predict:predict",
            "RNAs + a head → predictions with intervals, and whether each RNA is unusual",
            "isoclr predict mrnas.fa.gz --task half-life --species human -o half_life.tsv",
            ("inputs",),
            required=("out",),
        ),
    },
    "Analyse": {
        "ontology": Command(
            "probing.ontology:ontology",
            "evaluate embeddings on Gene Ontology terms",
            "isoclr ontology embeddings.parquet gene-ontology-human --corpus corpus --csv terms.csv",
            ("embeddings", "task"),
        ),
        "neighbours": Command(
            "analysis.neighbors:neighbours",
            "list the nearest neighbours of RNAs or genes",
            "isoclr neighbours embeddings.parquet --of NM_000546 -k 10",
            ("embeddings",),
        ),
        "retrieval": Command(
            "analysis.retrieval:retrieval",
            "evaluate retrieval: is the nearest RNA an isoform, a paralog, the ortholog?",
            "isoclr retrieval embeddings.parquet --corpus corpus --baselines -o retrieval.tsv",
            ("embeddings",),
            required=("out",),
        ),
        "map": Command(
            "analysis.tsne:map_rnas",
            "draw a t-SNE map, coloured by labels, species, length or terms",
            "isoclr map embeddings.parquet -o map.png --color species labels.tsv:half_life",
            ("embeddings",),
            required=("out",),
        ),
        "atlas": Command(
            "atlas.atlas:atlas",
            "write an interactive web page: map, search, genes, isoforms, predictions",
            "isoclr atlas embeddings.parquet --corpus corpus --task half-life -o atlas",
            ("embeddings",),
        ),
        "mutate": Command(
            "analysis.ism:mutate",
            "in-silico mutagenesis: the effect of every point mutation on a prediction",
            "isoclr mutate mrna.fa --task half-life --species human -o effects.tsv --plot effects.png",
            ("inputs",),
            required=("out",),
        ),
        "variants": Command(
            "variants.variants:variants",
            "VCF → the consequence and predicted effect of every variant on every transcript",
            "isoclr variants v.vcf --annotation gencode.gtf --genome hg38.fa --task half-life --species human -o v.tsv",
            ("calls",),
            one_of=("out", "vcf_out", "report"),
        ),
        "motifs": Command(
            "analysis.motifs:motifs",
            "insert known motifs into real mRNAs and predict their effect",
            "isoclr motifs corpus --task half-life --species human -o motifs.tsv",
            ("corpus",),
            required=("out",),
        ),
        "evaluate": Command(
            "evaluation.evaluate:evaluate",
            "reproduce the paper's tables and figures from a plan; resumes",
            "isoclr evaluate plan.toml -o results",
            ("plan",),
        ),
    },
}
BY_NAME = {name: command for group in COMMANDS.values() for name, command in group.items()}


def contents() -> str:
    """The table of contents that ``isoclr --help`` prints."""
    lines = [
        f"isoclr {__version__}: representations of mature RNA from isoforms and homologs",
        "",
        "usage: isoclr COMMAND ...          isoclr COMMAND --help for details",
    ]
    for group, commands in COMMANDS.items():
        lines += ["", group]
        lines += [f"  {name:<12}{command.summary}" for name, command in commands.items()]
    return "\n".join([*lines, "", "  --version"])


SHARED = ("embed", "predict")  # Commands whose RNAs are shared by the processes that torchrun starts
ON_SEVERAL_PROCESSES = ("pretrain", "finetune", *SHARED)  # Commands that torchrun may start


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; bad input ends with one line on stderr and exit code 2."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(args)
    except IsoclrError as error:
        return _fail(str(error))
    except KeyboardInterrupt as stop:
        print("isoclr: stopped", file=sys.stderr)
        return 128 + (stop.number if isinstance(stop, Terminated) else signal.SIGINT)
    except BrokenPipeError:  # the reader of our table has gone, as in `isoclr inspect C | head`
        return _PIPE_CLOSED
    except Exception as error:
        message = failure_of_the_system(error, " ".join(args[:1]))
        if message is None:
            raise  # a bug
        return _fail(message)


def _run(args: list[str]) -> int:
    """Run the command that the first word names, and print its result."""
    mend_environment()
    if not args or args[0] in ("-h", "--help", "help"):
        with standard_output():
            print(contents())
        return 0 if args else 2
    if args[0] in ("-V", "--version"):
        with standard_output():
            print(f"isoclr {__version__}")
        return 0
    name = args[0]
    if name not in BY_NAME:
        like = difflib.get_close_matches(name, BY_NAME, cutoff=0.75)
        advice = f"did you mean {' or '.join(like)}?" if like else f"available commands: {', '.join(BY_NAME)}"
        raise InputError(f"unknown command {name!r}; {advice}")
    rank, processes = _number("RANK", 0), _number("WORLD_SIZE", 1)
    if processes > 1 and name not in ON_SEVERAL_PROCESSES:
        raise InputError(f"{name}: runs in one process; start it without torchrun")
    command = BY_NAME[name]
    with _sharing(processes > 1 and name in SHARED):
        result = run(
            load_function(command.function),
            args[1:],
            name=name,
            positional=command.positional,
            required=command.required,
            one_of=command.one_of,
            example=command.example,
        )
    if rank == 0:
        with standard_output():
            _show(result, command.show)
    return int(getattr(result, "exit_code", 0))


def _sharing(several: bool) -> AbstractContextManager[None]:
    if not several:
        return nullcontext()
    from isoclr.embedding.distributed import share_work

    return share_work()


_PIPE_CLOSED = 128 + 13


def _number(variable: str, default: int) -> int:
    """A whole number from the environment."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal():
        raise InputError(f"environment variable {variable} is {text!r}, expected a whole number")
    return int(text)


def program() -> NoReturn:
    """The ``isoclr`` program: run one command and leave at once; tearing down torch takes half a second."""
    mend_streams()
    unwind_when_terminated()
    try:
        code = main()
    except SystemExit as leaving:  # the end of --help
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or _PIPE_CLOSED
    except OSError as error:  # a full disk
        code = code or _fail(f"standard output: {error.strerror}")
    sys.stderr.flush()
    os._exit(code)


def _fail(message: str) -> int:
    # of several processes the first says the same, and torchrun then ends the others
    if os.environ.get("RANK", "").strip("0").isdecimal():
        try:
            time.sleep(2)
        except KeyboardInterrupt:
            return 2
    print("isoclr: error: " + printable(" ".join(message.split())), file=sys.stderr)
    return 2


def _show(result: object, address: str | None) -> None:
    if address is not None:
        load_function(address)(result)
    elif hasattr(result, "print"):
        result.print()


def load_function(address: str) -> Callable[..., Any]:
    """The library function of an address such as ``corpus.build:build``."""
    module, _, name = address.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(f"isoclr.{module}"), name)
    return function
