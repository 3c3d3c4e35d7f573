"""A notifier that keeps a list."""

from bot.domain import Excerpt, Incident


class ListingNotifier:
    """Note everything that is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Excerpt, Incident]] = []

    async def notify(self, excerpt: Excerpt, incident: Incident) -> None:
        """Note the incident."""
        self.seen.append((excerpt, incident))
