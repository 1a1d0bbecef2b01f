import pytest

from isoclr.sequences.chromosomes import has_accessions, match_chromosomes


@pytest.mark.parametrize(
    ("annotation", "genome"),
    [
        ("chr1", "1"),
        ("1", "chr1"),
        ("Chr1", "chr1"),
        ("chrX", "X"),
        ("chr01", "1"),
        ("Chr01", "chr1"),
        ("chrI", "I"),
        ("2L", "chr2L"),
        ("chrM", "MT"),
        ("MT", "chrM"),
        ("M", "MT"),
        ("MtDNA", "chrM"),
        ("mitochondrion_genome", "chrM"),
        ("chrM", "Mito"),
        ("ChrC", "Pt"),
        ("chrUn_KI270302v1", "KI270302.1"),
        ("KI270706.1", "chr1_KI270706v1_random"),
        ("chr19_GL949746v1_alt", "GL949746.1"),
        ("chrUn_NW_020110001v1", "NW_020110001.1"),
        ("NW_020110001v1", "NW_020110001.1"),
        ("chrUn_AAEX03021227v1", "AAEX03021227.1"),
    ],
)
def test_names_of_one_sequence(annotation: str, genome: str) -> None:
    assert match_chromosomes([annotation], ["other", genome]) == {annotation: genome}


@pytest.mark.parametrize(
    ("annotation", "genome"),
    [
        ("chr1", "11"),
        ("chr1", "chr1_alt"),
        ("chr", "1"),
        ("KI270302.1", "chrUn_KI270302v2"),
        ("chr10", "1"),
    ],
)
def test_names_of_different_sequences(annotation: str, genome: str) -> None:
    assert match_chromosomes([annotation], [genome]) == {}


def test_an_equal_name_wins() -> None:
    assert match_chromosomes(["chrM", "1"], ["MT", "chrM", "chr1"]) == {"chrM": "chrM", "1": "chr1"}


def test_an_ambiguous_name_is_not_matched() -> None:
    assert match_chromosomes(["M", "2"], ["chrM", "MT", "chr2"]) == {"2": "chr2"}


def test_several_annotations_may_name_one_sequence_differently() -> None:
    assert match_chromosomes(["chr1", "1"], ["1"]) == {"chr1": "1", "1": "1"}


def test_descriptions_name_assembled_chromosomes_only() -> None:
    descriptions = {
        "NC_000001.11": "Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly",
        "NC_000011.10": "Homo sapiens chromosome 11, GRCh38.p14 Primary Assembly",
        "NT_187361.1": "Homo sapiens chromosome 1 unlocalized genomic scaffold, GRCh38.p14",
        "NC_000023.11": "Homo sapiens chromosome X, GRCh38.p14 Primary Assembly",
        "NC_012920.1": "Homo sapiens mitochondrion, complete genome",
        "NT_033779.5": "Drosophila melanogaster chromosome 2L",
    }
    assert match_chromosomes(["chr1", "chrX", "chrM", "2L", "12"], descriptions, descriptions) == {
        "chr1": "NC_000001.11",
        "chrX": "NC_000023.11",
        "chrM": "NC_012920.1",
        "2L": "NT_033779.5",
    }
    assert match_chromosomes(["chr1"], descriptions) == {}


def test_accessions_are_recognised() -> None:
    assert has_accessions(["x", "NC_000001.11"])
    assert has_accessions(["CM000663.2"])
    assert not has_accessions(["chr1", "KI270302.1", "chr1_KI270706v1_random"])
