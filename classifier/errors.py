"""What can go wrong in the classifier.

ClassifierError
├── LabelError            a label set that contradicts itself
├── ModelError            a model folder that cannot be used
│   ├── ModelMissing      a file is not there
│   └── ModelDamaged      a file is not the one that the manifest names
├── ThresholdError        a false-positive budget that the model cannot answer
├── TextError             an input that is not text
└── TrainingError         training cannot start or go on
    ├── DataError         a data file that cannot be trained on
    └── MissingExtra      the packages for training are not installed
"""


class ClassifierError(Exception):
    """Base of every error that the classifier raises on purpose."""


class LabelError(ClassifierError):
    """A label set contradicts itself or does not fit the model."""


class ModelError(ClassifierError):
    """A model folder cannot be used."""


class ModelMissing(ModelError):
    """A file of the model is not there."""


class ModelDamaged(ModelError):
    """A file of the model differs from what its manifest says."""


class ThresholdError(ClassifierError):
    """A false-positive budget lies outside what the model was measured on."""


class TextError(ClassifierError):
    """An input is not text."""


class TrainingError(ClassifierError):
    """Training cannot start or go on."""


class DataError(TrainingError):
    """A data file cannot be trained on."""


class MissingExtra(TrainingError):
    """The packages that training needs are not installed."""
