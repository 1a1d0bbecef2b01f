"""The command line: a table of commands; each is a library function whose signature gives the options.

Nothing heavy is imported before the command is known, so ``isoclr --help`` answers at once. A function's parameters
are the options of the same names, a :class:`~isoclr._config.Config` among them stands for all its fields, and the
docstrings are the help. A command prints what its result's ``print`` method prints.
"""

import contextlib
import dataclasses
import functools
import importlib
import inspect
import io
import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import NoneType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NoReturn,
    get_args,
    get_origin,
    get_type_hints,
)

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

    function: str
    """``module:function`` below ``isoclr``."""
    summary: str
    """One line of the table of contents."""
    example: str
    """A command line, shown in the help."""
    positional: tuple[str, ...] = ()
    """Parameters given by position instead of by ``--name``."""
    show: str | None = None
    """Function, as ``function``, that prints the result; by default its ``print`` method does."""
    required: tuple[str, ...] = ()
    """Options that only Python may leave out."""


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
        "merge": Command(
            "corpus.write:merge",
            "join the shards of a corpus that was built on several machines",
            "isoclr merge shard1 shard2 -o corpus",
            ("shards",),
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
            "show what a corpus holds, what was dropped and why, or one transcript",
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
        "models": Command(
            "baselines.language_models.catalog:list_models",
            "list the encoders that ship and the supported RNA and DNA language models",
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
        ),
        "map": Command(
            "analysis.tsne:map_rnas",
            "draw a t-SNE map, coloured by labels, species, length or terms",
            "isoclr map embeddings.parquet -o map.png --color species labels.tsv:half_life",
            ("embeddings",),
        ),
        "mutate": Command(
            "analysis.ism:mutate",
            "in-silico mutagenesis: the effect of every point mutation on a prediction",
            "isoclr mutate mrna.fa --task half-life --species human -o effects.tsv --plot effects.png",
            ("inputs",),
        ),
        "variants": Command(
            "variants.variants:variants",
            "VCF → the consequence and predicted effect of every variant on every transcript",
            "isoclr variants v.vcf --annotation gencode.gtf --genome hg38.fa --task half-life --species human -o v.tsv",
            ("calls",),
        ),
        "motifs": Command(
            "analysis.motifs:motifs",
            "insert known motifs into real mRNAs and predict their effect",
            "isoclr motifs corpus --task half-life --species human -o motifs.tsv",
            ("corpus",),
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
        f"isoclr {__version__}: representations of mature RNA, learnt from isoforms and homologs",
        "",
        "usage: isoclr COMMAND ...          isoclr COMMAND --help for details",
    ]
    for group, commands in COMMANDS.items():
        lines += ["", group]
        lines += [f"  {name:<12}{command.summary}" for name, command in commands.items()]
    return "\n".join([*lines, "", "  --version"])


ON_SEVERAL_PROCESSES = ("pretrain", "finetune")
"""Commands that torchrun may start."""


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
        raise InputError(f"unknown command {name!r}; available commands: {', '.join(BY_NAME)}")
    rank, processes = _number("RANK", 0), _number("WORLD_SIZE", 1)
    if processes > 1 and name not in ON_SEVERAL_PROCESSES:
        if rank > 0:  # one line is enough
            with suppress(KeyboardInterrupt):
                time.sleep(2)
            return 2
        raise InputError(
            f"{name}: runs in one process; start it without torchrun{_HINTS.get(name, '')}"
        )
    result = run(load_function(BY_NAME[name].function), args[1:], name=name)
    if rank == 0:
        with standard_output():
            _show(result, BY_NAME[name].show)
    return int(getattr(result, "exit_code", 0))


_HINTS = {"embed": ", or share the work with --shard 1/N, 2/N, ..."}
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


def run(function: Callable[..., Any], argv: Sequence[str], *, name: str) -> Any:
    """Call a library function with options read from the command line.

    Args:
        function: the function of a command.
        argv: the words after the command.
        name: the command, which knows what is positional.

    Raises:
        InputError: an option is unknown, missing, of the wrong kind, or given twice.
    """
    import tyro

    argv = [*_short_forms(argv)]
    _refuse_repeats(argv)
    command = BY_NAME.get(name, Command("", "", ""))
    hints = get_type_hints(function, include_extras=True)
    parameters = dict(inspect.signature(function).parameters)
    for one in command.required:
        parameters[one] = parameters[one].replace(default=inspect.Parameter.empty)
        (hints[one],) = (kind for kind in get_args(hints[one]) if kind is not NoneType)
    configs = {one: p.default for one, p in parameters.items() if _is_config(p.default)}
    if configs:
        argv, recipe = _without_recipe(argv)
        if recipe is not None:
            from isoclr._config import read_recipe

            configs = read_recipe(recipe, configs)
    shown = [
        _parameter(parameter, hints[one], one in command.positional, configs.get(one))
        for one, parameter in parameters.items()
    ]
    if configs:
        shown.append(_recipe_parameter())

    @functools.wraps(function)
    def options(**values: Any) -> dict[str, Any]:
        return values

    options.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    options.__annotations__ = {p.name: p.annotation for p in shown}
    del options.__wrapped__
    with _one_line_errors(name):
        values: dict[str, Any] = tyro.cli(
            options,
            prog=f"isoclr {name}",
            description=_description(function, command.example),
            args=argv,
            config=(tyro.conf.OmitArgPrefixes,),
        )
    values.pop(_RECIPE, None)
    return function(**values)


_RECIPE = "recipe_"


def _is_config(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _without_recipe(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """The words without ``--config NAME``, and the name."""
    words = list(argv)
    for i, word in enumerate(words):
        if word == "--config" and i + 1 < len(words):
            return words[:i] + words[i + 2 :], words[i + 1]
        if word.startswith("--config="):
            return words[:i] + words[i + 1 :], word.partition("=")[2]
    return words, None


def _recipe_parameter() -> inspect.Parameter:
    import tyro

    help_text = (
        "Recipe whose options replace the defaults: a TOML file, or the name of one that ships."
    )
    arg = tyro.conf.arg(name="config", help=help_text, metavar="FILE|NAME", help_behavior_hint="")
    return inspect.Parameter(
        _RECIPE, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, arg]
    )


def _parameter(
    parameter: inspect.Parameter, hint: Any, positional: bool, config: Any
) -> inspect.Parameter:
    """A parameter as tyro shows it."""
    import tyro

    kind = inspect.Parameter.KEYWORD_ONLY
    if config is not None:
        return parameter.replace(annotation=hint, kind=kind, default=config)
    shown = _shown(hint, parameter.default, positional)
    if shown:
        hint = Annotated[hint, tyro.conf.arg(**shown)]
    if parameter.name == "out":
        hint = Annotated[hint, tyro.conf.arg(**{**shown, "aliases": ["-o"]})]
    if positional:
        hint = tyro.conf.Positional[hint]  # type: ignore[misc]  # a type made at run time
    return parameter.replace(annotation=hint, kind=kind)


def _shown(hint: Any, default: Any, positional: bool) -> dict[str, Any]:
    """How help shows an option that may be left out: no empty default, and a type without ``None``."""
    any_number = positional and get_origin(hint) is tuple  # also none, as far as the parser knows
    if default not in (None, (), "") and not any_number:
        return {}
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if default is not None or len(kinds) != 1:
        return {"help_behavior_hint": ""}
    if get_origin(kinds[0]) is Annotated:
        kinds = [get_args(kinds[0])[0]]
    words = get_args(kinds[0])
    if get_origin(kinds[0]) is Literal:
        metavar = "{" + ",".join(words) + "}"
    elif ... in words:
        metavar = "[{0} [{0} ...]]".format(words[0].__name__.upper())
    else:
        metavar = " ".join(kind.__name__.upper() for kind in words or kinds)
    return {"metavar": f"[{metavar}]" if positional else metavar, "help_behavior_hint": ""}


def _description(function: Callable[..., Any], example: str) -> str:
    """What the docstring says before the arguments, and an example."""
    text = (inspect.getdoc(function) or "").partition("\nArgs:")[0].partition("\nReturns:")[0]
    return f"{text.rstrip()}\n\nExample: {example}" if example else text.rstrip()


@contextlib.contextmanager
def _one_line_errors(name: str) -> Iterator[None]:
    """Turn the parser's box of advice into one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            yield
    except SystemExit as end:
        if not end.code:
            raise  # --help
        text = _in_one_line(complaint.getvalue())
        raise InputError(f"{text}; see isoclr {name} --help") from None


def _in_one_line(complaint: str) -> str:
    """What tyro says about wrong options, without the title, the frame and the advice around it."""
    lines = (line.strip("╭╮╰╯│─|+ ") for line in complaint.splitlines())
    worded = [line for line in lines if any(map(str.isalnum, line))][1:]
    advice = ("For full helptext", "Argument helptext")
    text = " ".join(itertools.takewhile(lambda line: not line.startswith(advice), worded))
    text = " ".join(text.split()) or "wrong options"
    text = re.sub(r"'None', |, 'None'", "", text)  # None is chosen by leaving the option out
    return _NO_TYPE.sub(r"\1: found \3, expected \2", text)


_NO_TYPE = re.compile(
    r"^Error parsing (\S+): no type matching (?:\{None\}\|)?(.+?) could be instantiated from \[(.*?)\]\. .*$"
)
"""How tyro says that no type of an optional value fits; it goes on with what each type had to say."""
_SHORT: Mapping[str, str] = {"-o": "--out", "-j": "--jobs", "-k": "--k"}


def _short_forms(argv: Sequence[str]) -> Iterator[str]:
    return (_SHORT.get(word, word) for word in argv)


def _refuse_repeats(argv: Sequence[str]) -> None:
    seen: set[str] = set()
    for word in argv:
        option = word.partition("=")[0].replace("_", "-")
        if option.startswith("--") and option in seen:
            raise InputError(f"{option} is given twice; several values follow one {option}")
        seen.add(option)
