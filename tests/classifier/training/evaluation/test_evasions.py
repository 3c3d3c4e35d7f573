import ast
import random
from pathlib import Path

import pytest

from classifier.normalize import normalize
from classifier.training.evaluation import evasions
from classifier.training.evaluation.evasions import DEFENCES, EVASIONS, Defence, evade

WORDS = ("idiot", "stupid", "loser", "moron", "donkey")


def drawn(seed: int | str) -> random.Random:
    return random.Random(seed)  # noqa: S311


def test_each_kind_says_what_ought_to_hold_against_it() -> None:
    assert DEFENCES.keys() == EVASIONS.keys()
    assert len(EVASIONS) >= 18
    assert set(DEFENCES.values()) == set(Defence)


@pytest.mark.parametrize("kind", EVASIONS)
def test_each_kind_changes_a_word_and_does_it_alike_every_time(kind: str) -> None:
    once = [evade(f"you {word}", kind, drawn(3), {word}) for word in WORDS]

    assert all(evaded != f"you {word}" for evaded, word in zip(once, WORDS, strict=True))
    assert all(evaded.startswith("you ") for evaded in once)
    assert once == [evade(f"you {word}", kind, drawn(3), {word}) for word in WORDS]


@pytest.mark.parametrize("kind", [k for k, d in DEFENCES.items() if d is Defence.NORMALISER])
def test_the_normaliser_undoes_what_it_is_said_to_hold(kind: str) -> None:
    undone = [normalize(evade(f"you {word} there", kind, drawn(word), {word})).text for word in WORDS]
    stretched = {f"you {word} there".replace(c, c * 2, 1) for word in WORDS for c in word}

    whole = [text for text in undone if text in {f"you {word} there" for word in WORDS} | stretched]
    assert len(whole) >= 3


@pytest.mark.parametrize("kind", [k for k, d in DEFENCES.items() if d is not Defence.NORMALISER])
def test_the_normaliser_does_not_undo_the_other_kinds(kind: str) -> None:
    assert normalize(evade("you stupid donkey", kind, drawn(1))).text != "you stupid donkey"


def test_only_the_offensive_words_are_disguised_where_they_are_known() -> None:
    draw = drawn(1)

    assert evade("What an Idiot they have", "reversed", draw, {"idiot"}) == "What an toidi they have"
    assert evade("what an ox they have", "reversed", draw, {"idiot"}) == "tahw an ox yeht evah"


@pytest.mark.parametrize("text", ["", "gg", "12 34", "мы тут", "\ud800 ok", "a" * 5000])
@pytest.mark.parametrize("kind", EVASIONS)
def test_no_text_breaks_a_kind(kind: str, text: str) -> None:
    assert isinstance(evade(text, kind, drawn(1), {"gg", "тут"}), str)


def test_an_unknown_kind_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="whisper"):
        evade("you idiot", "whisper", drawn(1))


def test_nothing_is_taken_from_what_training_draws() -> None:
    tree = ast.parse(Path(evasions.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not {name for name in imported if name and name.startswith("classifier")}
