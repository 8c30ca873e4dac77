"""What the command line said, checked and with the settings resolved: all that ``app.watch`` is told."""

from dataclasses import dataclass
from typing import Literal

from stream_processor.settings import Settings

Pace = Literal["auto", "live", "fast"]
Ui = Literal["auto", "rich", "plain", "json"]


@dataclass(frozen=True)
class ChannelOptions:
    """One channel that is watched."""

    stream: str
    """As it was given, secrets included."""
    name: str
    """Safe, and unique in the process whatever its case: folder, topic, journal."""
    settings: Settings
    """The common ones with this channel's over them."""


@dataclass(frozen=True)
class Options:
    """``channels``: at least one. ``settings``: the common ones, for what is the whole program's (output, mqtt, device, …).

    ``duration_seconds``: so much of each stream, None: all of it. ``forever``: after a stream's end wait for the next one, as
    ``wait`` does for the first.
    """

    channels: tuple[ChannelOptions, ...]
    settings: Settings
    wait: bool = False
    forever: bool = False
    pace: Pace = "auto"
    duration_seconds: float | None = None
    ui: Ui = "auto"
