"""The linear probe: how much of a measured property a linear model reads from frozen embeddings."""

from isoclr.probing.evaluation import MethodReport
from isoclr.probing.linear_probe import probe
from isoclr.probing.ontology_report import OntologyReport
from isoclr.probing.ontology_study import ontology
from isoclr.probing.report import ProbeReport

__all__ = ["MethodReport", "OntologyReport", "ProbeReport", "ontology", "probe"]
