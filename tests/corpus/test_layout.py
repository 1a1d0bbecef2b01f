from isoclr.corpus.layout import INDEX_DTYPE


def test_index_has_the_columns_and_widths_that_a_schema_promises() -> None:
    fields = {name: INDEX_DTYPE[name].str for name in INDEX_DTYPE.names or ()}
    numbers = ("length", "gene_set", "cds_start", "cds_end", "n_exons")
    assert fields == {"offset": "<i8", "species": "<i2", **dict.fromkeys(numbers, "<i4")}
    assert INDEX_DTYPE.itemsize == 30
