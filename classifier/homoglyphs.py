"""Characters that look like Latin letters.

The pairs follow Unicode's confusables (UTS #39), cut down to letters that people do use to slip past a filter.
"""

ALWAYS = {
    # Small capitals, IPA and turned letters: no living language of chat writes words with these next to Latin ones.
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True)),
    **dict(zip("ɑɐɓƈɗəɛƒɡɠɦıɨɩʝƙɫɭɱɲŋɔɵƥɋʠɾɽʂƫʈʉʋɯʍƴʐƶ", "aabcdeefgghiiijkllmnnoopqqrrsttuvmwyzz", strict=True)),
    **dict(zip("ɐǝɟƃɥᴉɾʞɯɹʇʌʎ", "aefghijkmrtvy", strict=True)),
    "ß": "ss",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ŧ": "t",
    "æ": "ae",
    "œ": "oe",
    "ⓜ": "m",
    "ℹ": "i",
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "·": ".",
    "•": ".",
    "∙": ".",
    "…": "...",
    "¡": "!",
    "€": "e",
    "£": "l",
    "¥": "y",
    "¢": "c",
    "†": "t",
    "∂": "d",
    "∆": "a",
}
"""Folded wherever they stand."""

CYRILLIC = dict(
    zip(
        "авсԁеԍһіјкӏмнорԛгѕтυѵԝхуьъпифя",
        "abcdeghijklmhopqrstuvwxybbnnor",
        strict=True,
    )
)
GREEK = dict(zip("αβςδεφγηικλμνοπρστυωχζ", "abcdefynikluvonpotuwxz", strict=True))
# Text is lower-cased before these are looked up, Cherokee too.
OTHER = dict(zip("ցհոսյզքօᎪᎬᏚᎢᏃᎳᏴ".lower(), "ghnujqpoaestzwb", strict=True))

IN_MIXED_WORDS = {**CYRILLIC, **GREEK, **OTHER}
"""Folded only in a word that mixes scripts, or that stands alone among Latin words."""

LOOKALIKE_SHAPES = frozenset("авсԁеһіјкӏмнорԛѕтԝхуαβεικνορτυχ")
"""Of these, the ones that pass for the Latin letter at a glance; only they may disguise a whole word."""

FOREIGN_TO_RUSSIAN = frozenset("ԁһӏԛԝѕ")
"""Letters that hardly any Cyrillic chat uses: a word of lookalikes that holds one is a disguise."""


def _letters(first: int, count: int = 26) -> dict[str, str]:
    return {chr(first + i): chr(ord("a") + i) for i in range(count)}


ENCLOSED = {**_letters(0x249C), **_letters(0x1F150), **_letters(0x1F170), **_letters(0x1F1E6)}
"""Parenthesised, negative circled and squared letters and regional indicators: NFKD leaves them as they are."""
