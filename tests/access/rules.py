"""Who may use what: a decision for every command, menu, button, list, view and offer. What has none fails a test."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from bot.cogs.governing.setup_view import SetupView
from bot.cogs.reviewing.incident_pages import IncidentPages
from bot.cogs.reviewing.privacy import EraseQuestion
from bot.ui.acting import ActButton, TimeoutSelect
from bot.ui.buttons import CardButton
from bot.ui.help_call import ReleaseButton
from bot.ui.relabel import RelabelSelect


class Need(Enum):
    """What somebody has to be in a server."""

    MEMBER = "member"
    MODERATOR = "moderator"
    MANAGER = "manager"


_MANAGED = "referee setup,policy set,policy preset,policy mode,policy import,policy reset,policy clips"
_MODERATED = (
    "referee status,referee resume,policy show,policy export,policy history,toxcheck,incidents list,incidents mine,"
    "incidents show,incidents reopen,incidents search,incidents export"
)
COMMANDS: Mapping[str, Need] = {
    **dict.fromkeys(_MANAGED.split(","), Need.MANAGER),
    **dict.fromkeys(_MODERATED.split(","), Need.MODERATOR),
    **dict.fromkeys(("privacy info", "privacy my_data", "privacy erase"), Need.MEMBER),
    # These two list where nothing is named, and change where something is.
    "policy exempt": Need.MANAGER,
    "policy words": Need.MANAGER,
}
_LIST_ALONE = {"policy exempt": ("role", "channel"), "policy words": ("add", "remove")}
MENUS: Mapping[str, Need] = {"Check toxicity": Need.MODERATOR, "Report to moderators": Need.MEMBER}
ITEMS: Mapping[type[Any], Need] = dict.fromkeys(
    (CardButton, RelabelSelect, ActButton, TimeoutSelect, ReleaseButton), Need.MODERATOR
)
VIEWS: Mapping[type[Any], Need] = {
    SetupView: Need.MANAGER,
    IncidentPages: Need.MODERATOR,
    EraseQuestion: Need.MEMBER,
}
OFFERS: Mapping[tuple[str, str], Need] = dict.fromkeys(
    (
        ("policy show", "category"),
        ("policy set", "category"),
        ("policy mode", "category"),
        ("policy words", "remove"),
        ("incidents list", "category"),
        ("incidents show", "id"),
        ("incidents reopen", "id"),
    ),
    Need.MODERATOR,
)
REFUSALS = ("Only moderators may", "Only the owner and members", "Only this server's moderators", "only in a server")


def needed(command: str, options: Mapping[str, object]) -> Need:
    """Return what a command needs with these options."""
    listing = _LIST_ALONE.get(command)
    return Need.MODERATOR if listing and not any(name in options for name in listing) else COMMANDS[command]
