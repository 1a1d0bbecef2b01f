"""Tokens by hand, and those of the Nucleotide Transformer against the tokenizer it was published with."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from isoclr.baselines.language_models.model import FAMILIES
from isoclr.baselines.language_models.tokenizers import (
    SpecialTokens,
    Window,
    byte_pairs,
    cut_windows,
    kmer_length,
    make_batches,
    pad_batch,
    read_vocabulary,
    token_ids,
)
from isoclr.errors import InputError
from isoclr.genomics.encoding import nucleotides


def words(k: int) -> list[str]:
    return ["".join(word) for word in itertools.product("ATCG", repeat=k)]


def write(path: Path, tokens: list[str]) -> Path:
    path.write_text("\n".join(tokens))
    return path


def test_overlapping_kmers_go_base_by_base(tmp_path: Path) -> None:
    path = write(tmp_path / "vocab.txt", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words(3)])
    ids = read_vocabulary(path)
    made = FAMILIES["dnabert"].tokenizer(tmp_path)
    assert made.special.before == (2,)
    assert made.special.after == (3,)
    found = made.tokens(nucleotides("ACGUNAAAC")).tolist()
    assert found == [ids["ACG"], ids["CGT"], 1, 1, 1, ids["AAA"], ids["AAC"]]
    assert made.tokens(nucleotides("AC")).tolist() == [1]


def test_separate_kmers_are_those_of_the_published_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokens = ["<unk>", "<pad>", "<mask>", "<cls>", *words(3), *"ATCGN", "<eos>", "<bos>"]
    path = write(tmp_path / "vocab.txt", tokens)
    published = transformers.EsmTokenizer(str(path), eos_token=None)
    made = FAMILIES["nucleotide-transformer"].tokenizer(tmp_path)
    texts = ["ACG", "ACGTTGCA", "A", "N", "NNACGTANACG", "ACGNNNNACGTACGN", "TTTTTTTTTTTT"]
    for text in texts:
        found = [*made.special.before, *made.tokens(nucleotides(text)).tolist(), *made.special.after]
        assert found == published(text)["input_ids"]
    assert made.vocabulary == 4 + 64 + 5  # <eos> and <bos> have no row


def test_single_bases_have_the_alphabet_of_each_model(tmp_path: Path) -> None:
    hyena = FAMILIES["hyenadna"].tokenizer(tmp_path)
    assert hyena.tokens(nucleotides("ACGUTN")).tolist() == [7, 8, 9, 10, 10, 11]
    assert hyena.special.count == 0
    write(tmp_path / "vocab.txt", ["<pad>", "<cls>", "<eos>", "<unk>", *"UGCAN"])
    rna = FAMILIES["rna-fm"].tokenizer(tmp_path)
    assert rna.tokens(nucleotides("ACGUTN")).tolist() == [7, 6, 5, 4, 4, 8]
    assert (rna.special.before, rna.special.after, rna.special.pad) == ((1,), (2,), 0)


def test_missing_special_token(tmp_path: Path) -> None:
    write(tmp_path / "vocab.txt", ["<pad>", "<cls>", *"ACGUN"])
    with pytest.raises(InputError, match="has no token <eos>"):
        FAMILIES["rna-fm"].tokenizer(tmp_path)


def test_vocabularies_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    with pytest.raises(InputError, match=r"vocab\.txt: not found; expected the model's vocabulary"):
        read_vocabulary(path)
    write(path, ["A", "C", "A"])
    with pytest.raises(InputError, match="3 lines, 2 of them different"):
        read_vocabulary(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a text file"):
        read_vocabulary(path)
    ids = {word: i for i, word in enumerate(words(3)[1:])}
    with pytest.raises(InputError, match="63 k-mers of 3 nt, expected all"):
        kmer_length(path, ids)
    with pytest.raises(InputError, match=re.escape("has no token [CLS]")):
        token_ids(path, ids, "[CLS]")


def test_a_last_line_may_end_or_not(tmp_path: Path) -> None:
    one = read_vocabulary(write(tmp_path / "a.txt", ["A", "C"]))
    (tmp_path / "b.txt").write_text("A\nC\n")
    assert read_vocabulary(tmp_path / "b.txt") == one == {"A": 0, "C": 1}


def test_byte_pairs_that_are_no_tokenizer_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.json: not found"):
        byte_pairs(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: not a tokenizer") as caught:
        byte_pairs(tmp_path / "tokenizer.json")
    assert "\n" not in str(caught.value)


def window(rna: int, count: int) -> Window:
    return Window(rna, np.arange(10, 10 + count, dtype=np.uint16), count)


def test_full_windows_and_what_is_left() -> None:
    found = cut_windows(7, np.arange(25, dtype=np.uint16), 150, 10)
    assert [w.tokens.tolist() for w in found] == [list(range(10)), list(range(10, 20)), list(range(20, 25))]
    assert [w.nt for w in found] == [60, 60, 30]
    assert {w.rna for w in found} == {7}
    (whole,) = cut_windows(0, np.arange(10, dtype=np.uint16), 12, 10)
    assert whole.nt == 12


def test_batches_hold_windows_of_like_length_and_no_more_than_allowed() -> None:
    windows = [window(i, n) for i, n in enumerate((9, 2, 8, 3, 30, 2))]
    found = list(make_batches(windows, special=1, max_tokens=20))
    assert [[w.rna for w in batch] for batch in found] == [[1, 5, 3], [2, 0], [4]]
    for batch in found[:-1]:
        assert len(batch) * (max(len(w.tokens) for w in batch) + 1) <= 20


@pytest.mark.parametrize("frame", [SpecialTokens((1,), (2,), 0), SpecialTokens((1,), (), 0), SpecialTokens((), (), 4)])
def test_padding_stands_behind_and_special_tokens_around(frame: SpecialTokens) -> None:
    tokens, real, own = pad_batch([window(0, 3), window(1, 1)], frame)
    rows = [[*frame.before, 10, 11, 12, *frame.after], [*frame.before, 10, *frame.after]]
    assert tokens.tolist() == [rows[0], rows[1] + [frame.pad] * 2]
    assert real.sum(1).tolist() == [len(row) for row in rows]
    assert [row[mask].tolist() for row, mask in zip(tokens, own, strict=True)] == [[10, 11, 12], [10]]
