"""Every change of the disk that a command makes fails once: the old output or the new one is whole, nothing else.

The changes are counted, not guessed: a first run lists them (see ``injector.py``), then the k-th fails with ENOSPC or
EIO, or kills the process. In CI some of the changes of every command are tried; ``FAULTS=all`` (``make faults``) tries
all of them.
"""

import gzip
import hashlib
import inspect
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.faults.injector import Injector
from tests.forks import Forks

from isoclr import cli

pytestmark = pytest.mark.usefixtures("narrow")
ALL = os.environ.get("FAULTS") == "all"
UCSC = "hgdownload.soe.ucsc.edu/goldenPath/ce11/bigZips"
MIRROR = (f"{UCSC}/ce11.fa.gz", f"{UCSC}/genes/ce11.ncbiRefSeq.gtf.gz")

HEAD = "--head BENCH/head --model BENCH/model --threads 1"
CORE: dict[str, tuple[str, str]] = {
    "build": ("build -o OUT/c --species human --transcripts BENCH/two.fa", "c"),
    "subset": ("subset BENCH/corpus -o OUT/s --transcripts BENCH/ids.txt", "s"),
    "embed": ("embed BENCH/two.fa --model BENCH/model -o OUT/e.parquet --threads 1", "e.parquet"),
    "embed npz": ("embed BENCH/two.fa --model BENCH/model -o OUT/e.npz --threads 1", "e.npz"),
    "fit": ("fit BENCH/e.parquet BENCH/labels.tsv --folds 3 -o OUT/h", "h"),
    "predict": ("predict BENCH/e.parquet --head BENCH/head -o OUT/p.tsv", "p.tsv"),
    "simulate": ("simulate --size tiny --species 1 --genes 12 -o OUT/w", "w"),
}
"""Commands with one output, and its name; OUT is the folder of outputs."""
MORE: dict[str, tuple[str, str]] = {
    "inspect json": ("inspect BENCH/corpus --json OUT/i.json", "i.json"),
    "inspect plot": ("inspect BENCH/corpus --plot OUT/i.svg", "i.svg"),
    "convert": ("convert BENCH/e.parquet -o OUT/e.npz", "e.npz"),
    "convert h5ad": ("convert BENCH/e.parquet -o OUT/e.h5ad", "e.h5ad"),
    "predict RNAs": (f"predict BENCH/two.fa {HEAD} -o OUT/p.parquet", "p.parquet"),
    "probe json": ("probe BENCH/e.parquet BENCH/labels.tsv --splits 2 --json OUT/p.json", "p.json"),
    "probe plot": ("probe BENCH/e.parquet BENCH/labels.tsv --splits 2 --plot OUT/p.pdf", "p.pdf"),
    "neighbours": ("neighbours BENCH/e.parquet --of t1 -k 3 -o OUT/n.tsv", "n.tsv"),
    "retrieval": ("retrieval BENCH/e.parquet --corpus BENCH/corpus -o OUT/r.tsv", "r.tsv"),
    "map": ("map BENCH/e.parquet --perplexity 5 -o OUT/m.png", "m.png"),
    "map table": ("map BENCH/e.parquet --perplexity 5 -o OUT/m.tsv", "m.tsv"),
    "mutate": (f"mutate BENCH/two.fa {HEAD} --transcripts T1 -o OUT/m.tsv", "m.tsv"),
    "motifs": (f"motifs BENCH/corpus {HEAD} --sample 2 -o OUT/m.tsv", "m.tsv"),
    "ontology": ("ontology BENCH/e.parquet BENCH/go.toml --corpus BENCH/corpus --splits 2 --csv OUT/t.csv", "t.csv"),
    "atlas": ("atlas BENCH/e.parquet --corpus BENCH/corpus --map BENCH/map.tsv -o OUT/a", "a"),
    "export": ("export BENCH/model --onnx OUT/m.onnx", "m.onnx"),
    "tasks": ("tasks BENCH/assay.toml --fasta OUT/a.fa", "a.fa"),
}
"""The others, of which CI tries fewer changes, because they write through the same two functions."""
COMMANDS = CORE | MORE
RUNS: dict[str, tuple[str, str, str]] = {
    "pretrain": (
        "pretrain BENCH/corpus -o OUT/r --steps 3 --batch-size 8 --checkpoint-steps 1 --threads 1 --precision float32",
        " --resume",
        "model.safetensors",
    ),
    "finetune": (
        "finetune BENCH/labels.tsv --corpus BENCH/corpus --model BENCH/model --train head --epochs 2 --splits 1 "
        "--split random --threads 1 -o OUT/r",
        " --resume",
        "**/*.[sp]a*",  # tensors and tables
    ),
    "evaluate": ("evaluate BENCH/plan.toml --no-report -o OUT/r", "", "results/*.csv"),
    "variants": (
        f"variants BENCH/v.vcf --annotation BENCH/t.gtf --genome BENCH/g.fa {HEAD} -o OUT/r/v.tsv "
        "--vcf-out OUT/r/v.vcf",
        " --resume --overwrite",
        "v.[tv]*[vf]",
    ),
    "download": ("download worm -o OUT/r --mirror URL --retries 0", "", "**/*.gz"),
}
"""Commands that go on in a directory: what to add to go on, and the files that are then those of an unbroken run."""


@pytest.fixture(scope="module")
def injector() -> Injector:
    injector = Injector()
    injector.install()
    return injector


class Runner:
    """Runs one command with a folder of outputs."""

    def __init__(
        self, bench: Path, injector: Injector, forks: Forks, capsys: pytest.CaptureFixture[str], url: str
    ) -> None:
        self.bench, self.injector, self.forks = bench, injector, forks
        self.capsys, self.url = capsys, url

    def __call__(self, command: str, out: Path, action: str = "none", number: int = 0) -> tuple[int, str, list[str]]:
        """Exit code, standard error, and the changes of the disk."""
        command = command.replace("BENCH", str(self.bench)).replace("URL", self.url)
        words = command.replace("OUT", str(out)).split()
        if action == "kill":
            fork = self.forks.start(words, fault=(str(out), action, number))
            return fork.wait(), fork.shown, []
        self.injector.start(out, action, number)
        try:
            code = cli.main(words)
        finally:
            changes = self.injector.stop()
        return code, self.capsys.readouterr().err, changes


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def inputs(bench: Path) -> Iterator[tuple[Path, str]]:
    """The bench with an input for every command, and the address of a publisher of genomes."""
    (bench / "ids.txt").write_text("t1\nt2\n")
    row = "chr1\tx\texon\t{}\t{}\t.\t+\t.\t" + 'gene_id "G"; transcript_id "T";\n'
    (bench / "t.gtf").write_text(row.format(101, 300) + row.format(401, 700))
    (bench / "v.vcf").write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    with (bench / "v.vcf").open("a") as calls:
        calls.write("chr1\t150\tv1\tC\tT\t.\tlow\tDP=3\n")  # with nothing declared
    (bench / "task.toml").write_text('name = "gc"\ntitle = "GC"\n[labels]\nfile = "labels.tsv"\n')
    (bench / "plan.toml").write_text(
        'corpus = "corpus"\nthreads = 1\n[[model]]\nname = "M"\npath = "model"\n[[task]]\ntask = "task.toml"\n'
        'split = ["random"]\nsplits = 2\n[main]\nmethods = ["embedding", "length"]\n'
    )
    (bench / "table.tsv").write_text("utr\tload\nACGT\t1\nACGG\t2\n")
    (bench / "assay.toml").write_text(
        'name = "a"\ntitle = "A"\n[labels]\nfile = "table.tsv"\nlabel = "load"\n[construct]\ninsert = "utr"\n'
        'before = "GG"\ncds = "ATGTAA"\nafter = "CC"\n'
    )
    write_ontology(bench)
    words = f"map {bench}/e.parquet --perplexity 5 -o {bench}/map.tsv"
    assert cli.main(words.split()) == 0
    folder = bench / "mirror" / "worm"
    folder.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(bench / "mirror")))
    server.daemon_threads = True
    for path in MIRROR:
        content = gzip.compress(f">{path}\n{'ACGT' * 50}\n".encode(), mtime=0)
        file = bench / "mirror" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        digest = hashlib.md5(content).hexdigest()
        with (file.parent / "md5sum.txt").open("a") as sums:
            sums.write(f"{digest}  {file.name}\n")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield bench, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def write_ontology(folder: Path) -> None:
    """Two terms of each aspect, and a task with them for the genes of the bench."""
    spaces = ("biological_process", "cellular_component", "molecular_function")
    term = "[Term]\nid: {0}\nname: {0}\nnamespace: {1}\n{2}\n"
    roots = "".join(term.format(space, space, "") for space in spaces)
    kinds = (term.format(s[0] + x, s, f"is_a: {s}\n") for s in spaces for x in "AB")
    (folder / "go.obo").write_text(roots + "".join(kinds))
    head = "#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory\n"
    rows = (f"9606\t{i + 1}\t{s[0]}{'AB'[i % 2]}\tIDA\t-\n" for i in range(40) for s in spaces)
    (folder / "gene2go").write_text(head + "".join(rows))
    ids = "".join(f"g{i}\t{i + 1}\n" for i in range(40))
    (folder / "entrez.tsv").write_text("gene_id\tentrez\n" + ids)
    (folder / "go.toml").write_text(
        'name = "go"\ntitle = "T"\n[ontology]\nterms = "go.obo"\nannotations = "gene2go"\ndepth = 1\nclasses = 2\n'
        'gene_ids = "entrez.tsv"\n[samples]\nspecies = "human"\nrnas = "all"\nsplit = "random"\n'
    )


@pytest.fixture
def run(inputs: tuple[Path, str], injector: Injector, forks: Forks, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(inputs[0], injector, forks, capsys, inputs[1])


def content(path: Path) -> dict[str, bytes] | None:
    """Every file of an output by its name within it; None if there is no output."""
    if not path.exists():
        return None
    if path.is_file():
        return {"": path.read_bytes()}
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def failures(changes: list[str], name: str) -> Iterator[tuple[str, int]]:
    """Which changes fail, and how.

    In CI: every tenth of the core's, and one kill where the output takes its place; one of the others'.
    """
    total = len(changes)
    if ALL:
        yield from ((action, k) for action in ("ENOSPC", "EIO", "kill") for k in range(1, total + 1))
        return
    first = sum(map(ord, name))
    if name not in CORE and name != "pretrain":
        yield "EIO", 1 + first % total
        return
    yield from (("EIO" if k % 2 else "ENOSPC", k) for k in range(1 + first % 10, total + 1, 10))
    last = [k for k, change in enumerate(changes, 1) if "rename" in change]
    yield "kill", last[-1]


def overwriting(command: str) -> str:
    """The command such that it replaces an output; some always do."""
    function = cli.load_function(cli.BY_NAME[command.split()[0]].function)
    can = "overwrite" in inspect.signature(function).parameters
    return command + " --overwrite" if can and "--overwrite" not in command else command


@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwrite"])
@pytest.mark.parametrize("name", COMMANDS)
def test_failing_writes(name: str, overwrite: bool, run: Runner, tmp_path: Path) -> None:
    if name in MORE and not overwrite and not ALL:
        pytest.skip("the longer form tries it")
    command, output = COMMANDS[name]
    before = tmp_path / "before"
    before.mkdir()
    code, shown, _ = run(command, before)
    assert code == 0, shown
    new = content(before / output)
    target = before / output
    if overwrite:  # an output that differs from a new one
        command = overwriting(command)
        for file in [target] if target.is_file() else sorted(target.rglob("*")):
            if file.is_file() and (file == target or file.suffix != ".json"):
                file.write_bytes(file.read_bytes() + b"\n")
    else:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    old = content(target)
    counted = tmp_path / "counted"
    shutil.copytree(before, counted)
    code, shown, changes = run(command, counted)
    assert code == 0, shown
    assert content(counted / output) == new
    assert [path.name for path in counted.iterdir()] == [output], "nothing else may be left"
    for action, number in failures(changes, name):
        check_failure(run, command, output, before, (old, new), f"{action} {changes[number - 1]}", number)


def check_failure(
    run: Runner, command: str, output: str, before: Path, whole: tuple[Any, Any], case: str, number: int
) -> None:
    action, change, *_ = case.split()
    folder = before.with_name(f"{action}{number}")
    shutil.copytree(before, folder)
    code, shown, _ = run(command, folder, action, number)
    there = content(folder / output)
    assert there in whole, f"{case}: neither the old nor the new output"
    assert "Traceback" not in shown, f"{case}: {shown}"
    if action != "kill":
        assert code == 2 or there == whole[1], case
        if code:
            assert shown.splitlines()[-1].startswith("isoclr: error: "), case
        cleaning = change in ("os.rmdir", "os.remove")  # what could not be removed stays for the next run
        others = [path.name for path in folder.iterdir() if path.name != output]
        assert cleaning or not others, f"{case}: left {others}"
    again = command if there is None else overwriting(command)
    code, shown, _ = run(again, folder)
    assert code == 0, f"{case}: the same command does not go on: {shown}"
    assert content(folder / output) == whole[1], case
    assert [path.name for path in folder.iterdir()] == [output], f"{case}: leftovers"
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", RUNS)
def test_failing_writes_of_a_run(name: str, run: Runner, tmp_path: Path) -> None:
    """A run goes on from what is whole, to the same results bit for bit."""
    command, resume, results = RUNS[name]
    (tmp_path / "reference").mkdir()
    code, shown, changes = run(command, tmp_path / "reference")
    assert code == 0, shown
    wanted = matching(tmp_path / "reference/r", results)
    assert wanted
    for action, number in failures(changes, name):
        folder = tmp_path / f"{action}{number}"
        folder.mkdir()
        case = f"{action} at {changes[number - 1]}"
        code, shown, _ = run(command, folder, action, number)
        assert "Traceback" not in shown, f"{case}: {shown}"
        is_last = number == len(changes)  # another run may need one change less
        assert code in ((-9, *([0] if is_last else [])) if action == "kill" else (0, 2)), shown
        if name == "pretrain" and (folder / "r/config.json").exists():
            written = matching(folder / "r", results)
            assert written == wanted, f"{case}: a half-written model would open"
        code, shown, _ = run(command + resume, folder)
        assert code == 0, f"{case}: the run does not go on: {shown}"
        assert matching(folder / "r", results) == wanted, case
        left = [path for path in (folder / "r").rglob("*") if path.name.startswith(".")]
        assert not left, f"{case}: {left}"
        shutil.rmtree(folder)


def matching(folder: Path, pattern: str) -> dict[str, bytes]:
    files = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_every_command_that_writes_is_tried() -> None:
    tried = {command.split()[0] for command, *_ in [*COMMANDS.values(), *RUNS.values()]}
    assert cli.BY_NAME.keys() - tried == {"push", "models"}  # which write no file here
