"""Measure a model folder on labelled rows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from classifier.errors import DataError
from classifier.model import load
from classifier.training.corpus import build_corpus, data_files
from classifier.training.metrics import flag_threshold, report
from classifier.training.recipe import Recipe
from classifier.verdict import Verdict

_BATCH = 512


def assess(
    model: Path,
    paths: Sequence[Path],
    recipe: Recipe,
    *,
    whole: bool = False,
    progress: Callable[[int, int], None] = lambda done, rows: None,
) -> dict[str, Any]:
    """Return the metrics of a model folder on the tune rows of data files, or on every row.

    The scoring is that of a running bot. Raise DataError where there is nothing to measure on.
    """
    classifier = load(model)
    if whole:
        recipe = Recipe(most_characters=recipe.most_characters, augment_share=0.0)
    corpus = build_corpus(data_files(paths), recipe, classifier.labels, seeds=not whole)
    rows = (*corpus.train, *corpus.tune) if whole else corpus.unseen
    if not rows:
        raise DataError("the data has no tune rows; mark some `split: tune`, or measure on all with --whole")
    verdicts: list[Verdict] = []
    for start in range(0, len(rows), _BATCH):
        verdicts += classifier.score([row.text for row in rows[start : start + _BATCH]])
        progress(len(verdicts), len(rows))
    return report(rows, verdicts, flag=flag_threshold(classifier.manifest.curves))
