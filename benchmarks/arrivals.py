"""When messages come: at random moments, or in bursts."""

import random
from enum import StrEnum


class Arrival(StrEnum):
    """How messages come: each at a moment of its own, or many at once after something happened in a match."""

    POISSON = "poisson"
    BURST = "burst"


_BURSTS_A_SECOND = 2


def moments(arrival: Arrival, rate: float, seconds: float, *, seed: int = 7) -> list[float]:
    """Return the moments in [0, seconds), in order, at which messages come that are `rate` a second in the mean.

    Bursts are two a second, or one for each message where less is said; each is somewhere in its own half second.
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    if arrival is Arrival.BURST:
        bursts = min(_BURSTS_A_SECOND, rate)
        found = [(n + draw.random()) / bursts for n in range(int(bursts * seconds))]
        return [moment for moment in found for _ in range(max(1, round(rate / bursts)))]
    found = []
    moment = draw.expovariate(rate)
    while moment < seconds:
        found.append(moment)
        moment += draw.expovariate(rate)
    return found
