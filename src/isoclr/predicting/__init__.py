"""Predicting a measured property of an RNA from its embedding, with an interval."""

from isoclr.predicting.fit_head import FitReport, fit
from isoclr.predicting.head import Head, Predictions
from isoclr.predicting.predict_files import Predicted, predict
from isoclr.predicting.storing import load_head

__all__ = ["FitReport", "Head", "Predicted", "Predictions", "fit", "load_head", "predict"]
