from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import Classifier, load
from classifier.explain import MOST_WORDS
from tests.classifier.tiny_model import BAD_WORDS, FINE_WORDS, TinyModel


def test_the_bad_word_is_named_with_its_place_and_its_weight(tiny: Classifier) -> None:
    (word,) = tiny.explain("you are an idiot and a good player")

    assert (word.word, word.start, word.end) == ("idiot", 11, 16)
    assert word.weight > 0.9


@pytest.mark.parametrize(
    "disguised",
    ["i​d​i​o​t", "IDIOT", "ｉｄｉｏｔ", "іdіоt", "id10t", "i d i o t", "i.d.i.o.t", "idi\u202eot", "𝐢𝐝𝐢𝐨𝐭", "id**io**t"],
)
def test_a_disguised_word_is_named_as_it_was_written(tiny: Classifier, disguised: str) -> None:
    (word,) = tiny.explain(f"well, {disguised} good game")

    assert word.word == disguised
    assert (word.start, word.end) == (6, 6 + len(disguised))


def test_several_bad_words_are_weighed_alone_where_each_keeps_the_score(tiny: Classifier) -> None:
    words = tiny.explain("idiot, you are a good loser and idiot")

    assert sorted((word.word.strip(","), word.start) for word in words) == [("idiot", 0), ("idiot", 32), ("loser", 22)]
    assert all(word.weight > 0.4 for word in words)


def test_a_fine_text_has_no_word_to_name(tiny: Classifier) -> None:
    assert tiny.explain("good game, well played") == ()


@pytest.mark.parametrize("text", ["", " ", "\u200b\u200b", "\0", "🎉", "...", "!", "\ud800"])
def test_a_text_without_words_is_explained_by_none(tiny: Classifier, text: str) -> None:
    assert tiny.explain(text) == ()


def test_the_word_is_found_in_the_last_window_of_a_long_text(tiny: Classifier) -> None:
    text = "well played " * 300 + "idiot"

    (word,) = tiny.explain(text)

    assert (word.word, word.start, word.end) == ("idiot", len(text) - 5, len(text))


def test_a_text_of_many_words_is_explained_by_its_parts(built: Callable[..., Path]) -> None:
    classifier = load(built(TinyModel(window=512)), threads=1)
    text = "good " * 3 * MOST_WORDS + "idiot" + " game" * MOST_WORDS

    (part,) = classifier.explain(text)

    assert "idiot" in part.word
    assert part.word == text[part.start : part.end]
    assert len(part.word.split()) <= 5


def test_no_more_than_six_words_are_named(tiny: Classifier) -> None:
    assert len(tiny.explain("idiot " * 10)) == 6


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([*FINE_WORDS, *BAD_WORDS, "i​d​i​o​t", "😀"]), max_size=12))
def test_words_are_named_heaviest_first_as_they_stand_in_the_original(tiny: Classifier, words: list[str]) -> None:
    text = " ".join(words)
    named = tiny.explain(text)

    assert all(text[word.start : word.end] == word.word for word in named)
    assert all(heavier.weight >= lighter.weight for heavier, lighter in pairwise(named))
    assert {word.word for word in named} <= {*BAD_WORDS, "i​d​i​o​t"}
    assert bool(named) == any(word in BAD_WORDS or word == "i​d​i​o​t" for word in words)


def test_a_hundred_thousand_characters_are_explained(tiny: Classifier) -> None:
    words = tiny.explain("well " * 200 + "idiot" + " game" * 20_000)

    assert [word.word for word in words] == ["idiot"]
