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
from classifier.training.data.augment import disguise
from classifier.training.data.mapping import CategoryNames
from classifier.training.data.rows import Row, fold_repeats, lot, read_rows
from classifier.training.data.seeds import SOURCE, seed_rows
from classifier.training.data.split import split_rows
from classifier.training.recipe import Recipe, SourcePlan

_FOLDERS = (".jsonl", ".csv", ".gz")
_HANDLE = re.compile(r"@[A-Za-z_]\w{2,}")
_PLACEHOLDERS = ((" [SEPA] ", " "), ("<user>", "@user"), ("<number>", "1"), ("\ufeff", ""))
_HELD = ("tune", "test")
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Corpus:
    """Hold the rows to train on, to choose and calibrate by, and to report on; all texts are normalised.

    `tune` are messages as they come, repeated ones too; `unseen` are those of them whose text is not in `train`.
    `test` rows took part in nothing; there may be none.
    """

    train: tuple[Row, ...]
    tune: tuple[Row, ...]
    unseen: tuple[Row, ...]
    test: tuple[Row, ...] = ()

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


def gather(files: Sequence[Path], recipe: Recipe) -> list[Row]:
    """Return the rows of the files under the recipe's label mapping; sources that it leaves out are left out."""
    names = CategoryNames()
    rows = (row for path in files for row in read_rows(path, recipe.mapping, names=names))
    return [row for row in rows if recipe.plan(row.source).rows != 0]


def build_corpus(files: Sequence[Path], recipe: Recipe, labels: LabelSet) -> Corpus:
    """Read the files and return the corpus that the recipe asks for; raise DataError."""
    return corpus_of(gather(files, recipe), recipe, labels)


def corpus_of(rows: Sequence[Row], recipe: Recipe, labels: LabelSet) -> Corpus:
    """Return the corpus that the recipe makes of rows.

    Rows of a category that the label set lacks raise DataError.
    """
    _require_known(rows, labels)
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in (*rows, *_seeds(recipe, labels)):
        by_source[row.source].append(_cleaned(row))
    planned = [row for source in sorted(by_source) for row in _planned(by_source[source], recipe.plan(source), recipe)]
    parts: dict[str, list[Row]] = {"train": [], "tune": [], "test": []}
    for row in planned:
        parts[row.split or "train"].append(row)
    parts["train"] = _fewer(parts["train"], recipe)
    known = {row.text for row in parts["train"]}
    unseen = tuple(row for row in parts["tune"] if row.text not in known)
    return Corpus(tuple(_augmented(parts["train"], recipe)), tuple(parts["tune"]), unseen, tuple(parts["test"]))


def _seeds(recipe: Recipe, labels: LabelSet) -> list[Row]:
    """Return our own lines; toxic or not alone is kept where the model has other categories than the line."""
    if not recipe.seed_lines:
        return []
    rows = seed_rows(tune_share=recipe.plan(SOURCE).tune_share)
    return [row if row.category in labels.names else replace(row, category=None) for row in rows]


def _require_known(rows: Iterable[Row], labels: LabelSet) -> None:
    for row in rows:
        if row.category is not None and row.category not in labels.names:
            raise DataError(
                f"{row.at or row.source}: {row.category!r} is not a category of this model "
                f"({', '.join(labels.names)}); give your own categories with --labels, or a mapping with --map"
            )


def _cleaned(row: Row) -> Row:
    text = html.unescape(row.text)
    for old, new in _PLACEHOLDERS:
        text = text.replace(old, new)
    return replace(row, text=normalize(_HANDLE.sub("@user", text)).text)


def _planned(rows: list[Row], plan: SourcePlan, recipe: Recipe) -> list[Row]:
    """Return the rows of one source, each in a split; those to train on are capped, weighted and repeated."""
    if plan.rows == 0:
        return []
    short = [row for row in rows if row.text and len(row.text) <= recipe.most_characters]
    held = _held(short, plan)
    chosen = {id(row) for row in held}
    rest = fold_repeats(replace(row, split="") for row in short if id(row) not in chosen)
    divided = _divided(_capped(rest, plan), held, plan, recipe)
    train = [replace(row, weight=row.weight * plan.weight) for row in divided if row.split == "train"]
    cut = [row for row in divided if row.split != "train"]
    return train * plan.repeat + cut + [replace(row, split=row.split if row.split in _HELD else "tune") for row in held]


def _held(rows: Sequence[Row], plan: SourcePlan) -> list[Row]:
    """Return the rows that the source, or a draw that the plan asks for, keeps out of training."""
    if plan.extra:
        return []
    if stated := [row for row in rows if row.split in _HELD]:
        return stated
    return [row for row in rows if lot(row.text, "tune") < plan.tune_share]


def _capped(rows: list[Row], plan: SourcePlan) -> list[Row]:
    """Return at most as many rows and toxic ones as the plan wants, by a draw that depends on the text alone."""
    drawn = sorted(rows, key=lambda row: lot(row.text, "cap"))
    if plan.toxic_rows is None:
        return drawn[: plan.rows]
    toxic = [row for row in drawn if row.toxic > _HALF][: plan.toxic_rows]
    clean = [row for row in drawn if row.toxic <= _HALF]
    return toxic + (clean if plan.rows is None else clean[: max(plan.rows - len(toxic), 0)])


def _divided(rows: list[Row], held: Sequence[Row], plan: SourcePlan, recipe: Recipe) -> list[Row]:
    """Return the rows with a split each; what the source keeps out of training already is not cut again."""
    there = {"tune" if row.split not in _HELD else row.split for row in held}
    test = 0.0 if there or plan.extra else recipe.test_share
    tune = 0.0 if "tune" in there or plan.extra else recipe.tune_share
    if not test and not tune:
        return [replace(row, split="train") for row in rows]
    return split_rows(rows, test_share=test, tune_share=tune, seed=recipe.split_seed)


def _fewer(rows: list[Row], recipe: Recipe) -> list[Row]:
    """Return the rows with at most so many of one's own as the recipe says, every class in its proportion."""
    if recipe.own_rows is None:
        return rows
    own: dict[str | bool, list[Row]] = defaultdict(list)
    rest = []
    for row in rows:
        if row.source == SOURCE or recipe.plan(row.source).extra:
            rest.append(row)
        else:
            own[row.category or row.toxic > _HALF].append(row)
    ranked = [
        (i / len(members), row)
        for members in own.values()
        for i, row in enumerate(sorted(members, key=lambda row: lot(row.text, "fewer")))
    ]
    ranked.sort(key=lambda pair: (pair[0], lot(pair[1].text, "fewer")))
    return [row for _, row in ranked[: recipe.own_rows]] + rest


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
