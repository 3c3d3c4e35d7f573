from collections.abc import Callable
from pathlib import Path

import pytest

from classifier import Classifier, load
from tests.classifier.tiny_model import TinyModel, build_model
from tests.classifier.watched_classifier import WatchedClassifier


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Classifier:
    return load(tiny_folder, threads=1)


@pytest.fixture
def watched(tiny: Classifier) -> WatchedClassifier:
    return WatchedClassifier(tiny)


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., Path]:
    """Build a model folder of its own for a test that spoils it or needs another kind."""

    def build(model: TinyModel | None = None) -> Path:
        return build_model(tmp_path / "model", model)

    return build
