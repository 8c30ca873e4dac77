"""How soon the program notices that its encoder has gone silent: the encoder's log held against the program's. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

NOTICED = "the stream broke off"
BEGINS = "computes with"
LONGEST_SECONDS = 20.0
"""What is said later than this was not about that stall: it is over by then, and so is a suspension that fell into it."""


def seconds_to_notice(encoder: Sequence[Mapping[str, Any]], program: Iterable[Mapping[str, Any]]) -> list[float | None]:
    """For each stall; None: the program was restarted or suspended before it could."""
    said = [(_at(line["time"]), str(line["event"])) for line in program if line.get("type") == "log" and "event" in line]
    return [_noticed(float(line["at"]), said) for line in encoder if line["what"] == "stalls"]


def _noticed(at: float, said: Sequence[tuple[float, str]]) -> float | None:
    for seconds, event in said:
        if at < seconds < at + LONGEST_SECONDS:
            if event.startswith(BEGINS):
                return None
            if event.startswith(NOTICED):
                return seconds - at
    return None


def _at(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
