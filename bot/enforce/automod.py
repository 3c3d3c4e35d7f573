"""What Discord's own AutoMod dealt with, so that nobody is punished twice for one message."""

from collections import OrderedDict

_MOST_REMEMBERED = 10_000


class AutoModLog:
    """Remember the messages that AutoMod acted on, the latest 10,000 of them."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, None] = OrderedDict()

    def note(self, message_id: int | str) -> None:
        """Remember that AutoMod acted on a message."""
        self._messages[str(message_id)] = None
        self._messages.move_to_end(str(message_id))
        while len(self._messages) > _MOST_REMEMBERED:
            self._messages.popitem(last=False)

    def handled(self, message_id: int | str) -> bool:
        """Tell whether AutoMod acted on it."""
        return str(message_id) in self._messages
