import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clip_words import LONGEST_WORD, MOST_WORDS, checked_words, find_word
from bot.errors import PolicyError


def test_words_and_names_are_kept_in_their_order_without_blanks_around_them() -> None:
    assert checked_words([" gank ", "Roshan", "K'Sante the Pride", "Ноунейм", "x" * LONGEST_WORD], "words") == (
        *("gank", "Roshan", "K'Sante the Pride", "Ноунейм"),
        "x" * LONGEST_WORD,
    )


def test_as_many_as_are_allowed_are_and_no_more() -> None:
    most = [f"word {n}" for n in range(MOST_WORDS)]

    assert len(checked_words(most, "words")) == MOST_WORDS
    with pytest.raises(PolicyError, match="words has 101 words; 100 are the most"):
        checked_words([*most, "one more"], "words")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gank", "GANK"], "'GANK' twice"),
        (["straße", "STRASSE"], "'STRASSE' twice"),
        ([""], "an empty word"),
        (["  "], "an empty word"),
        (["x" * 41], "of 41 characters; 40 are the most"),
        (["x" * 100_000], "of 100000 characters"),
        (["a\nb"], r"'a\\nb'"),
        (["\tgank"], "can be seen"),
        (["a\x00"], "can be seen"),
        (["\x1b[31m"], "can be seen"),
        (["a\u202eb"], "can be seen"),
        (["a\u200bb"], "can be seen"),
        (["a\ud800"], "can be seen"),
        (["!?"], "letters, digits"),
        (["<|endoftext|>"], "no '<|'"),
    ],
    ids=repr,
)
def test_a_word_that_makes_no_sense_is_named_in_few_words(words: list[str], says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        checked_words(words, "[speech] words")

    text = str(caught.value)
    assert text.startswith("[speech] words has ")
    assert says.replace("\\\\", "\\") in text
    assert len(text) < 200


@given(st.lists(st.text(max_size=45), max_size=5))
def test_whatever_is_given_comes_out_plain_and_once_or_is_refused(words: list[str]) -> None:
    try:
        checked = checked_words(words, "words")
    except PolicyError:
        return
    assert checked_words(checked, "words") == checked
    assert all(word.isprintable() and 0 < len(word) <= LONGEST_WORD for word in checked)
    assert len({word.casefold() for word in checked}) == len(checked)


def test_a_word_is_found_whatever_its_capitals() -> None:
    assert find_word(("gank", "Roshan"), " ROSHAN ") == "Roshan"
    assert find_word(("gank", "Roshan"), "Rosh") is None
