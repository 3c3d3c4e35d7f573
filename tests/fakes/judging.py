"""The policy asked in few words."""

from datetime import datetime

from bot.domain import Decision, Excerpt, History, Transcript
from bot.policy import Policy, decide
from classifier import Verdict
from tests.fakes.chat import START, line

LINE = line("m1", "a line")


def judge(
    rules: Policy,
    said: Verdict,
    history: History | None = None,
    *,
    excerpt: Excerpt = LINE,
    now: datetime = START,
    transcript: Transcript | None = None,
) -> Decision:
    """Return what the rules decide, in the plain case where nothing else is said."""
    return decide(rules, said, excerpt, history or History(), now, transcript.doubt if transcript else None)
