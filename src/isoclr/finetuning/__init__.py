"""Fine-tuning: an encoder trained further on measured labels, the same from scratch, and Saluki beside them."""

from isoclr.finetuning.finetune import finetune
from isoclr.finetuning.predictor import Predictor
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.storing import load_predictor, save_predictor

__all__ = ["FinetuneReport", "Predictor", "finetune", "load_predictor", "save_predictor"]
