"""The last line of defence for secrets: whatever is printed, the known ones and what looks like one are taken out."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from bot.settings import Settings

HIDDEN = "[hidden]"
_SHORTEST = 4
"""A shorter secret would take pieces out of ordinary words, and is none."""

_LOOKS_SECRET = (
    # A Discord token: an id, a time and a signature, each in URL-safe base64.
    (re.compile(r"[\w-]{18,40}\.[\w-]{6,8}\.[\w-]{25,120}"), HIDDEN),
    # A Fernet key: 32 bytes in URL-safe base64.
    (re.compile(r"(?<![\w-])[\w-]{43}=(?![\w=])"), HIDDEN),
    # The password in a URL.
    (re.compile(r"(://[^\s:/@]{0,100}:)[^\s/@]{1,200}@"), rf"\1{HIDDEN}@"),
    # Who has the token of an interaction or of a webhook may write in its place.
    (re.compile(r"(/(?:webhooks|interactions)/\d{1,25}/)[^/\s?]{1,400}"), rf"\1{HIDDEN}"),
)


class Redaction:
    """Take secrets out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret.strip() for secret in secrets}
        # The longest first: one may be a part of another.
        self._known = sorted((secret for secret in known if len(secret) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without the known secrets, and without what looks like one."""
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        for pattern, instead in _LOOKS_SECRET:
            text = pattern.sub(instead, text)
        return text


def secrets_of(settings: "Settings") -> list[str]:
    """Return what no output may hold: the token, the content keys, and the password of the database."""
    token = settings.discord_token.get_secret_value() if settings.discord_token else ""
    keys = settings.content_keys.get_secret_value() if settings.content_keys else ""
    return [token, *keys.split(","), *_passwords(settings.database_url)]


def _passwords(url: str) -> list[str]:
    try:
        written = urlsplit(url).password or ""
    except ValueError:
        return []
    return [written, unquote(written)]
