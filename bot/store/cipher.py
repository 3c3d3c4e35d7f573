"""Encryption at rest: content and texts that differ each time, and names that can still be looked for.

A name (of a person, or the digest of a text) is sealed with AES-SIV (RFC 5297) under a key derived from the content key
with HKDF: the same name always has the same form in the same place, so that equality and indexes work on it. Everything
else is a Fernet token. What was written before names were sealed reads as it did.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import ContentKeyError

# In the forms of before a backslash is followed by another one or by a `u`: none of them begins like these.
_NAME, _TEXT = "\\s", "\\f"
_PLAIN_START = re.compile(r"\\(?!\\|u[0-9a-f]{4})")
_TO_ESCAPE = re.compile(r"[\\\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")
_PURPOSE = b"referee: sealed names, 1"
_SIV_BYTES = 64


@dataclass(frozen=True, slots=True)
class ContentKey:
    """Hold what one key of the operator does: `fernet` encrypts content, `names` seals what is looked for."""

    fernet: Fernet = field(repr=False)
    names: AESSIV = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that 44 characters of URL-safe base64 stand for; raise ValueError for anything else."""
        fernet, secret = Fernet(text), base64.urlsafe_b64decode(text)
        return cls(fernet, AESSIV(HKDF(SHA256(), _SIV_BYTES, None, _PURPOSE).derive(secret)))


class ContentCipher:
    """Seal with the first of the keys, and read what any of them sealed.

    `settled` is true once the database holds nothing any more that was written before names were sealed.
    """

    def __init__(self, keys: Sequence[ContentKey]) -> None:
        self._keys = tuple(keys)
        self._newest = keys[0]
        self._all = MultiFernet([key.fernet for key in keys])
        self.settled = False

    @property
    def looks_further(self) -> bool:
        """Tell whether a name may be stored in another form than the one it is sealed in now."""
        return len(self._keys) > 1 or not self.settled

    def encrypt(self, text: str) -> bytes:
        """Return the token of a text, another one each time; a lone surrogate in it survives."""
        return self._newest.fernet.encrypt(text.encode("utf-8", "surrogatepass"))

    def decrypt(self, token: bytes, name: str) -> str:
        """Return the text of a token; raise ContentKeyError, naming `name`, where no key opens it."""
        try:
            return self._all.decrypt(token).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise _unreadable(name) from None

    def is_newest(self, token: bytes) -> bool:
        """Tell whether the first key made the token."""
        try:
            self._newest.fernet.decrypt(token)
        except InvalidToken:
            return False
        return True

    def seal_text(self, text: str) -> str:
        """Return the stored form of a text in a column of texts; that nothing is there shows."""
        return _TEXT + self.encrypt(text).decode("ascii") if text else ""

    def open_text(self, stored: str, name: str) -> str:
        """Return the text of a stored form; raise ContentKeyError, naming `name`, where no key opens it."""
        if stored.startswith(_TEXT):
            return self.decrypt(stored[len(_TEXT) :].encode("utf-8", "replace"), name)
        return _plain(stored, name)

    def is_newest_text(self, stored: str) -> bool:
        """Tell whether the first key made the stored form of a text, or nothing is there."""
        return not stored or (stored.startswith(_TEXT) and self.is_newest(stored[len(_TEXT) :].encode()))

    def seal_name(self, name: str, place: str) -> str:
        """Return the one stored form that a name has in a place, such as a column."""
        return _sealed_name(self._newest, name, place)

    def open_name(self, stored: str, place: str, name: str) -> str:
        """Return the name of a stored form; raise ContentKeyError, naming `name`, where it is none of that place."""
        if not stored.startswith(_NAME):
            return _plain(stored, name)
        for key in self._keys:
            found = _opened_name(key, stored, place)
            if found is not None:
                return found
        raise _unreadable(name)

    def is_newest_name(self, stored: str, place: str) -> bool:
        """Tell whether the first key made the stored form of a name."""
        return stored.startswith(_NAME) and _opened_name(self._newest, stored, place) is not None

    def forms(self, name: str, place: str) -> tuple[str, ...]:
        """Return every form that a name may be stored in: under each key and, until all is sealed, as it is."""
        sealed = tuple(dict.fromkeys(_sealed_name(key, name, place) for key in self._keys))
        return sealed if self.settled else (*sealed, _TO_ESCAPE.sub(_escape, name))


def _sealed_name(key: ContentKey, name: str, place: str) -> str:
    # Some releases of the library refuse to seal nothing at all, hence the first byte.
    sealed = key.names.encrypt(b"\0" + name.encode("utf-8", "surrogatepass"), [place.encode("utf-8", "surrogatepass")])
    return _NAME + base64.urlsafe_b64encode(sealed).decode("ascii")


def _opened_name(key: ContentKey, stored: str, place: str) -> str | None:
    try:
        sealed = base64.b64decode(stored[len(_NAME) :], altchars=b"-_", validate=True)
        name = key.names.decrypt(sealed, [place.encode("utf-8", "surrogatepass")])[1:]
    except (InvalidTag, ValueError):
        return None
    return name.decode("utf-8", "surrogatepass")


def _plain(stored: str, name: str) -> str:
    if _PLAIN_START.match(stored):
        raise _unreadable(name)
    return _ESCAPED.sub(_unescape, stored)


def _escape(found: re.Match[str]) -> str:
    return "\\\\" if found[0] == "\\" else f"\\u{ord(found[0]):04x}"


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else "\\"


def _unreadable(name: str) -> ContentKeyError:
    return ContentKeyError(
        f"No key given can decrypt {name}. Add the key that was used when it was written, after the first; "
        "if that changes nothing, it is damaged: put a backup in its place."
    )
