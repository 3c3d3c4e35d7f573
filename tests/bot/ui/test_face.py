"""What a card says, whatever the members wrote."""

from dataclasses import replace
from datetime import timedelta

import pytest
from discord import ui
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.case import Case
from bot.community import ERASED, Card
from bot.domain import REPORTED, Action, Outcome, Review, ReviewState, ReviewVerdict, SourceKey, Surface
from bot.ui.card_view import layout_of, plain_of
from bot.ui.face import Sight, face_of, link_of
from tests.bot.ui.scene import decision, incident_of
from tests.fakes.chat import START

LONG = "😀*_~`|<@1> @everyone [x](https://evil.example) # \n" * 200


def case_of(*incidents, reviews=(), author="4"):
    numbered = tuple(replace(each, id=number) for number, each in enumerate(incidents, 1))
    return Case(Card(7, "1", author, START), numbered, tuple(reviews))


def one(text="you idiot", **rest):
    return incident_of("1", "2", "3", "4", text, **rest)


def told(*incidents, **rest):
    sight = Sight(case_of(*incidents, **rest), "ann", {}, severity={"insult": 3, "hate": 5})
    return "\n".join(face_of(sight, 3800).blocks)


def review(verdict, note="", category=None, who="55"):
    return Review(1, verdict, who, START, category, note)


def test_a_card_names_the_member_the_finding_the_place_the_words_and_what_was_done():
    text = told(one(decision=decision(Action.WARN), outcome=Outcome.DONE))
    for part in ("<@4> (ann)", "insult, very likely (0.97)", "in a message", "https://discord.com/channels/1/2/3"):
        assert part in text
    assert "||you idiot||" in text
    assert "||idiot||" in text
    assert "**Referee:** warned" in text


def test_a_refusal_is_visible():
    refused = one(decision=decision(Action.BAN), outcome=Outcome.REFUSED, outcome_detail="Ban Members is missing")
    assert "a ban: not allowed: Ban Members is missing" in told(refused)


def test_a_clip_shows_its_transcript_with_the_doubt_in_words():
    clip = one(surface=Surface.CLIP, transcript_doubt=0.62, clip_name="a.ogg")
    assert "in a voice clip" in told(clip)
    assert "A transcript, hard to understand (doubt 0.62)" in told(clip)
    assert "nothing was heard" in told(replace(clip, text=" "))


def test_two_incidents_of_one_clip_say_when_each_was_said():
    first = one(surface=Surface.CLIP, transcript_doubt=0.1, clip_name="a.ogg", clip_at=42.9)
    graver = replace(first, text="i will find you", clip_at=3727.0, decision=decision(category="threat"))
    text = told(first, graver)

    assert "**insult, very likely (0.97)**, in a voice clip at 0:42, <t:" in text
    assert "**threat, very likely (0.97)**, in a voice clip at 1:02:07, <t:" in text
    assert text.index("||you idiot||") < text.index("at 1:02:07") < text.index("||i will find you||")


def test_text_that_expired_is_said_to_have_expired():
    text = told(one(text=None, words=()))
    assert "has expired or was erased" in text
    assert "||" not in text


def test_what_could_not_be_checked_says_why():
    why = decision(category="unchecked", confidence=0.0, reasons=("could not be checked: no sound in it",))
    assert "no sound in it" in told(one(decision=why))
    assert "under 0.01" not in told(one(decision=why))


def test_the_newest_five_are_shown_and_the_rest_are_counted():
    text = told(*(one(f"line {n}") for n in range(12)))
    assert [n for n in range(12) if f"||line {n}||" in text] == [7, 8, 9, 10, 11]
    assert "and 7 more" in text


def test_the_members_other_incidents_are_counted_by_category():
    sight = Sight(case_of(one()), "", {"insult": 2, "spam": 1}, timedelta(days=90))
    assert "Before, in this server (90 days): 2 insult, 1 spam" in "\n".join(face_of(sight, 3800).blocks)
    assert "Nothing else in this server in 90 days" in told(one())


def test_who_took_over_escalated_reported_acted_and_decided_is_shown():
    reviews = [
        review(ReviewVerdict.REPORT, "look at **this** @everyone", who="90"),
        review(ReviewVerdict.TAKE_OVER, who="91"),
        review(ReviewVerdict.ESCALATE, who="92"),
        review(ReviewVerdict.ACT, "timed out for 1 hour", who="93"),
        review(ReviewVerdict.RELABEL, category="hate", who="94"),
    ]
    text = told(one(state=ReviewState.CONFIRMED), reviews=reviews)
    assert "Reported by <@90>" in text
    assert "@everyone" not in text
    assert "Taken over by <@91>" in text
    assert "Escalated by <@92>" in text
    assert "timed out for 1 hour" in text
    assert "**Confirmed as hate**, says <@94>" in text


def test_a_reported_message_says_only_that_and_nothing_of_the_policy():
    text = told(one(decision=decision(category=REPORTED, confidence=0.0), words=()))
    assert "reported by a member" in text
    assert "Referee:" not in text


def test_somebody_whose_data_were_erased_is_nobody():
    text = told(replace(one(text=None), author=ERASED), author=ERASED)
    assert "somebody whose data were erased" in text
    assert "<@erased>" not in text
    assert "(ann)" not in text


def test_there_is_a_link_to_threads_and_none_to_what_is_no_message():
    def key(message):
        return one(key=replace(one().key, message=message))

    assert "channels/1/2/3)" in link_of(one())
    assert "channels/1/99)" in link_of(key("thread:99"))
    assert link_of(key("member:5")) == ""
    assert link_of(key("erased:5")) == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "|| look || |",
        "@everyone @here <@1> <@&2>",
        "[click](https://evil.example)",
        "\u202eדיאל abc\u2066",
        "```\n# big\n```",
        "\\",
        "|",
    ],
)
def test_nothing_that_a_member_writes_gets_out_of_the_spoiler_or_pings(hostile):
    text = told(one(hostile, words=(hostile,)))
    (quoted,) = [line for line in text.splitlines() if line.startswith("||")]
    inner = quoted.removeprefix("||").removesuffix("||")
    bare = inner.replace("\\\\", "").replace("\\|", "")
    assert "|" not in bare
    assert not bare.endswith("\\")
    assert "@everyone" not in inner
    assert "https://" not in inner
    assert "\u202e" not in inner


names = st.text(max_size=60)
anything = st.one_of(st.just(LONG), st.text(max_size=200), st.just("|" * 4000), st.just("\n" * 50 + "x"))


@given(anything, anything, st.integers(1, 25), names)
@settings(max_examples=40, deadline=None)
def test_a_card_fits_whatever_it_is_about(text, note, number, name):
    worst = one(
        text,
        words=(text, note),
        transcript_doubt=0.9,
        surface=Surface.ATTACHMENT,
        decision=decision(Action.TIMEOUT, category="x" * 40, reasons=(note,)),
        outcome=Outcome.REFUSED,
        outcome_detail=note,
        key=SourceKey(one().key.platform, "9" * 20, "9" * 20, "9" * 20),
    )
    reviews = [review(verdict, note, "y" * 40, who="9" * 20) for verdict in ReviewVerdict for _ in range(9)]
    past = {f"{n}{'z' * 38}": 10**6 for n in range(30)}
    case = case_of(*[worst] * number, reviews=reviews, author="9" * 20)
    sight = Sight(case, name, past, severity={"insult": 1})
    check_sizes(sight)
    check_sizes(replace(sight, case=replace(case, incidents=(replace(worst, id=1, state=ReviewState.CONFIRMED),))))


def check_sizes(sight):
    view = layout_of(sight)
    blocks = [item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay)]
    assert all(block.strip() for block in blocks)
    assert sum(len(block.encode("utf-16-le")) // 2 for block in blocks) <= 4000
    assert view.total_children_count <= 40
    content, plain = plain_of(sight)
    assert len(content.encode("utf-16-le")) // 2 <= 2000
    assert len(plain.children) == sum(isinstance(item, ui.DynamicItem) for item in view.walk_children())


def test_the_colour_tells_how_grave_it_is_and_grey_that_it_is_decided():
    def colour(**rest):
        sight = Sight(case_of(one(**rest)), severity={"profanity": 1, "insult": 3, "threat": 6})
        return face_of(sight, 3800).colour

    graver = [colour(decision=decision(category=name)) for name in ("profanity", "insult", "threat", "unchecked")]
    assert len(set(graver)) == 4
    assert colour(state=ReviewState.DISMISSED) not in graver


def test_a_card_that_is_too_small_for_anything_names_where_to_look():
    blocks = face_of(Sight(case_of(one(LONG)), LONG, {}), 300).blocks
    assert "/incidents show 1" in "\n".join(blocks)


def test_long_texts_are_cut_before_anything_is_left_out():
    case = case_of(*[one(LONG, words=(LONG,))] * 25)
    for room in (3800, 1900):
        text = "\n".join(face_of(Sight(case, LONG, {}), room).blocks)
        assert "too much to show" not in text
        assert "(cut)||" in text
