"""What BERTweet does to a tweet before it looks up words, as steps that a tokenizer file can hold.

The rules are those of `BertweetTokenizer.normalizeTweet` in transformers, which splits with NLTK's TweetTokenizer
(both Apache-2.0): https://github.com/VinAIResearch/BERTweet. Two differ on purpose. The patterns of addresses are
written so that no line makes them try every way to read it. And an HTML entity that nobody knows stays, where the
original drops it with the word inside.
"""

import emoji
from tokenizers import Regex, normalizers

from classifier.training.bases.charsmap import precompiled_charsmap

_SIGNS = (("’", "'"), ("…", "..."))
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&"))
"""The ampersand is last: what it was escaped before must stay escaped."""

_PARENTHESES = r"\([^\s()]*?\([^\s()]+\)[^\s()]*?\)|\([^\s]+?\)"
_ADDRESS = (
    r"(?:https?:(?:/{1,3}|[a-z0-9%])|[a-z0-9.\-]{1,99}[.](?:[a-z]{2,13})/)"
    rf"(?:[^\s()<>{{}}\[\]]|{_PARENTHESES})+"
    rf"(?:{_PARENTHESES}|[^\s`!()\[\]{{}};:'\".,<>?«»“”‘’])"
)
_JOINERS = "\u200c\u200d"
_WORDY = rf"[\w{_JOINERS}]"
_LETTER = rf"[[^\W\d_]{_JOINERS}]"
_DOMAIN = rf"(?<!@)[a-z0-9]+(?:[.\-][a-z0-9]+){{0,20}}[.](?:[a-z]{{2,13}})(?!{_WORDY})/?(?!@)"
_PHONE = r"(?:\+?[01][ *\-.\)]*)?(?:[\(]?\d{3}[ *\-.\)]*)?\d{3}[ *\-.\)]*\d{4}"
_MOUTH = r"[\)\]\(\[dDpP/\:\}\{@\|\\]"
_EMOTICON = rf"[<>]?[:;=8][\-o\*']?{_MOUTH}|{_MOUTH}[\-o\*']?[:;=8][<>]?|<3"
_TOKENS = (
    _ADDRESS,
    _DOMAIN,
    _PHONE,
    _EMOTICON,
    r"<[^>\s]{1,99}>",
    r"[\-]+>|<[\-]+",
    rf"@{_WORDY}+",
    rf"\#+{_WORDY}+[\w{_JOINERS}'\-]*{_WORDY}+",
    rf"[\w{_JOINERS}.+-]{{1,99}}@[\w{_JOINERS}-]+\.(?:[\w{_JOINERS}-]\.?)+[\w{_JOINERS}-]",
    rf"{_LETTER}(?:{_LETTER}|['\-_])+{_LETTER}",
    r"[+\-]?\d+[,/.:-]\d+[+\-]?",
    rf"{_WORDY}+",
    r"\.(?:\s*\.)+",
    r"\S",
)
"""The first that fits takes the text, so the order says what is what."""

_TOKEN = rf"(?i)(?:{'|'.join(f'(?:{pattern})' for pattern in _TOKENS)})"
_SHOUTING = r"([^a-zA-Z0-9])\1\1\K\1+"
_MENTION = r"(?<![^ ])@\K[^ ]*"
_LINK = r"(?<![^ ])(?i:http|www)[^ ]*"
_ALONE = r"(?<![^ ]){}(?![^ ])"
_LETTER_EMOJI = "ℹⓂ🅰🅱🅾🅿"
"""The emoji that are letters too: they are read as emoji only where they stand alone."""
_PARTED = (
    (r"can\K(?=not )", " "),
    (r"(?=n't )", " "),
    (r"n 't ", " n't "),
    (r"(?:ca|ai)\K (?=n't)", ""),
    *((rf"(?='{ending} )", " ") for ending in ("m", "re", "s", "ll", "d", "ve")),
)
"""Contractions in two words ("do n't", "you 're"), one step after the other: one may end where the next begins."""

_HOURS = tuple(pair for half in "pa" for pair in ((f" {half} . m .", f" {half}.m."), (f" {half} . m ", f" {half}.m ")))


def tweet_rules() -> normalizers.Normalizer:
    """Return the steps that make BERTweet's view of a text, offsets kept: "@USER", "HTTPURL", ":red_heart:"."""
    names = emoji_names()
    replaced = [normalizers.Replace(old, new) for old, new in (*_SIGNS, *_ENTITIES)]
    steps = [
        *replaced,
        _by_pattern(_SHOUTING, ""),
        # The match is empty and ends where a token does: every token gets a space behind it.
        _by_pattern(_TOKEN + r"\K", " "),
        _by_pattern(r"\s+", " "),
        normalizers.Strip(),
        _by_pattern(_MENTION, "USER"),
        _by_pattern(_LINK, "HTTPURL"),
        _by_pattern(_ALONE.format("[\ufe0e\ufe0f]"), ""),
        *(_by_pattern(_ALONE.format(letter), names.pop(letter)) for letter in _LETTER_EMOJI),
        normalizers.Precompiled(precompiled_charsmap(names)),
        *(_by_pattern(pattern, new) for pattern, new in _PARTED),
        *(normalizers.Replace(old, new) for old, new in _HOURS),
    ]
    return normalizers.Sequence(steps)


def emoji_names() -> dict[str, str]:
    """Return the name of every emoji of a single character, as ":red_heart:"; BERTweet reads the others in parts."""
    return {char: emoji.demojize(char) for char in emoji.EMOJI_DATA if len(char) == 1}


def _by_pattern(pattern: str, new: str) -> normalizers.Normalizer:
    return normalizers.Replace(Regex(pattern), new)
