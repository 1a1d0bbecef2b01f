"""Malformed text files, one row each: every reader refuses in one line that names the file and the place."""

import gzip
import os
import random
from pathlib import Path
from typing import Any

import pytest

RANDOM = random.Random(0).randbytes(3000)
PNG = b"\x89PNG\r\n\x1a\n" + RANDOM[:300]

# A reader: the command that reads the file FILE, the file's name, a good file, and malformed ones as
# (what is wrong, content, what the message must hold besides the file's name; after "-" without it).
Malformed = tuple[str, bytes | str, str]


def gtf(*rows: dict[str, Any]) -> str:
    usual = {"chrom": "chr1", "type": "exon", "start": 100, "end": 300, "strand": "+", "t": "T1"}
    return "".join(
        '{chrom}\tx\t{type}\t{start}\t{end}\t.\t{strand}\t.\tgene_id "G1"; transcript_id "{t}";\n'.format(**usual | row)
        for row in rows
    )


def gff3(*rows: tuple[str, int, int, str]) -> str:
    return "".join(f"chr1\tx\t{kind}\t{a}\t{b}\t.\t+\t.\t{text}\n" for kind, a, b, text in rows)


def genepred(**changes: object) -> str:
    row = {"name": "N1", "chrom": "chr1", "strand": "+", "a": 99, "b": 600, "c": 150, "d": 300}
    row |= {"n": 2, "starts": "99,399,", "ends": "300,600,"}
    return "\t".join(str(value) for value in (row | changes).values()) + "\n"


def bed12(**changes: object) -> str:
    row = {"chrom": "chr1", "a": 99, "b": 600, "name": "B1", "score": 0, "strand": "+", "c": 150}
    row |= {"d": 300, "rgb": "0", "n": 2, "sizes": "201,201,", "starts": "0,300,"}
    return "\t".join(str(value) for value in (row | changes).values()) + "\n"


GTF = gtf({})
STRUCTURES = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"
FASTA = ">T1\nACGT\n>T2\nGGGACGU\n"
HOMOLOGENE = "3\t9606\t34\tACADM\t4557231\tNP_000007.1\n"
ORTHOLOGS = "#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID\n9606\t34\tOrtholog\t10090\t9\n"
GENE_IDS = "ensembl_gene_id\tentrez_gene_id\tsymbol\nG1\t34\tACADM\n"
LABELS = "transcript_id\tgc\n" + "".join(f"t{i}\t{i}.5\n" for i in range(40))
TASK = 'name = "gc"\ntitle = "GC"\n[labels]\nfile = "BENCH/labels.tsv"\n[samples]\nrnas = "all"\n'
PLAN = (
    'corpus = "BENCH/corpus"\n[[model]]\nname = "M"\npath = "BENCH/model"\n[[task]]\ntask = "BENCH/task.toml"\n'
    '[main]\nmethods = ["length"]\n'
)
CONSTRUCT = (
    'name = "é"\ntitle = "A"\n[labels]\nfile = "BENCH/utr.tsv"\nlabel = "load"\n[construct]\ninsert = "utr"\n'
    'before = "GG"\ncds = "ATGTAA"\nafter = "CC"\n'
)
TERM = "[Term]\nid: GO:{}\nname: a\nnamespace: biological_process\n"
OBO = "format-version: 1.2\n\n" + TERM.format(1) + "\n" + TERM.format(2) + "is_a: GO:1 ! root\n"
GENE2GO = (
    "#tax_id\tGeneID\tGO_ID\tEvidence\tQualifier\tGO_term\tPubMed\tCategory\n9606\t1\tGO:2\tIDA\t-\ta\t-\tProcess\n"
)
INPUTS = '[[input]]\nspecies = "human"\ntranscripts = "BENCH/two.fa"\n'


def compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def damaged(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 0xFF
    return bytes(changed)


ANNOTATED = "build -o {o}/c --species human --genome BENCH/g.fa --annotation FILE"
READERS: dict[str, tuple[str, str, str, list[Malformed]]] = {
    "GTF": (
        ANNOTATED,
        "a.gtf",
        GTF,
        [
            ("empty", "", ""),
            ("comments alone", "#a\n#b\n", ""),
            ("binary", RANDOM, ""),
            ("an image", PNG, ""),
            ("UTF-16", GTF.encode("utf-16"), ""),
            ("NUL", GTF.replace("G1", "G\0"), ""),
            ("latin-1", GTF.encode().replace(b"G1", b"G\xe9"), ""),
            ("carriage returns alone", (GTF + GTF).replace("\n", "\r"), ""),
            ("eight columns", "chr1\tx\texon\t1\t10\t.\t+\t.\n", "line 1"),
            ("eight columns later", GTF + "chr1\tx\texon\t1\t10\t.\t+\t.\n", "line 2"),
            ("a negative start", gtf({"start": -5}), "line 1: interval -5-300"),
            ("start 0", gtf({"start": 0}), "line 1"),
            ("start after end", gtf({"start": 400}), "line 1"),
            ("a coordinate with exponent", gtf({"end": "1e5"}), "line 1"),
            ("a coordinate of 2^63", gtf({"end": 2**63}), "line 1"),
            ("text as coordinate", gtf({}, {"end": "x"}), "line 2"),
            ("exon outside of the chromosome", gtf({"end": 5000}), "-beyond_sequence_end"),
            ("strand ?", gtf({"strand": "?"}), "no_strand"),
            ("a transcript on two chromosomes", gtf({}, {"chrom": "chr2"}), "two_chromosomes"),
            ("overlapping exons", gtf({}, {"start": 200, "end": 400}), "overlapping_exons"),
            ("an unknown chromosome", gtf({"chrom": "chr77"}), ""),
            ("no transcript_id", 'chr1\tx\texon\t1\t10\t.\t+\t.\tgene_id "G";\n', ""),
            ("no exons", gtf({"type": "gene"}), ""),
            ("terminal escapes", gtf({"chrom": "c\x1b[31m"}), ""),
            ("one line of 1 MB", "x" * 1_000_000, ""),
            ("ten columns", GTF.replace(";\n", ";\tx\n"), "line 1"),
            ("ten columns later", GTF + GTF.replace(";\n", ";\tx\n"), "line 2"),
            ("a fraction as coordinate", gtf({"start": 1.5}), "line 1: start is '1.5'"),
        ],
    ),
    "GTF, compressed": (
        ANNOTATED,
        "a.gtf.gz",
        GTF,
        [
            ("truncated", compressed(GTF)[:-12], ""),
            ("a header alone", compressed(GTF)[:10], ""),
            ("wrong CRC", damaged(compressed(GTF), -6), ""),
            ("wrong size", damaged(compressed(GTF), -2), ""),
            ("nothing within", compressed(""), ""),
            ("bzip2", b"BZh91AY&SY" + RANDOM[:90], ""),
        ],
    ),
    "GFF3": (
        ANNOTATED,
        "a.gff3",
        gff3(("mRNA", 100, 600, "ID=t;Parent=g"), ("exon", 100, 300, "Parent=t")),
        [
            ("an orphan exon", gff3(("exon", 100, 300, "Parent=zzz")), ""),
            ("nothing but a FASTA section", "##FASTA\n>x\nACGT\n", ""),
            ("genes alone", gff3(("gene", 100, 600, "ID=g")), ""),
            ("start after end", gff3(("mRNA", 100, 600, "ID=t"), ("exon", 9, 3, "Parent=t")), "line 2"),
        ],
    ),
    "genePred": (
        ANNOTATED,
        "a.genePred",
        genepred(),
        [
            ("too few exons", genepred(n=3), "line 1"),
            ("a negative count", genepred(n=-1), "line 1"),
            ("a huge count", genepred(n=10**9), "line 1"),
            ("an end before its start", genepred(ends="50,600,"), "line 1"),
            ("a negative start", genepred(starts="-9,399,"), "line 1"),
            ("an empty entry", genepred(starts="1,,2"), "line 1"),
            ("text as starts", genepred(starts="a,b,"), "line 1"),
            ("a text as transcript start", genepred() + genepred(a="x"), "line 2"),
        ],
    ),
    "BED12": (
        ANNOTATED,
        "a.bed",
        bed12(),
        [
            ("six columns", "chr1\t1\t10\tx\t0\t+\n", ""),
            ("a block after the end", bed12(starts="0,400,"), "line 1"),
            ("a block without length", bed12(sizes="0,201,"), "line 1"),
            ("a negative length", bed12(sizes="-5,201,"), "line 1"),
            ("a start of 9e18", bed12(a=9 * 10**18), "line 1"),
            ("overlapping blocks", bed12(starts="0,100,"), ""),
            ("text as count", bed12(n="two"), "line 1"),
            ("a later line without strand", bed12() + bed12(n="x"), "line 2"),
        ],
    ),
    "structures": (
        "build -o {o}/c --species human --transcripts BENCH/two.fa --annotation FILE",
        "a.structures.tsv",
        STRUCTURES + "T1\t4\t9\t3\t16\n",
        [
            ("a header alone", STRUCTURES, ""),
            ("a negative length", STRUCTURES + "T1\t-4\t9\t3\t16\n", "line 2"),
            ("ten digits", STRUCTURES + "T1\t9999999999\t9\t3\t16\n", "line 2"),
            ("a fraction", STRUCTURES + "T1\t4.5\t9\t3\t16\n", "line 2"),
            ("an exon of length 0", STRUCTURES + "T1\t4\t9\t3\t0,16\n", "line 2"),
            ("an empty id", STRUCTURES + "\t4\t9\t3\t16\n", "line 2"),
            ("four columns", STRUCTURES + "T1\t4\t9\t3\n", "line 2"),
            ("no id in common", STRUCTURES + "ZZ\t4\t9\t3\t16\n", ""),
            ("a terminal escape", STRUCTURES + "T1\tx\x1b[31m\t9\t3\t16\n", "line 2"),
        ],
    ),
    "FASTA to build": (
        "build -o {o}/c --species human --transcripts FILE",
        "r.fa",
        FASTA,
        [
            ("empty", "", ""),
            ("blank lines", "\n \n\n", ""),
            ("binary", RANDOM, ""),
            ("UTF-16", FASTA.encode("utf-16"), ""),
            ("carriage returns alone", FASTA.replace("\n", "\r"), ""),
            ("NUL in a sequence", ">T1\nAC\0GT\n", ""),
            ("protein", ">T1\nMKLVEEFPQW\n", "T1"),
            ("FASTQ", "@T1\nACGT\n+\nIIII\n", ""),
            ("gaps", ">T1\nAC--GT\n", "T1"),
            ("a stop", ">T1\nACGT*\n", "T1"),
            ("digits", ">T1\n1 ACGT 60\n", "T1"),
            ("no name", ">\nACGT\n", ""),
            ("a name of blanks", ">   \nACGT\n", ""),
            ("no header", "ACGT\n", ""),
            ("headers alone", ">T1\n>T2\n", ""),
            ("a terminal escape", ">T\x1b[31m\nAC!T\n", ""),
        ],
    ),
    "FASTA to embed": (
        "embed FILE --model BENCH/model -o {o}/e.parquet --threads 1",
        "r.fa",
        FASTA,
        [
            ("empty", "", ""),
            ("binary", RANDOM, ""),
            ("protein", ">T1\nMKLVEEFPQW\n", "T1"),
            ("no name", ">\nACGT\n", ""),
            ("no header", "ACGT\n", ""),
            ("an empty record", ">T1\nACGT\n>T2\n>T3\nACG\n", "T2"),
            ("an id twice", ">T1\nACGT\n>T1\nGGGG\n", "T1"),
        ],
    ),
    "FASTA, compressed": (
        "embed FILE --model BENCH/model -o {o}/e.parquet --threads 1",
        "r.fa.gz",
        FASTA,
        [
            ("truncated", compressed(FASTA)[:-9], ""),
            ("wrong CRC", damaged(compressed(FASTA), -7), ""),
            ("nothing within", compressed(""), ""),
        ],
    ),
    "homology": (
        "build -o {o}/c --species human --transcripts BENCH/two.fa --homology FILE",
        "h.data",
        HOMOLOGENE,
        [
            ("empty", "", ""),
            ("binary", RANDOM, ""),
            ("text", "hello\n", ""),
            ("a short line", HOMOLOGENE + "3\t9606\n", "line 2"),
            ("a bad third line", HOMOLOGENE * 2 + "x\t9606\t1\tA\tp\tq\n", "line 3"),
            ("a fraction", HOMOLOGENE.replace("3\t", "3.0\t", 1), "line 1"),
            ("a number of 30 digits", HOMOLOGENE.replace("3\t", f"{10**30}\t", 1), "line 1"),
            ("UTF-16", HOMOLOGENE.encode("utf-16"), ""),
            ("carriage returns alone", (HOMOLOGENE * 3).replace("\n", "\r"), ""),
            ("a superscript", HOMOLOGENE.replace("3\t", "²\t", 1), ""),
            ("orthologs, text as gene", ORTHOLOGS + "9606\tx\tOrtholog\t1\t2\n", "line 3"),
            ("orthologs, a short line", ORTHOLOGS + "9606\t34\n", "line 3"),
        ],
    ),
    "gene ids": (
        "build -o {o}/c --species human --transcripts BENCH/two.fa --homology BENCH/h.data --gene-ids FILE",
        "ids.tsv",
        GENE_IDS,
        [
            ("empty", "", ""),
            ("other columns", "a\tb\n1\t2\n", ""),
            ("binary", RANDOM, ""),
            ("text as Entrez id", GENE_IDS + "G2\tx\tA\n", "line 3"),
            ("a fraction", GENE_IDS + "G2\t34.5\tA\n", "line 3"),
            ("a number of 30 digits", GENE_IDS + f"G2\t{10**30}\tA\n", "line 3"),
            ("latin-1", GENE_IDS.encode() + b"G\xe9\t1\tA\n", ""),
            ("a field of 200 kB in CSV", GENE_IDS.replace("\t", ",").replace("G1", "G" * 200_000), "-"),
            ("a name of 200 kB in CSV", "gene_id,entrez," + "x" * 200_000 + "\nG1,34,A\n", ""),
        ],
    ),
    "labels": (
        "probe BENCH/e.parquet FILE --splits 2",
        "l.tsv",
        LABELS,
        [
            ("empty", "", ""),
            ("a header alone", "transcript_id\tgc\n", ""),
            ("binary", RANDOM, ""),
            ("UTF-16", LABELS.encode("utf-16"), ""),
            ("one column", "transcript_id\nt1\n", ""),
            ("no id column", LABELS.replace("transcript_id", "name"), ""),
            ("text as value", LABELS + "t1\tx\n", ""),
            ("infinity", LABELS.replace("\t3.5", "\tinf"), ""),
            ("NaN as text of a number", LABELS.replace("\t3.5", "\t1e999"), ""),
            ("too many columns in a line", LABELS + "t1\t1\t2\n", ""),
            ("one value for all", "transcript_id\tgc\n" + "".join(f"t{i}\t1\n" for i in range(40)), ""),
            ("no id in common", "transcript_id\tgc\n" + "".join(f"z{i}\t{i}\n" for i in range(40)), ""),
        ],
    ),
    "labels, compressed": (
        "probe BENCH/e.parquet FILE --splits 2",
        "l.tsv.gz",
        LABELS,
        [("truncated", compressed(LABELS)[:-9], ""), ("wrong CRC", damaged(compressed(LABELS), -6), "")],
    ),
    "task": (
        "probe BENCH/e.parquet FILE --splits 2",
        "t.toml",
        TASK,
        [
            ("empty", "", ""),
            ("binary", RANDOM, ""),
            ("no name", TASK.replace('name = "gc"\n', ""), "name"),
            ("a number as name", TASK.replace('"gc"', "5"), "name"),
            ("an unknown key", TASK + "zz = 1\n", "zz"),
            ("an unknown table", TASK + "[zz]\na = 1\n", "zz"),
            ("no labels", TASK.replace("[labels]\n", "[zz]\n"), ""),
            ("a number as file", TASK.replace('"BENCH/labels.tsv"', "5"), "file"),
            ("no file", TASK.replace('"BENCH/labels.tsv"', "[]"), "file"),
            ("an unknown split", TASK + 'split = "x"\n', "split"),
            ("unknown RNAs", TASK.replace('"all"', '"zz"'), "rnas"),
            (
                "samples as a list",
                TASK.replace('[samples]\nrnas = "all"', "").replace("[labels]", "samples = [1]\n[labels]"),
                "samples",
            ),
            ("deep", "a = " + "[" * 50_000, "nested too deeply"),
        ],
    ),
    "construct": (
        "tasks FILE --fasta {o}/a.fa",
        "a.toml",
        CONSTRUCT,
        [
            ("a line break in the name", CONSTRUCT.replace("é", "a\\n>b"), "name"),
            ("a CDS without stop", CONSTRUCT.replace("ATGTAA", "ATGGCT"), "cds"),
            ("letters that no RNA has", CONSTRUCT.replace("GG", "GX!"), "before"),
            ("no such column", CONSTRUCT.replace('"utr"', '"zz"'), "-zz"),
            ("an unknown key", CONSTRUCT + "zz = 1\n", "zz"),
            ("an empty insert", CONSTRUCT.replace("utr.tsv", "empty.tsv"), "-empty.tsv: line 3"),
            ("a wrong insert", CONSTRUCT.replace("utr.tsv", "wrong.tsv"), "-position 5 is '!'"),
        ],
    ),
    "inputs.toml": (
        "build FILE -o {o}/c",
        "i.toml",
        INPUTS,
        [
            ("empty", "", ""),
            ("binary", RANDOM, ""),
            ("UTF-16", INPUTS.encode("utf-16"), "UTF-8"),
            ("NUL", INPUTS.replace("human", "hu\0man"), ""),
            ("a table that is not closed", "[[input]\n", "line 1"),
            ("a key twice", INPUTS + 'species = "mouse"\n', ""),
            ("an unknown key", INPUTS + "zzz = 1\n", "zzz"),
            ("an unknown option", "zzz = 1\n" + INPUTS, "zzz"),
            ("text as input", 'input = "x"\n', "input"),
            ("a list of texts as input", 'input = ["x"]\n', "input"),
            ("a number as species", INPUTS.replace('"human"', "5"), "species"),
            ("no species", INPUTS.replace('"human"', '" "'), "species"),
            ("a number as path", INPUTS.replace('"BENCH/two.fa"', "7"), "transcripts"),
            ("NUL in a path", INPUTS.replace("two.fa", "a\\u0000b"), ""),
            ("a path of 5,000 characters", INPUTS.replace("two.fa", "a" * 5000), "-name too long"),
            ("another person's home", INPUTS.replace("BENCH/two.fa", "~nouser12345/x"), ""),
            ("a number as annotation", INPUTS + "annotation = [1]\n", "annotation"),
            ("text as orf", 'orf = "yes"\n' + INPUTS, "orf"),
            ("1 as orf", "orf = 1\n" + INPUTS, "orf"),
            ("true as max_length", "max_length = true\n" + INPUTS, "max"),
            ("a fraction as max_length", "max_length = 1.5\n" + INPUTS, "max"),
            ("infinite max_length", "max_length = inf\n" + INPUTS, "max"),
            ("negative max_length", "max_length = -1\n" + INPUTS, "max"),
            ("negative jobs", "jobs = -1\n" + INPUTS, "jobs"),
            ("an unknown scope", 'scope = "x"\n' + INPUTS, "scope"),
            ("gene_ids of an unknown species", 'gene_ids = {zebra = "BENCH/labels.tsv"}\n' + INPUTS, "-zebra"),
            ("a number as gene_ids", "gene_ids = 3\n" + INPUTS, "gene"),
            ("an integer of 10,000 digits", "max_length = " + "9" * 10_000 + "\n" + INPUTS, ""),
            ("deep", "a = " + "[" * 50_000, "nested too deeply"),
        ],
    ),
    "plan": (
        "evaluate FILE -o {o}/r --dry-run",
        "plan.toml",
        PLAN,
        [
            ("empty", "", ""),
            ("binary", RANDOM, ""),
            ("no corpus", PLAN.split("\n", 1)[1], "corpus"),
            ("no such corpus", PLAN.replace("BENCH/corpus", "nowhere"), "-nowhere"),
            ("a file as corpus", PLAN.replace("BENCH/corpus", "BENCH/two.fa"), "-two.fa"),
            ("a number as corpus", PLAN.replace('"BENCH/corpus"', "5"), "corpus"),
            ("no model", PLAN.replace("[[model]]", "[[zz]]"), ""),
            ("a model twice", PLAN + '[[model]]\nname = "M"\npath = "BENCH/model"\n', "M"),
            ("no study", PLAN.split("[main]")[0], ""),
            ("an unknown study", PLAN + "[zz]\n", "zz"),
            ("an unknown method", PLAN.replace('"length"', '"zz"'), "methods"),
            ("a number as methods", PLAN.replace('["length"]', "5"), "methods"),
            ("a variable that is not set", PLAN.replace("BENCH/corpus", "${NOPE_X}"), "NOPE_X"),
            ("a negative seed", "seed = -1\n" + PLAN, "seed"),
            ("true as seed", "seed = true\n" + PLAN, "seed"),
            ("no threads", "threads = 0\n" + PLAN, "threads"),
            ("an unknown precision", 'precision = "x"\n' + PLAN, "precision"),
            ("no splits", PLAN.replace("[main]", "splits = 0\n[main]"), "splits"),
            ("percentage 0", PLAN + "[low_data]\npercentages = [0]\n", "percentages"),
            ("percentage NaN", PLAN + "[low_data]\npercentages = [nan]\n", "percentages"),
            ("an unknown option of networks", PLAN + "[finetuning.finetune]\nzz = 1\n", "zz"),
            ("text as epochs", PLAN + '[finetuning.finetune]\nepochs = "x"\n', "epochs"),
            ("epochs out of range", PLAN + "[finetuning.finetune]\nepochs = 0\n", "epochs"),
            (
                "text as steps of an ablation",
                PLAN + '[ablations]\n[[ablations.run]]\nname = "a"\nsteps = "x"\n',
                "steps",
            ),
            ("few RNAs of a map", PLAN + "[latent]\nrnas = 0\n", "rnas"),
            ("no RNAs to mutate", PLAN + "[mutagenesis]\nrnas = 0\n", "rnas"),
            (
                "no such embeddings",
                PLAN + '[[embeddings]]\nname = "x"\npath = "/nowhere.parquet"\n',
                "-/nowhere.parquet",
            ),
            ("a number as chromosomes", PLAN.replace("[main]", "chromosomes = [1]\n[main]"), ""),
            ("deep", "a = " + "[" * 50_000, "nested too deeply"),
            ("a key of 20,000 parts", "a." * 20_000 + "b = 1\n", "a hundred parts"),
        ],
    ),
    "recipe": (
        "pretrain BENCH/corpus --config FILE -o {o}/r --steps 1",
        "recipe.toml",
        "batch-size = 8\n",
        [
            ("an unknown option", "zzz = 1\n", "zzz"),
            ("text as a number", 'batch-size = "x"\n', "--batch-size"),
            ("out of range", "mask = 1.5\n", "--mask"),
            ("a NaN", "learning-rate = nan\n", "--learning-rate"),
            ("binary", RANDOM, ""),
            ("a list", "batch-size = [8]\n", "--batch-size"),
        ],
    ),
    "ids of subset": (
        "subset BENCH/corpus -o {o}/s --transcripts FILE",
        "ids.txt",
        "t1\nt2\n",
        [("empty", "", "-no transcript"), ("binary", b"\xff\xfe\x00", ""), ("an unknown id", "t1\nNOPE\n", "NOPE")],
    ),
}
CASES = [
    pytest.param(reader, content, part, id=f"{reader}: {what}")
    for reader, (_, _, _, malformed) in READERS.items()
    for what, content, part in malformed
]


def write(reader: str, content: bytes | str, bench: Path, folder: Path) -> tuple[list[str], Path]:
    command, name, _, _ = READERS[reader]
    (bench / "h.data").write_text(HOMOLOGENE)
    for table, insert in (("utr", "ACGG"), ("empty", ""), ("wrong", "AC!T")):
        (bench / f"{table}.tsv").write_text(f"utr\tload\nACGT\t1\n{insert}\t2\n")
    (bench / "task.toml").write_text(TASK.replace("BENCH", str(bench)))
    path = folder / name
    if isinstance(content, str):
        content = content.replace("BENCH", str(bench)).encode()
    path.write_bytes(content)
    words = [word.replace("BENCH", str(bench)).replace("FILE", str(path)) for word in command.split()]
    return words, path


@pytest.mark.parametrize(("reader", "content", "part"), CASES)
def test_malformed(reader: str, content: bytes | str, part: str, bench: Path, tmp_path: Path, refuse: Any) -> None:
    words, path = write(reader, content, bench, tmp_path)
    parts = [part[1:]] if part.startswith("-") else [path.name, part]
    refuse(words, *parts)


@pytest.mark.parametrize("reader", READERS)
def test_well_formed(reader: str, bench: Path, tmp_path: Path) -> None:
    """The good file passes: a refusal above is due to what is wrong there."""
    from isoclr import cli

    content: bytes | str = READERS[reader][2]
    if reader.endswith("compressed"):
        content = compressed(str(content))
    words, _ = write(reader, content, bench, tmp_path)
    assert cli.main([word.replace("{o}", str(tmp_path)) for word in words]) == 0


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["missing", "directory", "FIFO", "loop of links"])
def test_no_file(reader: str, kind: str, bench: Path, tmp_path: Path, refuse: Any) -> None:
    words, path = write(reader, "", bench, tmp_path)
    path.unlink()
    if kind == "directory":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "loop of links":
        path.symlink_to(path.name)
    refuse(words, path.name)


ONTOLOGY: list[tuple[str, bytes | str, bytes | str, str]] = [
    ("empty", "", GENE2GO, "o.obo"),
    ("binary", RANDOM, GENE2GO, "o.obo"),
    ("UTF-16", OBO.encode("utf-16"), GENE2GO, "o.obo"),
    ("truncated gzip", compressed(OBO * 9)[:-9], GENE2GO, "o.obo"),
    ("no id", "[Term]\nname: x\n", GENE2GO, "o.obo: line 1"),
    ("no namespace", OBO + "\n[Term]\nid: GO:3\n", GENE2GO, "GO:3"),
    ("a term twice", OBO + "\n" + TERM.format(2), GENE2GO, "GO:2"),
    ("no parent", OBO + "\n" + TERM.format(3) + "is_a: GO:99\n", GENE2GO, "GO:99"),
    ("gene2go empty", OBO, "", "g2g"),
    ("gene2go binary", OBO, RANDOM, "g2g"),
    ("gene2go of other columns", OBO, "a\tb\tc\n1\t2\t3\n", "g2g: line 1"),
    ("gene2go without rows", OBO, GENE2GO.split("\n")[0] + "\n", "g2g"),
    ("gene2go of another species", OBO, GENE2GO.replace("9606", "10090"), "g2g"),
    ("gene2go of unknown terms", OBO, GENE2GO.replace("GO:2", "GO:77"), "unknown_term"),
    ("text as GeneID", OBO, GENE2GO + "9606\tx\tGO:2\tIDA\t-\n", "g2g: line 3"),
    ("no GeneID", OBO, GENE2GO + "9606\t\tGO:2\tIDA\t-\n", "g2g: line 3"),
    ("a superscript as GeneID", OBO, GENE2GO + "9606\t²\tGO:2\tIDA\t-\n", "g2g: line 3"),
    ("a long GeneID", OBO, GENE2GO + f"9606\t{'9' * 9999}\tGO:2\tIDA\t-\n", "g2g: line 3"),
    ("no gene in common", OBO, GENE2GO, ""),
]


@pytest.mark.parametrize(("terms", "genes", "part"), [pytest.param(*case[1:], id=case[0]) for case in ONTOLOGY])
def test_ontology(terms: bytes | str, genes: bytes | str, part: str, bench: Path, tmp_path: Path, refuse: Any) -> None:
    for name, content in (("o.obo", terms), ("g2g", genes)):
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "t.toml").write_text(
        'name = "o"\ntitle = "O"\n[ontology]\nterms = "o.obo"\nannotations = "g2g"\n[samples]\nspecies = "human"\n'
    )
    words = ["ontology", str(bench / "e.parquet"), str(tmp_path / "t.toml")]
    refuse([*words, "--corpus", str(bench / "corpus"), "--csv", "{o}/t.csv"], part)
