"""What the parts of a live front end share: made once at the start, handed to each."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.brake import Brake
from bot.communities import Communities
from bot.desk import Desk
from bot.fetch import ClipFetcher
from bot.latency import Latency
from bot.metered import Meters
from bot.pipeline import Pipeline
from bot.ports import Clock
from bot.settings import Settings
from bot.speech.line import SpeechLoad
from bot.store import Stores
from bot.waiting_room import WaitingRoom


@dataclass(frozen=True, slots=True)
class Services:
    """Hold what a live front end works with.

    `waiting` tells how many texts wait for a score, `speech` how much is to be heard, None where speech is off.
    Messages wait in `room` before their texts do. `latency` is from a message's arrival to its decision; `meters` count
    what came after.
    """

    settings: Settings
    clock: Clock
    stores: Stores
    communities: Communities
    pipeline: Pipeline
    desk: Desk
    brake: Brake
    fetcher: ClipFetcher
    model_version: str
    waiting: Callable[[], int]
    speech: Callable[[], SpeechLoad | None] = lambda: None
    latency: Latency = field(default_factory=Latency)
    room: WaitingRoom = field(default_factory=WaitingRoom)
    meters: Meters = field(default_factory=Meters)
