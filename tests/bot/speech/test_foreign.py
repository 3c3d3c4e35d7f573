"""Languages that nobody here can judge."""

import pytest

from bot.errors import SettingsError
from bot.speech.ears import Heard
from bot.speech.foreign import foreign_language, parse_languages

ENGLISH = frozenset({"en"})


@pytest.mark.parametrize(
    ("language", "sureness", "seconds", "told"),
    [
        ("de", 0.9, 5.0, "German"),
        ("yo", 0.9, 5.0, "the language yo"),
        ("en", 0.9, 5.0, ""),
        ("de", 0.6, 5.0, ""),
        ("de", 0.9, 1.0, ""),
        ("", 0.0, 5.0, ""),
    ],
    ids=["foreign", "without a name", "known", "unsure", "too short to tell", "the model knows one language"],
)
def test_a_language_is_foreign_where_it_is_sure_and_nobody_knows_it(language, sureness, seconds, told):
    assert foreign_language(Heard((), language, sureness), seconds, ENGLISH) == told


def test_languages_are_read_from_a_list():
    assert parse_languages(" en, DE,,fr ") == {"en", "de", "fr"}


@pytest.mark.parametrize("listed", ["", " , ", "English", "en;de", "en,d3", "en,\x00"])
def test_a_list_that_names_no_languages_is_refused(listed):
    with pytest.raises(SettingsError, match="REFEREE_LANGUAGES"):
        parse_languages(listed)
