"""Names of consequences of variants, and their severity."""

SEVERITY = (
    "exon_loss_variant",
    "splice_acceptor_variant",
    "splice_donor_variant",
    "stop_gained",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "inframe_insertion",
    "inframe_deletion",
    "protein_altering_variant",
    "missense_variant",
    "splice_region_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "uAUG_gained",
    "uAUG_lost",
    "uFrameshift",
    "uSTOP_gained",
    "uSTOP_lost",
    "5_prime_UTR_variant",
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
    "intron_variant",
)
"""Consequences, most severe first.

Terms that start with ``u`` are UTRannotator's (Zhang et al. 2021), the others Sequence Ontology's, in the order of
Ensembl's Variant Effect Predictor.
"""


def sort_terms(terms: set[str]) -> tuple[str, ...]:
    """Terms with the most severe first."""
    return tuple(sorted(terms, key=SEVERITY.index))
