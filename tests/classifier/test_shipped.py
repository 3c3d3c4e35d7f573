import re
from pathlib import Path

import pytest

from classifier import Classifier, load
from classifier.manifest import read_manifest, verify_files
from classifier.model import SHIPPED

INNOCENT = (
    "gg wp everyone",
    "kill the boss then loot",
    "shoot the guy on the roof",
    "nuke the capital before they cap",
    "can someone heal me pls",
    "my gay friend plays support",
    "the assassin class is broken",
    "we need to push bot now",
    "i'm so bad today, sorry team",
    "what time is the raid tonight?",
)
ABUSIVE = {
    "you are a useless idiot": "insult",
    "stfu noob, worthless trash": "insult",
    "y0u 4re @n 1di0t": "insult",
    "i d i o t": "insult",
    "go kill yourself": "self_harm",
    "i will find where you live and hurt you": "threat",
    "send me nudes baby": "sexual",
    "cheap gold at cheap-gold.example 50% off": "spam",
    "women can't play games, go back to the kitchen": "hate",
}


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return load(threads=1)


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent_game_talk_is_scored_clean(shipped: Classifier, text: str) -> None:
    assert shipped.score([text])[0].toxic < 0.5


@pytest.mark.parametrize(("text", "category"), ABUSIVE.items())
def test_plain_and_disguised_abuse_is_scored_toxic_and_named(shipped: Classifier, text: str, category: str) -> None:
    (verdict,) = shipped.score([text])

    assert verdict.toxic > 0.8
    assert verdict.top[0] == category


def test_a_text_has_the_same_score_alone_and_in_any_company(shipped: Classifier) -> None:
    texts = [*INNOCENT, *ABUSIVE, "a much longer line that pads all of the others " * 5]

    together = shipped.score(texts)

    for text, verdict in zip(texts, together, strict=True):
        assert shipped.score([text])[0].toxic == pytest.approx(verdict.toxic, abs=1e-4)


def test_the_words_that_made_the_score_are_named(shipped: Classifier) -> None:
    assert shipped.explain("well played, you idiot")[0].word == "idiot"


def test_every_file_is_the_one_that_the_manifest_names() -> None:
    manifest = read_manifest(SHIPPED)

    verify_files(SHIPPED, manifest, training=True)

    assert {path.name for path in SHIPPED.iterdir()} == {*manifest.files, "manifest.json", "MODEL_CARD.md"}


def test_no_file_names_a_folder_of_the_machine_that_made_it() -> None:
    for path in SHIPPED.iterdir():
        assert not re.search(rb"site-packages|/(?:home|root|work|tmp|Users)/\w", path.read_bytes()), path.name


def test_the_card_and_the_manifest_speak_of_the_same_model() -> None:
    manifest = read_manifest(SHIPPED)
    card = Path(SHIPPED / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert f"{manifest.name}-{manifest.version}" in card
    assert manifest.version == manifest.files["model.onnx"].sha256[:8]
    assert all(source in card for source in manifest.training["rows"])
