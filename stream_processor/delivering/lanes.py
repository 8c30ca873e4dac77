"""Alerts on their way to one sink, and how long they rest after it refused them."""

import asyncio
from dataclasses import dataclass

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0


def wait_seconds(failures: int, chance: float) -> float:
    """The rest after so many failures in a row: doubling from 0.5 s to 30 s, of that at least half, by ``chance`` (0 to 1)."""
    longest = min(_FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 16), _LONGEST_WAIT_SECONDS)
    return longest * (0.5 + 0.5 * chance)


@dataclass
class Lane:
    """Alerts in their order: of all channels, or of one that is held. ``cursor``: up to where the sink has them."""

    cursor: int = 0
    waiting: int = 0
    """Of one that is held: how many the common cursor has passed."""
    refused_in_a_row: int = 0
    is_told: bool = False
    """That it waits."""
    says: str = ""
    rest: asyncio.Task[None] | None = None

    def end_rest(self) -> None:
        if self.rest is not None:
            self.rest.cancel()
            self.rest = None
