"""Whether a slice is in a language that nobody here can judge."""

import re

from bot.errors import SettingsError
from bot.speech.ears import Heard

_SURE = 0.7
_FEWEST_SECONDS = 2.0
"""Of shorter speech, such as one name, the language cannot be told."""

_NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "ms": "Malay",
    "nl": "Dutch",
    "nn": "Norwegian",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sr": "Serbian",
    "sv": "Swedish",
    "ta": "Tamil",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


def foreign_language(heard: Heard, seconds: float, known: frozenset[str]) -> str:
    """Return the name of the language of a slice, empty where it is a known one or nobody can tell.

    `seconds` is how much speech there is in it, `known` holds codes such as "en".
    """
    if heard.language in known or heard.sureness < _SURE or seconds < _FEWEST_SECONDS:
        return ""
    return _NAMES.get(heard.language, f"the language {heard.language}")


def parse_languages(listed: str) -> frozenset[str]:
    """Return the codes of a list such as "en, de"; raise SettingsError where one is none."""
    codes = frozenset(code.strip().lower() for code in listed.split(",") if code.strip())
    odd = sorted(code for code in codes if not re.fullmatch(r"[a-z]{2,3}", code))
    if odd or not codes:
        found = f"{', '.join(map(repr, odd))} is no code of a language" if odd else "no language is named"
        raise SettingsError(f"REFEREE_LANGUAGES: {found}; write codes of two letters such as en,de")
    return codes
