import pytest

from classifier.training.evaluation.disguises import disguises


@pytest.mark.parametrize(
    ("text", "worn"),
    [
        ("you st\u200bup\u200bid", {"invisible characters"}),
        ("you ｉｄｉｏｔ", {"foreign letters"}),
        ("you іdіоt", {"foreign letters"}),
        ("n00b team", {"leetspeak"}),
        ("what a l o s e r", {"spaced letters"}),
        ("l.o.s.e.r", {"spaced letters"}),
        ("traaaash team", {"stretched"}),
        ("i\u0336d\u0336i\u0336o\u0336t\u0336", {"piled-up marks"}),
        ("id||io||t", {"formatting inside"}),
        ("f*ck this", {"censored"}),
        ("looooser n00b", {"stretched", "leetspeak"}),
    ],
)
def test_a_disguise_is_named(text: str, worn: set[str]) -> None:
    assert disguises(text) == worn


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gg wp",
        "GG WP",
        "café naïve",
        "Straße",
        "привет всем",
        "m4a1 or p90",
        "**bold** text",
        "ok 👍🏽",
        "foo_bar",
        "😀😀",
    ],
)
def test_an_ordinary_text_wears_none(text: str) -> None:
    assert disguises(text) == frozenset()
