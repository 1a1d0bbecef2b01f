"""The encoder and heads in a real browser, opened from a file, against Python's."""

import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoclr
from isoclr.atlas.browser_model import SCRIPT, write_browser_model
from isoclr.embedding.distributed import embed_blocks
from isoclr.embedding.embed import encoder_embedder
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.inputs import read_rnas
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters
from isoclr.genomics.fasta import read_transcripts
from isoclr.models.encoder import Encoder
from isoclr.models.load import load
from isoclr.probing.head import Head, load_head
from isoclr.probing.predict import predict_block
from isoclr.probing.resolve import shipped_heads

WEB = Path(__file__).parents[2] / "web/src/model"
Open = Callable[[Encoder, Sequence[Head]], None]


@pytest.fixture
def open_model(chromium: Any, tmp_path: Path) -> Open:
    """Load a model in a page opened from a file, as ``window.model``."""

    def open_model(model: Encoder, heads: Sequence[Head] = ()) -> None:
        write_browser_model(tmp_path / "model-data.js", model, heads)
        page = tmp_path / "page.html"
        page.write_text(
            f'<!doctype html><script src="{SCRIPT.as_uri()}"></script><script src="model-data.js"></script>'
            "<script>document.documentElement.dataset.ready = 'yes'</script>"
        )
        chromium.open(page)
        chromium.run("isoclrModel.loadModel(isoclrModelShard).then((model) => { window.model = model; })")

    return open_model


def in_browser(chromium: Any, text: str, annotation: dict[str, Any] | None = None) -> Any:
    """What the page finds for every RNA of a text."""
    options = "undefined" if annotation is None else json.dumps(annotation)
    return chromium.run(
        f"""(async () => {{
          const found = [];
          for (const rna of model.read({json.dumps(text)}, {options})) {{
            const embedding = await model.embed(rna);
            const {{ name, length, cds, cdsSource }} = rna;
            const predictions = model.predict(embedding, rna);
            found.push({{ name, length, cds, cdsSource, embedding: [...embedding], predictions }});
          }}
          return found;
        }})()"""
    )


def error_in_browser(chromium: Any, script: str) -> str:
    """The message of the error that a script of the page ends in."""
    return str(chromium.run(f"(async () => {script})().then(() => 'no error', (e) => `${{e.name}}: ${{e.message}}`)"))


def in_python(fasta: Path, model: Encoder, annotation: tuple[Path, ...] = ()) -> Embeddings:
    """What ``isoclr embed`` finds for a FASTA, with a model that is in no file."""
    rnas = read_rnas([fasta], species="", genome=None, annotation=annotation, orf=True)
    (block,) = embed_blocks(rnas, encoder_embedder(model, device="cpu"))
    return block


def heads_of_whole_rnas() -> list[Head]:
    """The heads of the newest model that ships which read embeddings alone."""
    sha256 = load("isoclr-s").sha256
    heads = [load_head(path) for path in shipped_heads()]
    return [head for head in heads if head.model["sha256"] == sha256 and head.region == "rna"]


def check_equal(found: Any, expected: Embeddings, heads: Sequence[Head] = ()) -> None:
    table = expected.table
    assert [one["length"] for one in found] == table["length"].to_list()
    assert [one["name"] for one in found] == table["transcript_id"].to_list()
    assert [one["cdsSource"] for one in found] == table["cds_source"].to_list()
    coding = [end - start for start, end in (one["cds"] or (0, 0) for one in found)]
    assert coding == table["cds_length"].to_list()
    embeddings = np.array([one["embedding"] for one in found])
    assert np.abs(embeddings - expected.matrix).max() < 1e-4
    pairs = [(head, label) for head in heads for label in head.targets]
    for i, (head, label) in enumerate(pairs):
        predictions = predict_block(replace(head, targets=(label,)), expected, None)
        shown = [one["predictions"][i] for one in found]
        assert {(one["name"], one["head"], one["unit"]) for one in shown} == {
            (label.name, head.name, label.metadata.get("units", ""))
        }
        assert [one["extrapolating"] for one in shown] == predictions["extrapolating"].to_list()
        for field in ("value", "lower", "upper"):
            ours = np.array([one[field] for one in shown], np.float64)
            theirs = predictions[field].cast(float).to_numpy()
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5, err_msg=field)


def sequence(rng: random.Random, length: int, alphabet: str = "ACGT") -> str:
    return "".join(rng.choices(alphabet, k=length))


def mrna(rng: random.Random, codons: int, utr5: int = 40, utr3: int = 60) -> str:
    sense = "".join(rng.choices(["GCT", "AAA", "CTG", "GAT", "TTC", "ACC", "CAG"], k=codons))
    return sequence(rng, utr5) + "ATG" + sense + "TAA" + sequence(rng, utr3)


def hostile_fasta() -> str:
    """Records of every form that a header and a sequence can have."""
    rng = random.Random(0)
    with_stop = mrna(rng, 120, utr5=50)  # CDS 51-416
    gencode = "ENST00000000001.2|ENSG00000000001.3|-|-|A-1|A|476|UTR5:1-50|CDS:51-416|UTR3:417-476|"
    partial = "CC" + "GCT" * 30 + "TAA" + sequence(rng, 200)
    twins = "ATG" + "GCT" * 110 + "TAA" + "C" + "ATG" + "AAA" * 110 + "TGA"
    records = {
        "plain": with_stop,
        "lower": with_stop.lower(),
        "rna": with_stop.replace("T", "U"),
        "ambiguous": sequence(rng, 300, "ACGTNRYSWKMBDHVX"),
        "all_n": "N" * 100,
        "spaced x": " ".join(with_stop),
        "windows\r": "\r\n".join(re.findall(".{1,60}", with_stop)) + "\r",
        "blank\tlines": "\n\n" + with_stop + "\n \n",
        gencode: with_stop,
        "gffread gene=G CDS=51-416": with_stop,
        "no_stop CDS=51-413": with_stop,
        "frame CDS=51-412": with_stop,
        "zero CDS=0-30": with_stop,
        "beyond CDS=51-4160": with_stop,
        "reversed CDS=90-51": with_stop,
        "too_short CDS=51-52": with_stop,
        "huge CDS=1-99999999999999999999999": with_stop,
        "partial CDS=1-95": partial,
        "partial_open CDS=1-94": partial,
        "partial_atg CDS=1-330": "ATG" + "GCT" * 120,
        "tiny CDS=1-2": "ACGT",
        "NR_000001.1": with_stop,
        "XR_000001.1 something, ncRNA": with_stop,
        "NM_000001.1 Homo sapiens a gene (A), mRNA": with_stop,
        "ENST00000000002.1 cdna gene:ENSG1 gene_biotype:x transcript_biotype:lncRNA": with_stop,
        "ENST00000000003.1 cdna gene_biotype:protein_coding description:a transcript_biotype:rRNA": with_stop,
        "ENST00000000004.1 ncrna chromosome:1": with_stop,
        "ENSG00000000001.1|ENST00000000005.1|X": with_stop,
        "lcl|x [transcript_id=NR_7.1] [gene=A]": with_stop,
        "twins": twins,
        "no_orf": sequence(rng, 250, "CG"),
        "orf_297": "ATG" + "GCT" * 97 + "TAA",
        "orf_300": "ATG" + "GCT" * 98 + "TAA",
        "open": "ATG" + "GCT" * 200,
        "n_in_stop": "ATG" + "GCT" * 150 + "TAN" + "GCT" * 5 + "TAG",
        "<img src=x onerror=alert(1)>": "ACGUACGU",
        "käse \N{SNOWMAN}": "ACGU",
    }  # fmt: skip
    for length in (1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 100):
        records[f"n{length}"] = sequence(rng, length)
    for i in range(12):
        records[f"m{i}"] = mrna(rng, 60 + 20 * i)
    records["long"] = mrna(rng, 700, 300, 1200)
    return "\ufeff\n" + "".join(f">{header}\n{bases}\n" for header, bases in records.items())


@pytest.mark.slow
def test_equals_python_on_every_form_of_input(open_model: Open, chromium: Any, tmp_path: Path) -> None:
    model, heads = load("isoclr-s"), heads_of_whole_rnas()
    fasta = tmp_path / "rnas.fa"
    text = hostile_fasta()
    fasta.write_bytes(text.encode())
    open_model(model, heads)
    found = in_browser(chromium, text)
    assert len(found) >= 60
    expected = in_python(fasta, model)
    assert set(expected.table["cds_source"]) == {"annotated", "orf", "none"}
    check_equal(found, expected, heads)
    assert len({one["predictions"][0]["extrapolating"] for one in found}) == 2
    assert chromium.complaints() == []


@pytest.mark.slow
@pytest.mark.realdata
def test_equals_python_on_real_rnas(open_model: Open, chromium: Any, tmp_path: Path, real_data: Path) -> None:
    model, heads = load("isoclr-s"), heads_of_whole_rnas()
    rnas = read_transcripts(real_data / "transcripts/human_refseq.fa.gz")
    rows = [row for row in range(len(rnas)) if len(rnas.codes_of(row)) < 2500][::100][:12]
    assert len(rows) == 12
    text = "".join(f">{rnas.table['transcript_id'][row]}\n{letters(rnas.codes_of(row))}\n" for row in rows)
    fasta = tmp_path / "rnas.fa"
    fasta.write_text(text)
    open_model(model, heads)
    check_equal(in_browser(chromium, text), in_python(fasta, model), heads)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooling", "growing"),
    [("last", True), ("all", False), ("last-sqrt", False), ("all-std", True), ("all-std-sqrt", False)],
)
def test_every_read_out_and_width(
    open_model: Open, chromium: Any, small_encoder: Callable[..., Encoder], tmp_path: Path, pooling: str, growing: bool
) -> None:
    rng = random.Random(1)
    lengths = (1, 37, 1000, 70_001)  # the last is computed in tiles
    text = "".join(f">n{n}\n{sequence(rng, n)}\n" for n in lengths)
    (tmp_path / "rnas.fa").write_text(text)
    model = small_encoder(pooling, growing=growing, tracks=4 + growing)
    open_model(model, [])
    check_equal(in_browser(chromium, text), in_python(tmp_path / "rnas.fa", model))


@pytest.mark.slow
def test_exons_and_coding_sequences_that_are_given(
    open_model: Open, chromium: Any, small_encoder: Callable[..., Encoder], tmp_path: Path
) -> None:
    rng = random.Random(2)
    bases = mrna(rng, 120, utr5=50)
    model = small_encoder("all", growing=False)
    open_model(model, [])
    (tmp_path / "rna.fa").write_text(f">a\n{bases}\n")
    (tmp_path / "a.structures.tsv").write_text(
        "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"
        f"a\t50\t366\t{len(bases) - 416}\t100,150,{len(bases) - 250}\n"
    )
    annotation = {"cds": [50, 413], "exonEnds": [100, 250, len(bases)]}  # the stop codon is added
    found = in_browser(chromium, f">a\n{bases}", annotation)
    expected = in_python(tmp_path / "rna.fa", model, (tmp_path / "a.structures.tsv",))
    check_equal(found, expected)
    (bare,) = in_browser(chromium, bases, {"cds": None})
    assert (bare["name"], bare["cds"], bare["cdsSource"]) == ("", None, "none")
    assert np.abs(np.array(bare["embedding"]) - expected.matrix[0]).max() > 1e-3


@pytest.mark.slow
def test_labels_of_two_classes(open_model: Open, chromium: Any, workbench: Path, tmp_path: Path) -> None:
    gc = [line.split("\t") for line in (workbench / "labels.tsv").read_text().splitlines()[1:]]
    rows = [f"{name}\t{value}\t{int(float(value) > 0.45)}" for name, value in gc]
    (tmp_path / "labels.tsv").write_text("\n".join(["transcript_id\tgc\trich", *rows, ""]))
    isoclr.fit(
        workbench / "e.parquet",
        tmp_path / "labels.tsv",
        out=tmp_path / "head",
        label=("gc", "rich"),
        folds=4,
        rnas="annotated",
    )
    model, head = load(workbench / "model"), load_head(tmp_path / "head")
    open_model(model, [head])
    text = "".join((workbench / "mrnas.fa").read_text().splitlines(keepends=True)[:28])  # of every content of G and C
    (tmp_path / "some.fa").write_text(text)
    found = in_browser(chromium, text)
    expected = in_python(tmp_path / "some.fa", model)
    check_equal(found, expected, [head])
    probabilities = [one["predictions"][1]["value"] for one in found]
    assert 0 < min(probabilities) < 0.5 < max(probabilities) < 1
    assert {one["predictions"][1]["lower"] for one in found} == {None}


@pytest.mark.slow
def test_bad_input_is_one_line_as_in_python(open_model: Open, chromium: Any, workbench: Path, tmp_path: Path) -> None:
    model = load(workbench / "model")
    open_model(model, [load_head(workbench / "head")])
    path = tmp_path / "bad.fa"
    for text in (
        ">a\nACGTE\n",
        ">a b\nAC\nG*T\n",
        "\n>a\nACG\nT\n>b\nAC!\n",
        ">a\nAC\u00e9GT\n",
        ">a\nMKVLAAGIVGLLLAQWERTY\n",
        ">a\n" + "A" * 1234 + "-",
        "> \nACGT\n",
    ):
        path.write_text(text)
        with pytest.raises(InputError) as error:
            isoclr.embed((path,), model=str(workbench / "model"))
        expected = f"InputError: {str(error.value).removeprefix(f'{path}: ')}"
        assert error_in_browser(chromium, f"model.read({json.dumps(text)})") == expected
    for call, message in {
        "model.read('')": "the input is empty",
        "model.read(' >\\n')": "record 1 (line 1) has no name",
        "model.read('>a\\n>b\\nACGT')": "record 'a' is empty",
        "model.read('>a\\nSequence unavailable\\n>b\\nACGT')": "record 'a' is empty",
        "model.read('>a\\nACGT\\n>a\\nACGT')": "record 'a' is repeated",
        "model.embed('>a\\nACGT\\n>b\\nACGT')": "found 2 records, expected one",
        "model.read('>a\\nACGT\\n>b\\nACGT', {exonEnds: [4]})": "found 2 records",
        "model.read('ACGT', {exonEnds: [5]})": "exon ends 5: expected ascending positions, the last 4",
        "model.read('ACGT', {exonEnds: [3, 2, 4]})": "exon ends 3,2,4",
        "model.read('ACGT', {exonEnds: []})": "exon ends",
        "model.read('ACGT', {cds: [0, 5]})": "CDS 0-5: expected at least one codon within the RNA of 4",
        "model.read('ACGT', {cds: [-1, 3]})": "CDS -1-3",
        "model.read('ACGT', {cds: [0.5, 4]})": "CDS 0.5-4",
        "model.predict(new Float32Array(3))": "expected an embedding of 256",
        "model.predict(new Float32Array(256).fill(NaN))": "expected an embedding of 256 finite",
        "model.predict(new Float32Array(256), undefined, 0.999)": "coverage 0.999: expected more than 0",
        "isoclrModel.loadModel({})": "the file of weights is missing",
        "isoclrModel.loadModel()": "the file of weights is missing",
    }.items():
        answer = error_in_browser(chromium, call)
        assert answer.startswith(f"InputError: {message}"), (call, answer)
        assert "\n" not in answer


@pytest.mark.slow
def test_the_page_answers_while_an_embedding_is_computed(open_model: Open, chromium: Any, workbench: Path) -> None:
    open_model(load(workbench / "model"), [])
    order = chromium.run(
        """new Promise((resolve) => {
          const order = [];
          model.embed('ACGGUAGCUA'.repeat(2000)).then(() => resolve([...order, 'embedding']));
          setTimeout(() => order.push('timer'), 20);
        })"""
    )
    assert order == ["timer", "embedding"]
    closing = "{ const waiting = model.embed('ACGU'.repeat(999)); model.close(); await waiting; }"
    assert error_in_browser(chromium, closing) == "Error: the model is closed"
    assert error_in_browser(chromium, "model.embed('ACGU')") == "Error: the model is closed"


@pytest.mark.slow
def test_a_page_that_allows_no_worker_computes_itself(
    open_model: Open, chromium: Any, workbench: Path, tmp_path: Path
) -> None:
    model = load(workbench / "model")
    open_model(model, [])
    page = tmp_path / "page.html"
    policy = "<meta http-equiv='Content-Security-Policy' content=\"worker-src 'none'\">"
    page.write_text(page.read_text().replace("<!doctype html>", f"<!doctype html>{policy}"))
    chromium.open(page)
    found = chromium.run(
        "isoclrModel.loadModel(isoclrModelShard).then((m) => m.embed('ACGGUAGCUA')).then((e) => [...e])"
    )
    assert np.abs(np.array(found) - model.embed(["ACGGUAGCUA"])[0]).max() < 2e-5


def test_a_head_of_another_model_is_refused(workbench: Path, tmp_path: Path) -> None:
    head = load_head(workbench / "head")
    with pytest.raises(InputError, match=r"head 'gc' needs weights [0-9a-f]{12} of isoclr-s, found"):
        write_browser_model(tmp_path / "x.js", isoclr.create("isoclr-s", seed=1), [head])
    assert not list(tmp_path.iterdir())


def test_what_ships_is_small_enough_for_one_file(tmp_path: Path) -> None:
    heads = heads_of_whole_rnas()
    write_browser_model(tmp_path / "x.js", load("isoclr-s"), heads[:2])
    assert (tmp_path / "x.js").stat().st_size < 5e6


def test_the_bundle_is_built_from_these_sources() -> None:
    content = b"".join(path.read_bytes() for path in sorted(WEB.glob("*.ts")))
    digest = hashlib.sha256(content).hexdigest()
    assert f"// sources: sha256 {digest}" in SCRIPT.read_text(), "run `npm run build:model` in web/"
