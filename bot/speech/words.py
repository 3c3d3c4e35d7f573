"""What the speech model is told to expect: talk of games, and a community's own words."""

from collections.abc import Iterable

GAME_TALK = "Okay, gg everyone. Shut up, you idiot. Nice gank, you stupid noob."
"""What is said in games and seldom in the captions that Whisper was trained on: names of things, and abuse.

The model goes on in the manner of what it is told came before. After a bare list of words tiny.en reads worse than
after nothing, after sentences better: on 120 clips of other lines than those of the benchmark its word error rate was
8.6 % without, 7.2 % with sentences free of abuse, and 6.3 % with these; of the abusive lines that are found as text 90,
93 and 97 % were found.
"""

RUDE_TALK = "Shut up, you fucking idiot. Nice gank, you stupid noob bitch. Okay, gg everyone, I will kill you."
"""What the model is told where it is asked what else may have been said."""

_MOST_CHARACTERS = 500
"""The prompt has room for 223 tokens; a token of names is two to four characters."""


def hot_words(own: Iterable[str] = ()) -> str:
    """Return what the model is told: a community's words, then talk of games; words that find no room are left out."""
    kept, room = list[str](), _MOST_CHARACTERS
    for word in dict.fromkeys(own):
        room -= len(word) + 2
        if room < 0:
            break
        kept.append(word)
    return f"{', '.join(kept)}. {GAME_TALK}" if kept else GAME_TALK
