"""What is new about a message."""

from bot.cogs.watching.revisions import Revisions
from bot.cogs.watching.surfaces import MessageContent
from bot.domain import Part, Surface

HELLO = MessageContent("hello")


def test_the_same_content_is_no_news_and_another_one_is() -> None:
    revisions = Revisions()
    assert revisions.news("m1", HELLO) == HELLO
    assert revisions.news("m1", HELLO) is None
    assert revisions.news("m2", HELLO) == HELLO
    assert revisions.news("m1", MessageContent("bye")) == MessageContent("bye")
    assert revisions.news("m1", HELLO) == HELLO


def test_the_place_of_a_text_is_part_of_the_content() -> None:
    revisions = Revisions()
    told = [MessageContent("", (Part(surface, "hello"),)) for surface in (Surface.EMBED, Surface.POLL)]

    assert [revisions.news("m1", content) for content in (*told, HELLO)] == [*told, HELLO]


def test_half_a_surrogate_pair_breaks_nothing() -> None:
    assert Revisions().news("m1", MessageContent("\ud83d")) is not None


def test_what_is_forgotten_is_news_again_and_only_so_much_is_remembered() -> None:
    revisions = Revisions(most=2)
    for name in ("m1", "m2", "m3"):
        revisions.news(name, HELLO)
    revisions.forget("m3")

    assert [revisions.news(name, HELLO) for name in ("m2", "m3", "m1")] == [None, HELLO, HELLO]
