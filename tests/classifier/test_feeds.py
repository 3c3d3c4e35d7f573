import numpy as np
import pytest

from classifier.feeds import packed, padded

WINDOWS = [[5, 6, 7], [8], [9, 10]]


def test_packed_tokens_stand_one_behind_the_other_and_know_their_place() -> None:
    feed = packed(WINDOWS)

    assert feed["token_ids"].tolist() == [5, 6, 7, 8, 9, 10]
    assert feed["positions"].tolist() == [0, 1, 2, 0, 0, 1]
    assert feed["slots"].tolist() == [[0, 1, 2], [3, -1, -1], [4, 5, -1]]
    assert feed["slots"].reshape(-1)[feed["places"]].tolist() == [0, 1, 2, 3, 4, 5]


def test_nothing_is_computed_for_padding() -> None:
    feed = packed([[1] * 60, *[[2]] * 40])

    assert feed["token_ids"].size == feed["positions"].size == feed["places"].size == 100


def test_padded_windows_are_as_long_as_the_longest() -> None:
    feed = padded(WINDOWS)

    assert feed["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0], [9, 10, 0]]
    assert feed["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize("feed", [packed, padded])
def test_inputs_are_whole_numbers_of_64_bits(feed: object) -> None:
    assert callable(feed)
    assert all(array.dtype == np.int64 for array in feed(WINDOWS).values())
