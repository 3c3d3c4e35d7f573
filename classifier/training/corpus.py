"""From data files and a recipe to the rows of a run: cleaned, capped, folded, disguised, split."""

import html
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from classifier.errors import DataError
from classifier.labels import LabelSet
from classifier.normalize import normalize
from classifier.training.augment import disguise
from classifier.training.recipe import Recipe, SourcePlan
from classifier.training.rows import Row, fold_repeats, lot, read_rows
from classifier.training.seeds import SOURCE, seed_rows

_FOLDERS = (".jsonl", ".csv", ".gz")
_HANDLE = re.compile(r"@[A-Za-z_]\w{2,}")
_PLACEHOLDERS = ((" [SEPA] ", " "), ("<user>", "@user"), ("<number>", "1"), ("\ufeff", ""))


@dataclass(frozen=True, slots=True)
class Corpus:
    """Hold the rows to train on, and to choose and calibrate by; all texts are normalised.

    `tune` are messages as they come, repeated ones too; `unseen` are those of them whose text is not in `train`.
    """

    train: tuple[Row, ...]
    tune: tuple[Row, ...]
    unseen: tuple[Row, ...]

    def sources(self) -> dict[str, int]:
        """Count the train rows of each source."""
        return dict(Counter(row.source for row in self.train))


def data_files(paths: Iterable[Path]) -> list[Path]:
    """Return the data files that the paths name, folders opened; raise DataError where there is none."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(p for p in path.iterdir() if p.is_file() and p.suffix in _FOLDERS)
        elif path.is_file():
            files.append(path)
        else:
            raise DataError(f"{path} is not there; give data files or a folder of them")
    if not files:
        raise DataError("no data file found; give .jsonl, .jsonl.gz or .csv files, or a folder that holds some")
    return files


def build_corpus(files: Sequence[Path], recipe: Recipe, labels: LabelSet, *, seeds: bool = True) -> Corpus:
    """Read the files and return the corpus that the recipe asks for.

    Rows of a category that the label set lacks raise DataError. The seed lines are added unless `seeds` is false.
    """
    rows: list[Row] = []
    for path in files:
        rows += _checked(path, labels, recipe)
    if seeds:
        rows += [_known_category(row, labels) for row in seed_rows(tune_share=recipe.plan(SOURCE).tune_share)]
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(_cleaned(row))
    train: list[Row] = []
    tune: list[Row] = []
    for source, members in sorted(by_source.items()):
        kept, held = _planned(members, recipe.plan(source), recipe)
        train += kept
        tune += held
    known = {row.text for row in train}
    unseen = tuple(row for row in tune if row.text not in known)
    return Corpus(tuple(_augmented(train, recipe)), tuple(tune), unseen)


def _known_category(row: Row, labels: LabelSet) -> Row:
    """Return a seed line as toxic or not alone, where the model has other categories than the line."""
    return row if row.category in labels.names else replace(row, category=None)


def _checked(path: Path, labels: LabelSet, recipe: Recipe) -> list[Row]:
    rows = [row for row in read_rows(path) if recipe.plan(row.source).rows != 0]
    for row in rows:
        if row.category is not None and row.category not in labels.names:
            raise DataError(
                f"{path}: {row.category!r} is not a category of this model ({', '.join(labels.names)}); "
                "give your own labels with --labels"
            )
    return rows


def _cleaned(row: Row) -> Row:
    text = html.unescape(row.text)
    for old, new in _PLACEHOLDERS:
        text = text.replace(old, new)
    return replace(row, text=normalize(_HANDLE.sub("@user", text)).text)


def _planned(rows: list[Row], plan: SourcePlan, recipe: Recipe) -> tuple[list[Row], list[Row]]:
    """Return the train and the tune rows of one source."""
    if plan.rows == 0:
        return [], []
    short = [row for row in rows if row.text and len(row.text) <= recipe.most_characters]
    has_tune = any(row.split == "tune" for row in short)
    held = [row for row in short if _is_held(row, plan, has_tune)]
    chosen = {id(row) for row in held}
    train = fold_repeats(row for row in short if id(row) not in chosen and row.split == "train")
    train.sort(key=lambda row: lot(row.text, "cap"))
    weighted = [replace(row, weight=row.weight * plan.weight) for row in train[: plan.rows]]
    return weighted * plan.repeat, held


def _is_held(row: Row, plan: SourcePlan, has_tune: bool) -> bool:
    if has_tune:
        return row.split == "tune"
    return row.split == "train" and lot(row.text, "tune") < plan.tune_share


def _augmented(rows: list[Row], recipe: Recipe) -> list[Row]:
    """Add disguised copies of a share of the rows; clean ones too, so that a disguise alone proves nothing."""
    draw = random.Random(recipe.seed)
    extra = []
    for row in rows:
        if draw.random() < recipe.augment_share:
            text = normalize(disguise(row.text, draw)).text
            if text and text != row.text:
                extra.append(replace(row, text=text, weight=row.weight * 0.7))
    return rows + extra
