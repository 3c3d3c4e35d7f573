import pytest

from classifier import homoglyphs
from classifier.normalize import normalize

TABLES = {
    "always": homoglyphs.ALWAYS,
    "Cyrillic": homoglyphs.CYRILLIC,
    "Greek": homoglyphs.GREEK,
    "other": homoglyphs.OTHER,
    "enclosed": homoglyphs.ENCLOSED,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_lookalike_is_one_foreign_character_and_stands_for_plain_ones(table: dict[str, str]) -> None:
    for lookalike, plain in table.items():
        assert len(lookalike) == 1
        assert not lookalike.isascii(), lookalike
        assert plain, lookalike
        assert plain.isascii(), lookalike
        assert plain == plain.lower(), lookalike


def test_no_character_is_in_two_tables_with_two_readings() -> None:
    readings: dict[str, set[str]] = {}
    for table in TABLES.values():
        for lookalike, plain in table.items():
            readings.setdefault(lookalike, set()).add(plain)

    assert {lookalike: found for lookalike, found in readings.items() if len(found) > 1} == {}


def test_every_script_is_folded_in_mixed_words() -> None:
    for table in (homoglyphs.CYRILLIC, homoglyphs.GREEK, homoglyphs.OTHER):
        assert table.items() <= homoglyphs.IN_MIXED_WORDS.items()


def test_letters_that_disguise_a_whole_word_are_letters_that_are_folded() -> None:
    assert homoglyphs.LOOKALIKE_SHAPES.issubset(homoglyphs.IN_MIXED_WORDS)
    assert homoglyphs.FOREIGN_TO_RUSSIAN <= homoglyphs.LOOKALIKE_SHAPES


@pytest.mark.parametrize(
    ("lookalike", "plain"),
    [(lookalike, plain) for lookalike, plain in homoglyphs.IN_MIXED_WORDS.items()],
)
def test_a_lookalike_among_latin_letters_is_read_as_one(lookalike: str, plain: str) -> None:
    assert normalize(f"qw{lookalike}qw").text == f"qw{plain}qw"


@pytest.mark.parametrize("lookalike", "авсеорхγηπφω")
def test_the_same_letter_in_a_word_of_its_own_script_stays(lookalike: str) -> None:
    word = f"ж{lookalike}ж" if "а" <= lookalike <= "я" else f"θ{lookalike}θ"

    assert normalize(word).text == word
