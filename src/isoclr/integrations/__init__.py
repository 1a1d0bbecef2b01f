"""Adapters to other packages: scikit-learn, AnnData and scanpy, tangermeme and captum, mRNABench, Orthrus."""
