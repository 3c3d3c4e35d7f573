"""Text in, verdict out: a fine-tuned classifier that knows nothing of chats, databases or actions."""

from classifier.batcher import Batcher, BatcherLimits
from classifier.calibrate import ThresholdCurve
from classifier.errors import ClassifierError
from classifier.labels import Label, LabelSet
from classifier.model import Classifier, load
from classifier.verdict import NotScored, NotScoredReason, Verdict, WordWeight

__all__ = [
    "Batcher",
    "BatcherLimits",
    "Classifier",
    "ClassifierError",
    "Label",
    "LabelSet",
    "NotScored",
    "NotScoredReason",
    "ThresholdCurve",
    "Verdict",
    "WordWeight",
    "load",
]
