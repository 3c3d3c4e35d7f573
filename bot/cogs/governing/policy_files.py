"""Policies as files: read where one is attached, and written for those who may need it back."""

import discord

from bot.cogs.admission import Admitted
from bot.cogs.listing import text_file
from bot.enforce.calls import ERRORS
from bot.errors import InputError, PolicyError
from bot.policy_change import LARGEST_DOCUMENT
from bot.policy_community import export


async def read_document(file: discord.Attachment) -> str:
    """Return an attached policy; raise InputError where it is too large, is gone or is no text."""
    if file.size > LARGEST_DOCUMENT:
        raise InputError(f"The file has {file.size} bytes; a policy has {LARGEST_DOCUMENT} at most.")
    try:
        return (await file.read()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("The file is not text in UTF-8; save it as UTF-8 and try again.") from error
    except ERRORS as error:
        raise InputError("Discord did not hand the file out; attach it again.") from error


def as_it_was(asked: Admitted) -> tuple[discord.File, ...]:
    """Return the rules so far as a file; none where they make no sense any more."""
    communities = asked.services.communities
    try:
        return (text_file(export(communities.basis, communities.rules(asked.community)), "policy-before.toml"),)
    except PolicyError:
        return ()
