"""Who changed what, as a text for moderators."""

from collections.abc import Sequence
from itertools import accumulate

from bot.cogs.listing import LONGEST, Listing, block, text_file
from bot.community import ERASED, Change

_REST = "The rest is in the file."


def history_listing(changes: Sequence[Change]) -> Listing:
    """Return as many changes as fit, newest first; where that is not all of them, with a file of all."""
    shown = [
        f"{_when(change)} {_who(change.author)}: {change.what}\n{block(change.lines)}".rstrip() for change in changes
    ]
    fitting = sum(length <= LONGEST - len(_REST) - 1 for length in accumulate(len(part) + 1 for part in shown))
    if fitting == len(shown):
        return Listing("\n".join(shown))
    whole = "\n\n".join("\n".join([f"{c.at:%Y-%m-%d %H:%M} UTC {c.author}: {c.what}", *c.lines]) for c in changes)
    return Listing("\n".join([*shown[:fitting], _REST]), (text_file(whole, "history.txt"),))


def _when(change: Change) -> str:
    return f"<t:{int(change.at.timestamp())}:f>"


def _who(author: str) -> str:
    return f"<@{author}>" if author != ERASED else "somebody whose data were erased"
