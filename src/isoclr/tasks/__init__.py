"""Supervised tasks: labels, labelled data sets, splits, leak audits, metrics, Gene Ontology terms."""
