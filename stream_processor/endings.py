"""When the journal may stop waiting for a disk that refuses: once every channel is near its end."""

from stream_processor.journal import Journal


class Endings:
    """``channels``: how many there are. As long as one of them goes on, a full disk makes its decisions wait, not fail."""

    def __init__(self, journal: Journal, channels: int) -> None:
        self._journal = journal
        self._channels = channels
        self._near: set[str] = set()

    def near(self, channel: str) -> None:
        """The channel reads nothing more."""
        self._near.add(channel)
        if len(self._near) == self._channels:
            self._journal.hurry()
