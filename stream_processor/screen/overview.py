"""Several channels in a few lines: what they are up to together, and a row for each. Pure text.

The rows keep the order in which the channels were named, so that the eye finds them again. Where there is no room for all,
those in trouble stay, then those whose highlight is newest; the others are counted in a last line.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from stream_processor.screen.curve import sparkline
from stream_processor.screen.panels import STATE_STYLES, WAITS, clock, fit
from stream_processor.screen.rates import Rate, trouble
from stream_processor.status import ChannelStatus

_STATES = ("live", "reconnecting", "failed", "connecting", "waiting", "ended")
_FEWEST_CURVE_CELLS = 12

Cell = tuple[str, str]
"""Text and style."""


def title(channels: Sequence[ChannelStatus], now: float, width: int) -> Text:
    """How many are in which state, and for how long the first has been watched. ``now`` is monotonic seconds."""
    running = clock(now - min(channel.started_at for channel in channels))
    line = Text(no_wrap=True).append(f" {len(channels)} channels", style="title")
    for state, number in _states(channels):
        line.append(f"   {number} {state}", style=STATE_STYLES[state])
    line.truncate(max(width - len(running) - 1, 0), overflow="ellipsis", pad=True)
    line.append(f" {running}")
    line.truncate(width)
    return line


def newest(channels: Sequence[ChannelStatus]) -> ChannelStatus:
    """The channel with the newest highlight; where there is none yet, the first that is live."""
    return max(channels, key=lambda channel: (_opened(channel), channel.state == "live"))


def rows(channels: Sequence[ChannelStatus], rates: Mapping[str, Rate], width: int, height: int) -> list[Text]:
    """A line of names, and at most ``height`` below it: a row per channel, or some and how many more there are."""
    shown, hidden = list(channels), []
    if len(channels) > height:
        ranked = sorted(range(len(channels)), key=lambda place: _rank(channels[place], rates), reverse=True)
        shown = [channels[place] for place in sorted(ranked[: max(height - 1, 0)])]
        hidden = [channels[place] for place in ranked[max(height - 1, 0) :]]
    in_full = newest(channels)
    name_cells = min(max(len(channel.channel) for channel in channels), max(width // 5, 10))
    columns = _columns(width - name_cells - 2)
    lines = [_head(columns, name_cells, width)]
    for channel in shown:
        line = Text(no_wrap=True).append("▸" if channel is in_full else " ", style="highlight")
        line.append(_name(channel.channel, name_cells))
        _append(line, columns, channel, rates.get(channel.channel), width)
        lines.append(line)
    return [*lines, *([_more(hidden, rates, width)] if hidden and height > 0 else [])]


# ---- a row -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    name: str
    cells: int
    worth: int
    """Where there is little room, what is worth least goes first."""
    show: Callable[[ChannelStatus, Rate | None], Cell]

    def aligned(self, text: str) -> str:
        return f" {text:<{self.cells}}" if self.name == "state" else f" {text:>{self.cells}}"


def _speed(channel: ChannelStatus, rate: Rate | None) -> Cell:
    return (f"{rate.speed:.1f}x", "") if rate is not None and channel.state == "live" else ("–", "dim")


def _lag(channel: ChannelStatus, _: Rate | None) -> Cell:
    """A live channel's; of a recording, how much is done."""
    if channel.total_seconds:
        return f"at {min(channel.stream_seconds / channel.total_seconds, 1.0):.0%}", ""
    return (f"{channel.lag_seconds:.1f} s", "") if channel.state == "live" else ("–", "dim")


def _dropped(channel: ChannelStatus, rate: Rate | None) -> Cell:
    number = channel.frames_dropped + channel.packets_dropped
    style = "bad" if rate is not None and rate.dropped else "warn" if number else "dim"
    return _short(number), style


def _ring(channel: ChannelStatus, _: Rate | None) -> Cell:
    is_full = channel.ring_max_mb > 0 and channel.ring_mb > 0.95 * channel.ring_max_mb
    return f"{channel.ring_seconds:.0f} s {channel.ring_mb:.0f} MB", "warn" if is_full else "dim"


def _clips(channel: ChannelStatus, _: Rate | None) -> Cell:
    style = "warn" if channel.clips_lost else "" if channel.highlights_opened else "dim"
    return f"{channel.clips_written} of {channel.highlights_opened}", style


_COLUMNS = (
    _Column("state", 12, 9, lambda channel, _: (channel.state, STATE_STYLES[channel.state])),
    _Column("speed", 6, 3, _speed),
    _Column("lag", 7, 6, _lag),
    _Column("dropped", 7, 7, _dropped),
    _Column("ring", 11, 1, _ring),
    _Column("clips", 9, 5, _clips),
)


def _columns(room: int) -> list[_Column]:
    """Those that leave room for the curve."""
    columns = list(_COLUMNS)
    while len(columns) > 1 and room - sum(column.cells + 1 for column in columns) < _FEWEST_CURVE_CELLS:
        columns.remove(min(columns, key=lambda column: column.worth))
    return columns


def _head(columns: Sequence[_Column], name_cells: int, width: int) -> Text:
    names = "".join(column.aligned(column.name) for column in columns)
    return Text(fit(f" {'channel':<{name_cells}}{names}  score", width), style="rule", no_wrap=True)


def _append(line: Text, columns: Sequence[_Column], channel: ChannelStatus, rate: Rate | None, width: int) -> None:
    for column in columns:
        text, style = column.show(channel, rate)
        line.append(column.aligned(text), style=style)
    room = width - line.cell_len - 2
    if channel.state in WAITS and channel.detail:
        line.append(f"  {fit(channel.detail, max(room, 0))}", style=STATE_STYLES[channel.state])
    elif channel.warmup_left_seconds > 0 and not channel.curve:
        line.append(f"  {fit(f'warm-up {channel.warmup_left_seconds:.0f} s', max(room, 0))}", style="dim")
    elif room > 0:
        line.append("  ").append_text(sparkline(channel.curve, room))
    line.truncate(width, overflow="ellipsis")


def _name(name: str, cells: int) -> str:
    """Cut in the middle: names that begin alike differ at their end."""
    if cell_len(name) <= cells:
        return fit(name, cells)
    end = name[-(cells // 3) :]
    return fit(fit(name, cells - cell_len(end)) + end, cells)


def _short(number: int) -> str:
    """At most six digits and a letter: 12, 99999, 1.2M."""
    return str(number) if number < 100_000 else f"{number / 1e3:.0f}k" if number < 1e6 else f"{number / 1e6:.1f}M"


# ---- which, and how many more ------------------------------------------------------------------------------------------


def _opened(channel: ChannelStatus) -> tuple[float, float]:
    return (channel.highlights[-1].opened_at, channel.highlights[-1].start_seconds) if channel.highlights else (-1.0, -1.0)


def _rank(channel: ChannelStatus, rates: Mapping[str, Rate]) -> tuple[bool, bool, tuple[float, float]]:
    is_over = channel.state == "ended"
    return bool(trouble(channel, rates.get(channel.channel))), not is_over, _opened(channel)


def _more(hidden: Sequence[ChannelStatus], rates: Mapping[str, Rate], width: int) -> Text:
    others = "".join(f", {number} {state}" for state, number in _states(hidden) if state != "live")
    dropping = sum(trouble(channel, rates.get(channel.channel)) == "dropping" for channel in hidden)
    others += f", {dropping} dropping" if dropping else ""
    is_bad = any(trouble(channel, rates.get(channel.channel)) for channel in hidden)
    return Text(fit(f" … and {len(hidden)} more{others}", width), style="bad" if is_bad else "dim", no_wrap=True)


def _states(channels: Sequence[ChannelStatus]) -> list[tuple[str, int]]:
    numbers: Counter[str] = Counter(channel.state for channel in channels)
    return [(state, numbers[state]) for state in _STATES if numbers[state]]
