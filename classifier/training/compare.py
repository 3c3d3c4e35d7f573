"""Several settings on the same rows: each trained (or loaded), then asked about the same test rows."""

import os
import platform
import statistics
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from classifier.encoder import MODEL_FILES
from classifier.errors import DataError, TrainingError
from classifier.labels import LabelSet
from classifier.manifest import MANIFEST
from classifier.model import Classifier, load
from classifier.training.comparison.outcome import Comparison, LearningPoint, Outcome, TestRow
from classifier.training.data import taxonomy
from classifier.training.data.corpus import Corpus, corpus_of
from classifier.training.data.mapping import category_name
from classifier.training.data.rows import Row
from classifier.training.learning.fit import Progress
from classifier.training.recipe import RUN, Recipe, changed
from classifier.training.run import Job, Say, train_on
from classifier.verdict import NON_TOXIC, Verdict, most_likely

CURVE = (25, 50, 100, 250, 500)
"""The numbers of labelled rows at which a learning curve is measured, besides all of them."""

_TIMED = 200
_BATCH = 512
_HALF = 0.5
_OPEN = frozenset(("name", "model"))


@dataclass(frozen=True, slots=True)
class Setting:
    """Name one setting: a recipe to train, or the folder of a model that is there already."""

    name: str
    recipe: Recipe
    model: Path | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what to compare, where the models go, and which settings get a learning curve."""

    settings: tuple[Setting, ...]
    out: Path
    labels: Path | None = None
    curve: tuple[str, ...] = ()
    command: str = "referee model compare"
    title: str = "Settings compared"


def read_settings(path: Path, recipe: Recipe) -> tuple[Setting, ...]:
    """Read settings from TOML: each [[setting]] has a name and the choices in which it differs from the recipe.

    One with `model`, a folder, is loaded instead of trained. Raise DataError.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))["setting"]
        return tuple(_setting(entry, recipe) for entry in raw)
    except DataError as error:
        raise DataError(f"{path} cannot be used: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} cannot be used: {error!r}; it needs [[setting]] tables with a name each") from error


def _setting(entry: Mapping[str, Any], recipe: Recipe) -> Setting:
    choices = {key: value for key, value in entry.items() if key not in _OPEN}
    model = entry.get("model")
    return Setting(str(entry["name"]), changed(recipe, **choices), Path(model) if model else None)


def compare(
    rows: Sequence[Row], plan: Plan, *, progress: Progress | None = None, say: Say = lambda line: None
) -> Comparison:
    """Train or load every setting and ask it about the test rows.

    A model that an earlier run left in the plan's folder is used again, if its recipe is the same. Raise TrainingError
    or DataError.
    """
    _require_names(plan.settings)
    labels = taxonomy.labels_for(rows, plan.labels)
    corpus = corpus_of(rows, plan.settings[0].recipe, labels)
    test = corpus.test
    if not test:
        raise DataError("there are no test rows to compare on; give a --test-share, or mark rows `split: test`")
    texts = [row.text for row in test]
    outcomes = []
    for setting in plan.settings:
        say(f"setting: {setting.name}")
        folder, seconds = _model(setting, rows, labels, plan, progress, say)
        outcomes.append(_outcome(setting, load(folder), texts, labels, seconds, folder))
    names = (NON_TOXIC, *labels.names)
    shown = tuple(TestRow(row.text, _truth(row, names), row.toxic > _HALF, row.source) for row in test)
    return Comparison(
        title=plan.title,
        about=_about(corpus, shown),
        classes=names,
        rows=shown,
        outcomes=tuple(outcomes),
        learning=tuple(_learning(rows, labels, plan, shown, texts, progress, say)),
        command=plan.command,
        machine=machine(),
        notes=tuple(_notes(plan, labels)),
    )


def _require_names(settings: Sequence[Setting]) -> None:
    names = [_folder_name(setting.name) for setting in settings]
    if not names:
        raise DataError("there is no setting to compare; give some with --stages, --base, --model or --settings")
    if len(set(names)) < len(names):
        raise DataError(f"two settings have names that are too alike: {', '.join(s.name for s in settings)}")


def _folder_name(name: str) -> str:
    return category_name(name)


def _model(
    setting: Setting, rows: Sequence[Row], labels: LabelSet, plan: Plan, progress: Progress | None, say: Say
) -> tuple[Path, float]:
    """Return the setting's model folder, and the seconds that training took (0 where it was there)."""
    if setting.model:
        return setting.model, 0.0
    folder = plan.out / "models" / _folder_name(setting.name)
    if (folder / MANIFEST).exists():
        require_same(folder, setting)
        say(f"{folder} is there already")
        return folder, 0.0
    started = time.monotonic()
    given = plan.out / "labels.toml"
    given.parent.mkdir(parents=True, exist_ok=True)
    given.write_text(taxonomy.to_toml(labels), encoding="utf-8")
    job = Job(folder, setting.recipe, given, name=folder.name, command=plan.command, resume=True)
    train_on(rows, job, progress=progress, say=say)
    return folder, time.monotonic() - started


def require_same(folder: Path, setting: Setting) -> None:
    """Raise TrainingError where the model that is there was trained by another recipe, or its recipe is damaged."""
    try:
        known = (folder / RUN).read_text(encoding="utf-8") if (folder / RUN).exists() else ""
        fit = tomllib.loads(known).get("fit")
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{folder / RUN} cannot be read: {error}; remove the folder, and train it again") from error
    if fit != tomllib.loads(setting.recipe.to_toml()).get("fit"):
        raise TrainingError(f"{folder} was trained by another recipe; remove it, or name another --out")


def _outcome(
    setting: Setting, model: Classifier, texts: Sequence[str], labels: LabelSet, seconds: float, folder: Path
) -> Outcome:
    verdicts, per_second = _scored(model, texts)
    weights = model.manifest.class_weights
    names = (NON_TOXIC, *labels.names)
    served = ("tokenizer.json", "labels.toml", *MODEL_FILES[model.manifest.stages])
    return Outcome(
        name=setting.name,
        stages=model.manifest.stages.value,
        toxic=np.array([verdict.toxic for verdict in verdicts]),
        classes=np.array([_shares(verdict, labels) for verdict in verdicts]),
        predicted=np.array([_place(most_likely(v, weights), names) for v in verdicts], dtype=np.int64),
        latency_ms=_latency(model, texts),
        per_second=per_second,
        bytes=sum((folder / name).stat().st_size for name in served),
        trained_seconds=seconds,
    )


def _scored(model: Classifier, texts: Sequence[str]) -> tuple[list[Verdict], float]:
    """Return the verdicts, and how many texts a second were scored in batches."""
    model.score(texts[:1])
    verdicts: list[Verdict] = []
    started = time.perf_counter()
    for start in range(0, len(texts), _BATCH):
        verdicts += model.score(texts[start : start + _BATCH])
    return verdicts, len(texts) / max(time.perf_counter() - started, 1e-9)


def _latency(model: Classifier, texts: Sequence[str]) -> float:
    """Return the median milliseconds of one text scored alone."""
    taken = []
    for text in texts[:_TIMED]:
        started = time.perf_counter()
        model.score([text])
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def _shares(verdict: Verdict, labels: LabelSet) -> list[float]:
    """Return P(non_toxic) and P(category) over the compared categories; what others hold is spread evenly."""
    own = [verdict.categories.get(name, 0.0) for name in labels.names]
    rest = max(verdict.toxic - sum(own), 0.0) / len(own)
    return [1.0 - verdict.toxic, *(share + rest for share in own)]


def _place(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else 1


def _truth(row: Row, names: Sequence[str]) -> int:
    if row.toxic <= _HALF:
        return 0
    return names.index(row.category) if row.category else -1


def _learning(
    rows: Sequence[Row],
    labels: LabelSet,
    plan: Plan,
    test: Sequence[TestRow],
    texts: Sequence[str],
    progress: Progress | None,
    say: Say,
) -> Iterator[LearningPoint]:
    for setting in (one for one in plan.settings if one.name in plan.curve and not one.model):
        everything = _own_rows(rows, setting.recipe, labels)
        for count in (*(n for n in CURVE if n < everything), everything):
            small = setting
            if count < everything:
                fewer = replace(setting.recipe, own_rows=count)
                small = replace(setting, name=f"{setting.name} {count} rows", recipe=fewer)
            say(f"learning curve: {setting.name}, {count} rows")
            folder, _ = _model(small, rows, labels, plan, progress, say)
            model = load(folder)
            verdicts, _ = _scored(model, texts)
            yield _point(setting.name, count, verdicts, test, model.manifest.class_weights, labels)


def _own_rows(rows: Sequence[Row], recipe: Recipe, labels: LabelSet) -> int:
    plain = replace(recipe, augment_share=0.0, seed_lines=False)
    return sum(not recipe.plan(row.source).extra for row in corpus_of(rows, plain, labels).train)


def _point(
    name: str,
    count: int,
    verdicts: Sequence[Verdict],
    test: Sequence[TestRow],
    weights: Mapping[str, float],
    labels: LabelSet,
) -> LearningPoint:
    names = (NON_TOXIC, *labels.names)
    toxic = np.array([verdict.toxic for verdict in verdicts])
    truth = np.array([row.toxic for row in test])
    known = [i for i, row in enumerate(test) if row.truth >= 0]
    said = [_place(most_likely(verdicts[i], weights), names) for i in known]
    both = bool(truth.any() and not truth.all())
    return LearningPoint(
        setting=name,
        rows=count,
        macro_f1=float(f1_score([test[i].truth for i in known], said, average="macro", zero_division=0)),
        f1=float(f1_score(truth, toxic >= _HALF, zero_division=0)),
        auc=_auc(truth, toxic) if both else float("nan"),
    )


def _auc(truth: NDArray[np.bool_], toxic: NDArray[np.float64]) -> float:
    return float(roc_auc_score(truth, toxic))


def _about(corpus: Corpus, test: Sequence[TestRow]) -> str:
    sources = ", ".join(f"{count:,} of {name}" for name, count in sorted(corpus.sources().items()))
    toxic = sum(row.toxic for row in test)
    return (
        f"Trained on {len(corpus.train):,} rows ({sources}), chosen by {len(corpus.tune):,}; {len(test):,} test rows, "
        f"{toxic:,} of them toxic."
    )


def _notes(plan: Plan, labels: LabelSet) -> Iterator[str]:
    for setting in plan.settings:
        if setting.model and set(load(setting.model).labels.names) != set(labels.names):
            yield f"{setting.name} was trained on other categories: its macro-F1 says little."


def machine(read: Callable[[], str] = platform.processor) -> str:
    """Return the processor and how many cores may be used, for figures that depend on them."""
    name = read()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    return f"{name or platform.machine()}, {os.cpu_count()} cores"
