"""What the speech model is told to expect."""

from bot.speech.words import GAME_TALK, hot_words


def test_without_words_of_its_own_a_community_gets_talk_of_games():
    assert hot_words() == GAME_TALK


def test_a_communitys_words_come_before_the_talk_each_once():
    assert hot_words(["Roshan", "Aegis", "Roshan"]) == f"Roshan, Aegis. {GAME_TALK}"


def test_words_beyond_the_room_of_the_prompt_are_left_out_whole():
    own = [f"hero{number:04}" for number in range(500)]

    told = hot_words(own)

    assert told.endswith(GAME_TALK)
    assert len(told) <= 600
    assert set(told.removesuffix(f". {GAME_TALK}").split(", ")) <= set(own)
