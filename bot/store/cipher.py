"""Encryption of content at rest."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.errors import ContentKeyError


class ContentCipher:
    """Encrypt text with the first of the keys, and read what any of them encrypted."""

    def __init__(self, keys: Sequence[Fernet]) -> None:
        self._newest = keys[0]
        self._all = MultiFernet(keys)

    def encrypt(self, text: str) -> bytes:
        """Return the token of a text; a lone surrogate in it survives."""
        return self._newest.encrypt(text.encode("utf-8", "surrogatepass"))

    def decrypt(self, token: bytes, name: str) -> str:
        """Return the text of a token; raise ContentKeyError, naming `name`, where no key opens it."""
        try:
            return self._all.decrypt(token).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise ContentKeyError(
                f"No key given can decrypt {name}. Add the key that was used when it was written, after the first."
            ) from None

    def is_newest(self, token: bytes) -> bool:
        """Tell whether the first key made the token."""
        try:
            self._newest.decrypt(token)
        except InvalidToken:
            return False
        return True
