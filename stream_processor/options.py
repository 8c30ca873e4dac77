"""What the command line said, checked and with the settings resolved: all that ``app.watch`` is told."""

from dataclasses import dataclass
from typing import Literal

from stream_processor.settings import Settings

Pace = Literal["auto", "live", "fast"]
Ui = Literal["auto", "rich", "plain", "json"]


@dataclass(frozen=True)
class Options:
    """``stream`` as it was given, secrets included. ``duration_seconds``: so much of the stream, None: all of it.

    ``forever``: after the stream's end wait for the next one, as ``wait`` does for the first.
    """

    stream: str
    settings: Settings
    wait: bool = False
    forever: bool = False
    pace: Pace = "auto"
    duration_seconds: float | None = None
    ui: Ui = "auto"
