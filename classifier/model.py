"""A loaded model: text in, verdict out."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from classifier.encoder import MODEL_FILES, Encoder
from classifier.errors import LabelError, ModelError
from classifier.explain import explain
from classifier.labels import LabelSet, read_labels
from classifier.manifest import MANIFEST, Manifest, read_manifest, verify_files
from classifier.normalize import normalize
from classifier.stages import Logits
from classifier.verdict import Verdict, WordWeight

SHIPPED = Path(__file__).parent / "pretrained"
"""The folder of the model that comes with the package."""


MOST_CHARACTERS = 12_000
"""What is read of one text: three times the longest message of Discord. One text must not hold up all others."""


class Classifier:
    """Score texts with one model; it may be called from several threads at once.

    `threads` is how many passes it runs side by side.
    """

    def __init__(self, encoder: Encoder, labels: LabelSet, manifest: Manifest, *, threads: int = 1) -> None:
        self._encoder = encoder
        self.threads = threads
        self.labels = labels
        self.manifest = manifest

    @property
    def version(self) -> str:
        """Return the name and version of the model."""
        return f"{self.manifest.name}-{self.manifest.version}"

    def score(self, texts: Sequence[str]) -> list[Verdict]:
        """Return a verdict for each text; raise TextError or ModelError.

        A text longer than the model's window is read in overlapping windows; the most toxic one speaks for it. Of a
        text longer than `MOST_CHARACTERS` the rest is not read, and its verdict is `partial`.
        """
        if not texts:
            return []
        verdicts = self._score_normalized([normalize(_read(text)).text for text in texts])
        return [
            replace(verdict, partial=True) if len(text) > MOST_CHARACTERS else verdict
            for text, verdict in zip(texts, verdicts, strict=True)
        ]

    def logits(self, texts: Sequence[str]) -> Logits:
        """Return the uncalibrated outputs for each text, read as `score` reads it; raise TextError or ModelError.

        Of a text of several windows, those of the most toxic one under the model's own calibration.
        """
        return self._encoder.logits([normalize(_read(text)).text for text in texts], len(self.labels.names))

    def explain(self, text: str) -> tuple[WordWeight, ...]:
        """Return the words that raised P(toxic) of the text's most toxic window, heaviest first."""
        normalized = normalize(_read(text))
        if not normalized.text:
            return ()
        spans = self._encoder.window_spans(normalized.text)
        span = spans[0]
        if len(spans) > 1:
            scores = self._score_normalized([normalized.text[a:b] for a, b in spans])
            span = spans[max(range(len(spans)), key=lambda i: scores[i].toxic)]
        return explain(text, normalized, span, lambda texts: [v.toxic for v in self._score_normalized(texts)])

    def _score_normalized(self, texts: Sequence[str]) -> list[Verdict]:
        names = self.labels.names
        return [
            Verdict(scored.toxic, dict(zip(names, scored.categories, strict=True)), self.version, scored.partial)
            for scored in self._encoder.score(texts, len(names))
        ]


def _read(text: str) -> str:
    return text[:MOST_CHARACTERS] if isinstance(text, str) else text


def load(folder: Path | None = None, *, threads: int | None = None) -> Classifier:
    """Load a model folder, the shipped one by default, after checking its files against the manifest's hashes.

    `threads` is how many passes run side by side, one for each processor by default. Raise ModelMissing, ModelDamaged,
    ModelError or LabelError.
    """
    folder = folder or SHIPPED
    manifest = read_manifest(folder)
    served = {name for name, record in manifest.files.items() if not record.for_training}
    unproved = {"labels.toml", "tokenizer.json", *MODEL_FILES[manifest.stages]} - served
    if unproved:
        raise ModelError(f"{folder / MANIFEST} has no hash of {', '.join(sorted(unproved))}; get the model again")
    verify_files(folder, manifest)
    labels = read_labels(folder / "labels.toml")
    if labels.digest() != manifest.labels_digest:
        raise LabelError(f"{folder / 'labels.toml'} is not the label set that the model was trained with")
    threads = threads or os.cpu_count() or 1
    return Classifier(Encoder(folder, manifest, threads=threads), labels, manifest, threads=threads)
