"""What was found, decided and said, in words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import Action, Mode, Outcome, Review, ReviewState, ReviewVerdict, Surface
from bot.ui.words import (
    action_words,
    category_words,
    confidence_words,
    decision_words,
    done_words,
    doubt_words,
    duration_words,
    found_words,
    outcome_words,
    place_words,
    state_words,
    surface_words,
    verdict_words,
)
from tests.bot.ui.scene import decision, incident_of
from tests.fakes.chat import START

FLAGGED = incident_of("1", "2", "3", "4")
TIMED_OUT = replace(FLAGGED, decision=decision(Action.TIMEOUT), outcome=Outcome.DONE)


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.97, "very likely (0.97)"),
        (0.9, "likely (0.90)"),
        (0.5, "perhaps (0.50)"),
        (0.2, "unsure (0.20)"),
        (1.0, "very likely (over 0.99)"),
        (0.9999, "very likely (over 0.99)"),
        (0.0, "unsure (under 0.01)"),
    ],
)
def test_a_probability_reads_as_words_with_its_number_and_never_as_a_certainty(p: float, words: str):
    assert confidence_words(p) == words


def test_the_categories_that_no_model_gives_read_as_what_happened():
    assert category_words("insult") == "insult"
    assert category_words("self_harm") == "self harm"
    assert category_words("unchecked") == "could not be checked"
    assert category_words("reported") == "reported by a member"


def test_how_sure_the_model_was_is_left_out_where_no_model_said_it():
    assert found_words(FLAGGED) == "insult, very likely (0.97)"
    assert found_words(replace(FLAGGED, final_category="hate")) == "hate (a moderator's category)"
    reported = replace(FLAGGED, decision=decision(category="reported", confidence=0.0))
    assert found_words(reported) == "reported by a member"


def test_a_length_of_time_is_told_in_its_largest_whole_unit():
    lengths = (
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(days=28),
        timedelta(minutes=90),
        timedelta(seconds=5),
    )
    words = ["10 minutes", "1 hour", "28 days", "90 minutes", "5 seconds"]
    assert [duration_words(length) for length in lengths] == words
    assert action_words(Action.TIMEOUT, timedelta(minutes=10)) == "timed out for 10 minutes"


def test_every_action_outcome_surface_state_and_verdict_has_words():
    assert all(action_words(action) for action in Action)
    assert all(surface_words(surface).startswith("in a") for surface in Surface)
    for outcome in Outcome:
        assert outcome_words(replace(FLAGGED, outcome=outcome))
    assert len({state_words(replace(FLAGGED, state=state)) for state in ReviewState}) == len(ReviewState)
    assert all(verdict_words(Review(1, verdict, "mia", START)) for verdict in ReviewVerdict)


def test_what_was_done_is_told_as_done_and_what_was_not_as_asked_for_with_the_reason():
    assert done_words(TIMED_OUT) == "timed out for 10 minutes"
    refused = replace(TIMED_OUT, outcome=Outcome.REFUSED, outcome_detail="her role is higher")
    assert done_words(refused) == "the policy asks for a timeout of 10 minutes: not allowed: her role is higher"
    lifted = replace(TIMED_OUT, outcome=Outcome.UNDONE, outcome_detail="the timeout was lifted")
    assert done_words(lifted) == "timed out for 10 minutes; taken back: the timeout was lifted"
    warned = replace(
        FLAGGED, decision=decision(Action.WARN), outcome=Outcome.DONE, outcome_detail="warned in the channel"
    )
    assert done_words(warned) == "warned in the channel"
    assert done_words(FLAGGED) == "flagged only"


def test_a_capped_decision_says_what_the_policy_asks_for_and_why_it_was_not_done():
    reasons = ("P(insult) 0.97", "shadow mode: flagged only")
    capped = replace(FLAGGED, decision=decision(would=Action.TIMEOUT, mode=Mode.SHADOW, reasons=reasons))
    assert decision_words(capped) == "flagged only; the policy asks for a timeout: shadow mode"


def test_doubt_state_and_verdict_are_told_plainly():
    assert [doubt_words(doubt) for doubt in (0.62, 0.3, 0.1, 0.0)] == [
        "hard to understand (doubt 0.62)",
        "partly unclear (doubt 0.30)",
        "clearly heard (doubt 0.10)",
        "clearly heard (doubt 0.00)",
    ]
    relabelled = replace(FLAGGED, state=ReviewState.CONFIRMED, final_category="hate")
    assert state_words(relabelled) == "confirmed as hate"
    assert verdict_words(Review(1, ReviewVerdict.RELABEL, "mia", START, "hate")) == "confirmed as hate"


def test_what_was_said_in_a_clip_is_placed_in_it_where_that_is_known():
    spoken = replace(FLAGGED, surface=Surface.CLIP)
    assert place_words(FLAGGED) == "in a message"
    assert place_words(spoken) == "in a voice clip"
    assert place_words(replace(spoken, clip_at=0.0)) == "in a voice clip at 0:00"
