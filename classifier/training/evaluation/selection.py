"""Which rows of the data a model is measured on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from classifier.errors import DataError
from classifier.labels import LabelSet
from classifier.model import MOST_CHARACTERS
from classifier.training.data.corpus import Corpus, corpus_of, data_files, gather
from classifier.training.data.rows import Row
from classifier.training.data.seeds import SOURCE
from classifier.training.recipe import Recipe


class Part(StrEnum):
    """Name the rows of the data that are measured."""

    TUNE = "tune"
    TEST = "test"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Selection:
    """Hold the rows to measure on.

    `known` are the texts that training had, None where that cannot be told. `originals` are the texts as they were
    written, by the rows' `at`. `too_long` counts the data's rows that the recipe leaves out for their length.
    """

    part: Part
    rows: Sequence[Row]
    known: frozenset[str] | None
    originals: Mapping[str, str]
    too_long: int = 0

    @property
    def fresh(self) -> list[Row]:
        """Return the rows whose text training did not have."""
        return [row for row in self.rows if self.known is None or row.text not in self.known]


def read_selection(
    paths: Sequence[Path], recipe: Recipe, labels: LabelSet, part: Part | None = None, trained_on: Collection[str] = ()
) -> Selection:
    """Return the rows to measure on from data files; raise DataError where there are none.

    The recipe must be that of the training, so that the same rows are kept apart. Without a part, the test rows are
    used where the data has any, else the tune rows, and all rows where it has neither and none of its sources is among
    those that the model was `trained_on`.
    """
    if part is Part.ALL:
        # Splits, caps and our own lines are for training.
        recipe = Recipe(most_characters=MOST_CHARACTERS, augment_share=0.0, mapping=recipe.mapping)
    rows = gather(data_files(paths), recipe)
    originals = {row.at: row.text for row in rows if row.at}
    too_long = sum(len(row.text) > recipe.most_characters for row in rows)
    selection = select(corpus_of(rows, recipe, labels), part, originals, too_long)
    if selection.fresh:
        return selection
    if part is None and not {row.source for row in rows} & set(trained_on):
        return read_selection(paths, recipe, labels, Part.ALL)
    raise DataError(_nothing(selection.part))


def select(corpus: Corpus, part: Part | None, originals: Mapping[str, str], too_long: int = 0) -> Selection:
    """Return the rows of a part of the corpus; our own lines, which a recipe may add, are no rows of the data."""
    part = part or (Part.TEST if corpus.test else Part.TUNE)
    if part is Part.ALL:
        return Selection(part, (*corpus.train, *corpus.tune, *corpus.test), None, originals, too_long)
    known = frozenset(row.text for row in corpus.train)
    chosen = corpus.test if part is Part.TEST else corpus.tune
    return Selection(part, [row for row in chosen if row.source != SOURCE], known, originals, too_long)


def _nothing(part: Part) -> str:
    if part is Part.ALL:
        return "the data has no rows to measure on; give some that are neither empty nor longer than a message"
    return (
        f"the data has no {part} rows whose text its train rows do not have; mark some `split: {part}`, "
        "or measure on all with --whole"
    )
