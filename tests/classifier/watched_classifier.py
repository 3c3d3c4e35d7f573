import threading
from collections.abc import Sequence

from classifier import Classifier, Verdict, WordWeight


class WatchedClassifier(Classifier):
    """Pass everything on to a real classifier; note each pass, hold it while the gate is shut, fail on demand.

    While `explaining` is not set, explanations alone are held.
    """

    def __init__(self, inner: Classifier, threads: int = 1) -> None:
        self.inner = inner
        self.threads = threads
        self.labels = inner.labels
        self.manifest = inner.manifest
        self.passes: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.explaining = threading.Event()
        self.explaining.set()
        self.failure: Exception | None = None

    def score(self, texts: Sequence[str]) -> list[Verdict]:
        self._enter(texts)
        return self.inner.score(texts)

    def explain(self, text: str) -> tuple[WordWeight, ...]:
        self._enter([text])
        assert self.explaining.wait(30)
        return self.inner.explain(text)

    def _enter(self, texts: Sequence[str]) -> None:
        self.passes.append(list(texts))
        self.entered.release()
        assert self.gate.wait(30)
        if self.failure:
            raise self.failure
