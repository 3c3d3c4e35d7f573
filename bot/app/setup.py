"""The parts of the front end in the order in which they are added."""

from collections.abc import Sequence

from bot.app import odd_events, sync, upkeep
from bot.app.compose import Setup
from bot.cogs.governing import arrival, policy, setup_guide, status
from bot.cogs.reviewing import incidents, privacy, toxcheck
from bot.cogs.watching import catch_up, watch
from bot.ui import buttons, translation

STEPS: Sequence[Setup] = (
    odd_events.setup,
    translation.setup,
    buttons.setup,
    arrival.setup,
    setup_guide.setup,
    policy.setup,
    status.setup,
    toxcheck.setup,
    incidents.setup,
    privacy.setup,
    catch_up.setup,
    watch.setup,
    upkeep.setup,
    # Last: it sends the commands that the others added.
    sync.setup,
)
