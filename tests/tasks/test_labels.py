import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.tasks.join import join_labels, representatives
from isoclr.tasks.labels import Labels, find_id_columns, read_labels
from isoclr.tasks.splits import chromosomes_of

SAMPLES = pl.DataFrame(
    {
        "transcript_id": ["NM_000001.3", "ENST00000000002.1", "T3", "T4"],
        "gene_id": ["G1", "ENSG00000000002.5", "G3", "G3"],
        "species": ["human", "human", "mouse", "mouse"],
        "chromosome": pl.Series([None] * 4, dtype=pl.String),
    }
)
BED = "chr7\t10\t40\tNM_000001\t0\t+\t10\t40\t0\t1\t30,\t0,\n"
TABLE = "gene_id\tchrom\nENSG00000000002\tX\nG3\tchrM\n"


def written(folder: Path, text: str, name: str = "labels.tsv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_transcripts_and_genes_are_looked_up_without_versions(tmp_path: Path) -> None:
    files = [written(tmp_path, BED, "a.bed"), written(tmp_path, TABLE, "b.tsv")]
    groups, ambiguous = chromosomes_of(SAMPLES, files)
    assert groups.tolist() == ["human|7", "human|X", "mouse|MT", "mouse|MT"]
    assert ambiguous == 0


def test_the_label_table_s_own_column_comes_first(tmp_path: Path) -> None:
    own = pl.Series(["chr1", None, None, "2"])
    samples = SAMPLES.with_columns(chromosome=own)
    groups, _ = chromosomes_of(samples, [written(tmp_path, TABLE, "b.tsv")])
    assert groups.tolist() == ["human|1", "human|X", "mouse|MT", "mouse|2"]


def test_unknown_and_ambiguous_ids_are_counted(tmp_path: Path) -> None:
    text = "gene_id\tchromosome\nG1\t3\nG1\t4\nG9\t5\n"
    groups, ambiguous = chromosomes_of(SAMPLES, [written(tmp_path, text, "b.tsv")])
    assert groups.tolist() == ["human|3", "", "", ""]
    assert ambiguous == 1


def test_files_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"columns are gene_id, x; expected gene_id or trans"):
        chromosomes_of(SAMPLES, [written(tmp_path, "gene_id\tx\nG1\t3\n", "b.tsv")])
    with pytest.raises(InputError, match=r"c.tsv: no chromosome for any of the 4 labelled RNAs"):
        chromosomes_of(SAMPLES, [written(tmp_path, "gene_id\tchromosome\nG7\t3\n", "c.tsv")])
    with pytest.raises(
        InputError, match=r"the label table, which has no column chromosome: no .* expected --chromosomes"
    ):
        chromosomes_of(SAMPLES, [])


def test_a_table_by_gene_with_folds(tmp_path: Path) -> None:
    path = written(tmp_path, "gene_id\thalf_life\tfold\nG1\t1.5\t2\nG2\tNA\t1\nG3\t-2e-1\t1\n")
    labels = read_labels(path)
    assert (labels.name, labels.level, labels.missing, labels.has_folds) == ("half_life", "gene_id", 1, True)
    assert labels.table.rows() == [(2, "G1", 1.5, "2", None), (4, "G3", -0.2, "1", None)]


def test_csv_parquet_and_gz_hold_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"transcript_id": ["T1", "T2"], "te": [0.25, 3.0], "note": ["a", "b"]})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    tables = [read_labels(tmp_path / name) for name in ("a.csv", "a.parquet", "a.csv.gz")]
    assert all(labels.level == "transcript_id" and labels.name == "te" for labels in tables)
    assert all(labels.table.equals(tables[0].table) for labels in tables)
    assert not tables[0].has_folds


def test_the_label_column_is_chosen_when_there_are_several(tmp_path: Path) -> None:
    path = written(tmp_path, "gene_id\ta\tb\nG1\t1\t2\nG2\t3\t2\nG3\t1\t5\n")
    assert read_labels(path, "b").table["value"].to_list() == [2, 2, 5]
    assert read_labels(path, "b").binary
    with pytest.raises(InputError, match=r"a, b could be it; choose"):
        read_labels(path)


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("name\tx\na\t1\n", None, r"columns are name, x; expected an id column"),
        ("gene_id\tx\nG1\t1\nG2\tmuch\n", None, r"line 3: x is 'much', expected a finite number"),
        ("gene_id\tx\nG1\t1\nG2\tn.d.\n", None, r"line 3: x is 'n.d.'"),
        ("gene_id\tx\nG1\t1\nG2\tinf\n", "x", r"line 3: x is 'inf'"),
        ("gene_id\tx\nG1\t1\nG2\t1e200\n", "x", r"line 3: x is '1e200'"),
        ("gene_id\tx\nG1\t1\n", "y", r"no column 'y'; the columns are"),
        ("gene_id\tx\nG1\tNA\n", "x", r"no row has a value"),
        ("gene_id\tx\n\t1\n", "x", r"line 2: the id is empty"),
        ("x\nG1\t1\n", None, r"line 2 has 2 columns, but the header has 1"),  # as R writes row names
        ('gene_id\tx\nG1\t"a\tb"\nG2\t1\t2\n', None, r"line 3 has 3 columns, but the header has 2"),
        ("gene_id\tx\nG1\t1\nG2\t1\nG1\t2\n", "x", r"line 4: G1 has a label already \(line 2\)"),
    ],
)
def test_bad_tables_end_in_one_line(tmp_path: Path, text: str, label: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_labels(written(tmp_path, text), label)
    assert "\n" not in str(caught.value)


def test_two_versions_of_one_gene_are_one_gene(tmp_path: Path) -> None:
    text = "gene_id\tx\nENSG00000000003.1\t1\nENSG00000000003.2\t2\n"
    with pytest.raises(InputError, match="has a label already"):
        read_labels(written(tmp_path, text))
    worm = read_labels(written(tmp_path, "gene_id\tx\nY74C9A.3\t1\nY74C9A.2\t2\n"))
    assert worm.table.height == 2  # here the number is part of the gene's name


def test_other_files_than_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_labels(tmp_path / "none.tsv")
    with pytest.raises(InputError, match="is a directory; expected a label table"):
        read_labels(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match="not a TSV, CSV or Parquet table"):
        read_labels(tmp_path / "x.parquet")
    (tmp_path / "x.tsv").write_bytes(b"")
    with pytest.raises(InputError, match="not a TSV, CSV or Parquet table"):
        read_labels(tmp_path / "x.tsv")
    for start, message in ((b"PK\x03\x04", r"is a spreadsheet \(.xlsx\) or"), (b"\x89HDF", "is an HDF5 file")):
        (tmp_path / "x.tsv").write_bytes(start + b"rest")
        with pytest.raises(InputError, match=rf"x.tsv: {message}.*: save a sheet as CSV"):
            read_labels(tmp_path / "x.tsv")
    vectors = pl.DataFrame({"embedding": pl.Series([[1.0, 2.0]], dtype=pl.Array(pl.Float32, 2))})
    vectors.write_parquet(tmp_path / "e.parquet")
    with pytest.raises(InputError, match="column 'embedding' holds vectors, as embeddings do; expected a label table"):
        read_labels(tmp_path / "e.parquet")


@pytest.mark.realdata
def test_the_real_tables(real_data: Path) -> None:
    found = {
        name: read_labels(real_data / "labels" / f"{name}.tsv.gz")
        for name in ("rna_half_life_human", "rna_half_life_mouse", "translation_efficiency_hela")
    }
    assert {name: labels.table.height for name, labels in found.items()} == {
        "rna_half_life_human": 10_384,
        "rna_half_life_mouse": 10_992,
        "translation_efficiency_hela": 10_528,
    }
    assert sorted(found["rna_half_life_human"].table["fold"].unique()) == list("12345678")


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    text = "transcript_id\tGene\thalf_life\tcv\tchromosome\tfold\nT1\tG1\t1.5\ta\tchr2\t9\n"
    path = written(tmp_path, text)
    columns = {"gene_id": "Gene", "fold": "cv"}
    labels = read_labels(path, "half_life", columns)
    assert labels.level == "gene_id"  # the column that was named, though there is one of transcripts
    assert labels.table.rows() == [(2, "G1", 1.5, "a", "chr2")]
    with pytest.raises(InputError, match="no column 'Name'; the columns are transcript_id, Gene"):
        read_labels(path, "half_life", {"gene_id": "Name"})


def test_a_chromosome_is_no_label(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "gene_id\tchromosome\tx\nG1\t1\t0.5\nG2\t2\t0.7\n"))
    assert labels.name == "x"
    assert labels.table["chromosome"].to_list() == ["1", "2"]


def chosen(*rows: tuple[str, int, int]) -> str:
    """The representative of one gene's transcripts, given as (id, CDS length, length)."""
    names = ("transcript_id", "cds_length", "length")
    frame = pl.DataFrame(list(rows), schema=names, orient="row").with_columns(gene=pl.lit("g"))
    for order in (frame, frame.reverse()):
        (name,) = representatives(order, "gene")["transcript_id"]
        (other,) = representatives(frame, "gene")["transcript_id"]
        assert name == other
    return str(name)


def test_refseq_and_rgps_come_first() -> None:
    assert chosen(("ENST1", 900, 3000), ("NM_1.2", 300, 1000)) == "NM_1.2"
    assert chosen(("ENST1", 900, 3000), ("RGPS_TP53", 300, 1000)) == "RGPS_TP53"
    assert chosen(("ENST1", 900, 3000), ("XR_1", 0, 1000)) == "XR_1"


def test_then_the_longest_cds_then_the_longest_rna_then_the_name() -> None:
    assert chosen(("ENST1", 900, 1000), ("ENST2", 300, 9000)) == "ENST1"
    assert chosen(("ENST1", 300, 1000), ("ENST2", 300, 9000)) == "ENST2"
    assert chosen(("ENST2", 300, 1000), ("ENST1", 300, 1000)) == "ENST1"
    assert chosen(("NM_1", 300, 1000), ("NM_2", 600, 900)) == "NM_2"
    rows = {"gene": "g", "transcript_id": ["NM_1", "ENST1"], "length": 9, "cds_length": 6, "canonical": [False, True]}
    assert representatives(pl.DataFrame(rows), "gene")["transcript_id"].to_list() == ["ENST1"]


def test_a_gene_each() -> None:
    frame = pl.DataFrame(
        {"transcript_id": ["a", "b", "c"], "cds_length": [1, 2, 3], "length": [9, 9, 9], "gene": ["g", "g", "h"]}
    )
    assert sorted(representatives(frame, "gene")["transcript_id"]) == ["b", "c"]


RNAS = pl.DataFrame(
    {
        "transcript_id": ["ENST00000000001.4", "NM_000002.1", "ENST00000000003", "T4"],
        "gene_id": ["ENSG00000000001.9", "ENSG00000000001.9", "ENSG00000000002", "Y1.3"],
        "species": ["human", "human", "human", "worm"],
        "length": [900, 800, 700, 600],
        "cds_length": [300, 30, 60, 0],
    }
)


def labels(folder: Path, text: str) -> Labels:
    return read_labels(written(folder, text))


def test_genes_match_with_and_without_versions(tmp_path: Path) -> None:
    table = "gene_id\tx\nENSG00000000001\t1\nENSG00000000002.7\t2\nY1.3\t3\nY1.2\t4\nG9\t5\n"
    samples = join_labels(labels(tmp_path, table), RNAS)
    assert samples.table.select("transcript_id", "gene", "value").rows() == [
        ("NM_000002.1", "human|ENSG00000000001", 1.0),
        ("ENST00000000003", "human|ENSG00000000002", 2.0),
        ("T4", "worm|Y1.3", 3.0),
    ]
    assert samples.rows.tolist() == [1, 2, 3]
    assert (samples.unmatched, samples.without_label, samples.not_representative) == (2, 0, 1)


def test_transcripts_match_all_and_know_their_gene(tmp_path: Path) -> None:
    samples = join_labels(labels(tmp_path, "transcript_id\tx\nNM_000002\t1\nENST00000000001\t2\n"), RNAS)
    assert samples.rows.tolist() == [0, 1]
    assert samples.values.tolist() == [2, 1]
    assert samples.table["gene"].n_unique() == 1
    assert (samples.unmatched, samples.without_label, samples.not_representative) == (0, 2, 0)


def test_a_label_whose_id_names_several_genes_goes_to_one_rna(tmp_path: Path) -> None:
    symbols = pl.Series(["TWIN", "TWIN", "TWIN", "unc-1"])
    samples = join_labels(labels(tmp_path, "symbol\tx\nTWIN\t1\nunc-1\t2\n"), RNAS.with_columns(symbol=symbols))
    assert samples.table.select("transcript_id", "value").rows() == [("NM_000002.1", 1.0), ("T4", 2.0)]
    assert (samples.not_representative, samples.same_id, samples.without_label) == (1, 1, 0)


def test_a_transcript_label_goes_to_the_version_that_it_names(tmp_path: Path) -> None:
    versions = pl.Series(["NM_1.1", "NM_1.2", "NM_2.1", "NM_2.2"])
    rnas = RNAS.with_columns(transcript_id=versions, species=pl.lit("human"))
    samples = join_labels(labels(tmp_path, "transcript_id\tx\nNM_1.2\t1\nNM_2\t2\n"), rnas)
    assert samples.table.select("transcript_id", "value").rows() == [("NM_1.2", 1.0), ("NM_2.1", 2.0)]
    assert samples.same_id == 2


def test_unmatched_labels_are_kept_with_their_lines(tmp_path: Path) -> None:
    samples = join_labels(labels(tmp_path, "gene_id\tx\nG9\t5\nY1.3\t4\nG8\t6\n"), RNAS)
    assert samples.unmatched_labels.rows() == [(2, "G9", 5.0), (4, "G8", 6.0)]


def test_symbols_and_entrez_numbers_become_gene_ids(tmp_path: Path) -> None:
    ids = tmp_path / "ids.tsv"
    ids.write_text(
        "ensembl_gene_id\tentrez_gene_id\tsymbol\nENSG00000000001\t11\tABC\n"
        "ENSG00000000002\t12\tTWICE\nENSG00000000003\t13\tTWICE\n"
    )
    path = tmp_path / "t.tsv"

    def genes(text: str) -> list[str]:
        path.write_text(text)
        return read_labels(path, gene_ids=ids).table["id"].to_list()

    numbers = "Entrez-Gene ID\tx\n11\t1\nGeneID:12\t2\n13.0\t3\n99\t4\n"
    genes_of_numbers = [f"ENSG0000000000{i}" for i in (1, 2, 3)]
    assert genes(numbers) == [*genes_of_numbers, "99"]
    assert genes("symbol\tx\nABC\t1\nTWICE\t2\n") == ["ENSG00000000001", "TWICE"]
    assert genes("gene\tx\nABC\t1\nENSG00000000002.3\t2\n") == ["ENSG00000000001", "ENSG00000000002"]
    with pytest.raises(InputError, match="line 3: ENSG00000000001 has a label already"):
        genes("gene\tx\nABC\t1\n11\t2\n")
    path.write_text(numbers)
    with pytest.raises(InputError, match="Entrez numbers need --gene-ids"):
        join_labels(read_labels(path), RNAS)


def test_a_symbol_of_several_genes_is_that_of_the_rnas(tmp_path: Path) -> None:
    """Tables of Ensembl's genes also hold those of alternative haplotypes, with the same symbols."""
    ids, path = tmp_path / "ids.tsv", tmp_path / "t.tsv"
    ids.write_text(
        "ensembl_gene_id\tentrez_gene_id\tsymbol\nENSG00000000001\t11\tABC\n"
        "ENSG00000000002\t12\tTWICE\nENSG00000000003\t13\tTWICE\n"
    )
    path.write_text("symbol\tx\nABC\t1\nTWICE\t2\nWORM\t3\n")
    symbols = RNAS.with_columns(symbol=pl.Series(["ABC", "ABC", "TWICE", "WORM"]))  # the last is of another species
    samples = join_labels(read_labels(path, gene_ids=ids), symbols)
    assert samples.table.select("transcript_id", "value").rows() == [("NM_000002.1", 1.0), ("ENST00000000003", 2.0)]
    assert samples.unmatched_labels["id"].to_list() == ["WORM"]


def test_a_selection_keeps_order_and_counts(tmp_path: Path) -> None:
    samples = join_labels(labels(tmp_path, "transcript_id\tx\nNM_000002\t1\nT4\t2\nT5\t2\n"), RNAS)
    kept = samples.select(np.array([False, True]))
    assert (len(kept), kept.rows.tolist(), kept.unmatched) == (1, [3], 1)


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of its 1 ids \(G9, …\) matches an RNA"):
        join_labels(labels(tmp_path, "gene_id\tx\nG9\t1\n"), RNAS)


def test_ids_that_differ_in_case_or_version_only_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"; 2 of these ids differ from the RNAs' in case only$"):
        join_labels(labels(tmp_path, "transcript_id\tx\nt4\t1\nnm_000002.1\t2\n"), RNAS)
    with pytest.raises(InputError, match=r"; 1 of these ids differ from the RNAs' in case or a version only$"):
        join_labels(labels(tmp_path, "transcript_id\tx\nT4.2\t1\nT9\t2\n"), RNAS)
    symbols = RNAS.with_columns(symbol=pl.Series(["ACTB", "ACTB", "TP53", "unc-1"]))
    with pytest.raises(InputError, match=r"; 2 of these ids differ from the RNAs' in case only$"):
        join_labels(labels(tmp_path, "gene\tx\nActb\t1\nTp53\t2\n"), symbols)


def test_few_labels_with_an_rna_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"T{i}" for i in range(40)]
    rnas = pl.DataFrame({"transcript_id": names, "gene_id": names, "species": "", "length": 9, "cds_length": 0})
    rows = ["T0\t0", *(f"t{i}\t{i}" for i in range(1, 20))]
    few = labels(tmp_path, "\n".join(["transcript_id\tx", *rows]) + "\n")
    assert len(join_labels(few, rnas)) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "only 1 of 20 labels match an RNA; not t1, …, while the RNAs are T1, …; 19 of these ids differ" in said
    join_labels(few, rnas[:5])  # a label for a fifth of the RNAs is no sign of other ids
    assert not capsys.readouterr().err


def test_an_id_of_two_species_is_an_error(tmp_path: Path) -> None:
    symbols = RNAS.with_columns(gene_id=pl.Series(["ACTB", "ACTB", "TP53", "TP53"]))
    with pytest.raises(InputError, match=r"line 3: TP53 names RNAs of 'human' and 'worm'"):
        join_labels(labels(tmp_path, "gene_id\tx\nACTB\t1\nTP53\t2\n"), symbols)
    human = symbols.filter(species="human")
    assert len(join_labels(labels(tmp_path, "gene_id\tx\nACTB\t1\nTP53\t2\n"), human)) == 2


def test_missing_values_and_usual_headers(tmp_path: Path) -> None:
    missing = ["", "NA", "N/A", "n/a", "nan", "NaN", "null", "None", ".", "-", " NA ", "#N/A", "<NA>", "NaT", "NULL"]
    rows = "".join(f"G{i},{value}\n" for i, value in enumerate(missing))
    path = written(tmp_path, f"Gene,t_half\nG99,1.5\n{rows}", "x.csv")
    table = read_labels(path)
    assert (table.name, table.level, table.missing) == ("t_half", "gene_id", len(missing))
    assert find_id_columns(["x", "Ensembl Gene", "Transcript_ID"]) == [
        ("Transcript_ID", "transcript_id"),
        ("Ensembl Gene", "gene_id"),
    ]
    assert find_id_columns(["RefSeq", "Symbol"]) == [("RefSeq", "transcript_id"), ("Symbol", "symbol")]


def test_id_column(tmp_path: Path) -> None:
    path = written(tmp_path, "locus\tx\nENST00000000001\t1\nENST00000000002\t2\n")
    assert read_labels(path, id_column="locus").level == "transcript_id"
    path = written(tmp_path, "locus\tx\nYAL1\t1\nYAL2\t2\n")
    assert read_labels(path, id_column="locus").level == "gene_id"
    with pytest.raises(InputError, match="columns are locus, x"):
        read_labels(path)
    with pytest.raises(InputError, match="no column 'gene'"):
        read_labels(path, id_column="gene")


def test_text_labels_are_classes(tmp_path: Path) -> None:
    path = written(tmp_path, "gene_id\ty\nG1\tunstable\nG2\tstable\nG3\tNA\n")
    table = read_labels(path)
    assert table.classes == ("stable", "unstable")
    assert table.table["value"].to_list() == [1.0, 0.0]
    assert table.binary
    assert table.missing == 1
    assert table.one_vs_rest() == [table]
    path = written(tmp_path, "gene_id\ty\nG1\ta\nG2\tb\nG3\tc\nG4\ta\n")
    many = read_labels(path).one_vs_rest()
    assert [one.name for one in many] == ["y=a", "y=b", "y=c"]
    assert many[0].table["value"].to_list() == [1, 0, 0, 1]


def test_digits_are_classes_of_which_an_rna_can_have_several(tmp_path: Path) -> None:
    path = written(tmp_path, "gene_id\ty\nG1\t101\nG2\t000\nG3\tNA\nG4\t011\n")
    many = read_labels(path, digits=("a", "b", "c")).one_vs_rest()
    assert [one.name for one in many] == ["a", "b", "c"]
    assert [one.table["value"].to_list() for one in many] == [[1, 0, 0], [0, 0, 1], [1, 0, 1]]
    assert all(one.binary and one.one_vs_rest() == [one] for one in many)
    with pytest.raises(InputError, match=r"line 2: y is '101', expected 2 digits 0 or 1: a, b"):
        read_labels(path, digits=("a", "b"))


def test_symbols_need_a_corpus_that_has_them(tmp_path: Path) -> None:
    symbols = RNAS.with_columns(symbol=pl.Series(["ACTB", "ACTB", "TP53", "unc-1"]))
    for header in ("symbol", "gene"):
        by_symbol = labels(tmp_path, f"{header}\tx\nACTB\t1\nTP53\t2\n")
        assert join_labels(by_symbol, symbols).rows.tolist() == [1, 2]
    with pytest.raises(InputError, match="which the embedded RNAs lack; give --corpus or --gene-ids"):
        join_labels(labels(tmp_path, "symbol\tx\nACTB\t1\n"), RNAS)
