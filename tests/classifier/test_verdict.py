from collections.abc import MutableMapping
from dataclasses import FrozenInstanceError
from typing import cast

import pytest

from classifier import NotScored, NotScoredReason, Verdict


def test_the_top_category_is_the_most_probable_one() -> None:
    verdict = Verdict(0.9, {"insult": 0.2, "threat": 0.6, "spam": 0.1}, "tiny-1")

    assert verdict.top == ("threat", 0.6)


def test_of_equals_the_first_category_is_on_top() -> None:
    assert Verdict(0.4, {"insult": 0.2, "threat": 0.2}, "tiny-1").top == ("insult", 0.2)


def test_a_verdict_keeps_its_own_copy_of_the_categories() -> None:
    given = {"insult": 0.5}
    verdict = Verdict(0.5, given, "tiny-1")

    given["insult"] = 0.0

    assert verdict.categories["insult"] == 0.5


def test_the_categories_of_a_verdict_cannot_be_written() -> None:
    verdict = Verdict(0.5, {"insult": 0.5}, "tiny-1")

    with pytest.raises(TypeError):
        cast(MutableMapping[str, float], verdict.categories)["insult"] = 0.0


@pytest.mark.parametrize(("name", "value"), [("toxic", 0.0), ("categories", {}), ("partial", True)])
def test_a_verdict_cannot_be_changed(name: str, value: object) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Verdict(0.5, {"insult": 0.5}, "tiny-1"), name, value)


def test_equal_verdicts_are_equal() -> None:
    assert Verdict(0.5, {"insult": 0.5}, "tiny-1") == Verdict(0.5, {"insult": 0.5}, "tiny-1")
    assert Verdict(0.5, {"insult": 0.5}, "tiny-1") != Verdict(0.5, {"insult": 0.5}, "tiny-1", partial=True)


def test_a_missing_verdict_has_no_probability_that_could_be_read_as_clean() -> None:
    missing = NotScored(NotScoredReason.LATE)

    assert not hasattr(missing, "toxic")
    assert not hasattr(missing, "top")
    assert missing.detail == ""
