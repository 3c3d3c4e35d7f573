"""What is sealed comes back as it was, is the same only where it has to be, and is never taken for something else."""

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ContentKeyError
from tests.bot.store.sealing import as_before, cipher_of

KEYS = [Fernet.generate_key().decode() for _ in range(3)]
CIPHER = cipher_of(KEYS[0])
# Every character, lone surrogates and NUL included, and long ones.
TEXT = st.text(st.characters(codec=None)) | st.builds(str.__mul__, st.text(st.characters(codec=None)), st.just(5000))
ORDER = st.permutations(KEYS).flatmap(lambda keys: st.integers(1, 3).map(lambda n: keys[:n]))
PLACE = "incidents.author"


@given(TEXT)
def test_any_text_and_any_name_comes_back_and_nothing_of_it_is_readable(text: str):
    for sealed, opened in (
        (CIPHER.seal_text(text), CIPHER.open_text(CIPHER.seal_text(text), "it")),
        (CIPHER.seal_name(text, PLACE), CIPHER.open_name(CIPHER.seal_name(text, PLACE), PLACE, "it")),
    ):
        assert opened == text
        assert sealed.isascii()
        assert "\0" not in sealed
        assert len(text) < 12 or text not in sealed
    assert CIPHER.decrypt(CIPHER.encrypt(text), "it") == text


@given(TEXT)
def test_what_was_written_before_comes_back_too(text: str):
    assert CIPHER.open_text(as_before(text), "it") == CIPHER.open_name(as_before(text), PLACE, "it") == text


@given(TEXT, TEXT)
def test_the_same_name_has_one_form_and_two_names_never_share_one(one: str, other: str):
    forms, others = set(CIPHER.forms(one, PLACE)), set(CIPHER.forms(other, PLACE))
    assert forms == others if one == other else not forms & others


@given(TEXT)
def test_a_name_looks_different_in_another_place_and_is_not_taken_for_one_of_it(name: str):
    sealed = CIPHER.seal_name(name, PLACE)
    assert sealed != CIPHER.seal_name(name, "cards.author")
    with pytest.raises(ContentKeyError):
        CIPHER.open_name(sealed, "cards.author", "it")


@given(TEXT.filter(bool))
def test_a_text_looks_different_each_time(text: str):
    assert CIPHER.seal_text(text) != CIPHER.seal_text(text)


@given(TEXT, ORDER, ORDER, st.booleans())
def test_a_name_is_looked_for_in_every_form_that_keys_of_both_ever_gave_it(
    name: str, wrote: list, reads: list, old: bool
):
    reader = cipher_of(*reads)
    stored = as_before(name) if old else cipher_of(*wrote).seal_name(name, PLACE)
    known = old or wrote[0] in reads
    assert (stored in reader.forms(name, PLACE)) is known
    if known:
        assert reader.open_name(stored, PLACE, "it") == name
    else:
        with pytest.raises(ContentKeyError):
            reader.open_name(stored, PLACE, "it")


@given(st.text(st.characters(codec=None), max_size=40), st.data())
def test_a_form_that_was_tampered_with_is_an_error_that_names_the_row(name: str, data: st.DataObject):
    for sealed, opened in (
        (CIPHER.seal_name(name, PLACE), lambda stored: CIPHER.open_name(stored, PLACE, "row 7")),
        (CIPHER.seal_text(name or "x"), lambda stored: CIPHER.open_text(stored, "row 7")),
    ):
        at = data.draw(st.integers(1, len(sealed) - 1))
        other = data.draw(st.characters(codec=None).filter(lambda c, was=sealed[at]: c != was))
        cut, changed = sealed[:at], sealed[:at] + other + sealed[at + 1 :]
        for damaged in (cut, changed):
            try:
                found = opened(damaged)
            except ContentKeyError as error:
                assert "row 7" in str(error)
            else:
                # Base64 has bits and padding that mean nothing.
                assert found == (name or "x")
                assert at > len(sealed) - 5


@pytest.mark.parametrize(
    "stored", ["\\", "\\s", "\\f", "\\snot base64", "\\x", "\\u12", "\\s" + "A" * 40, "\\fgAAAAA=="]
)
def test_what_no_version_ever_wrote_is_an_error_and_not_a_name(stored: str):
    for opened in (lambda: CIPHER.open_text(stored, "it"), lambda: CIPHER.open_name(stored, PLACE, "it")):
        with pytest.raises(ContentKeyError):
            opened()


def test_a_key_does_not_show_itself():
    assert KEYS[0] not in repr(CIPHER) + repr(vars(CIPHER))
    assert base64.urlsafe_b64decode(KEYS[0]).hex() not in repr(vars(CIPHER))


@settings(max_examples=20)
@given(st.lists(TEXT, min_size=1, max_size=5), ORDER)
def test_only_what_the_first_key_made_is_the_newest(texts: list, keys: list):
    wrote, reads = cipher_of(*keys), cipher_of(*reversed(keys))
    same = keys[0] == keys[-1]
    for text in filter(None, texts):
        assert reads.is_newest(wrote.encrypt(text)) is same
        assert reads.is_newest_text(wrote.seal_text(text)) is same
        assert reads.is_newest_name(wrote.seal_name(text, PLACE), PLACE) is same
        assert not reads.is_newest_text(as_before(text))
        assert not reads.is_newest_name(as_before(text), PLACE)
