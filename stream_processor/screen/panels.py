"""The dashboard's parts, each a few lines of text made from a ``ChannelStatus``. Pure: nothing here looks at a clock."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from stream_processor.status import ChannelStatus

STATE_STYLES = {
    "live": "good",
    "ended": "dim",
    "connecting": "busy",
    "waiting": "busy",
    "reconnecting": "bad",
    "failed": "bad",
}
WAITS = ("connecting", "waiting", "reconnecting", "failed")
"""States in which the detail says more than any number."""
_UNUSUAL = 0.75
"""Deviations of the default saliency go up to 1; from here on a bar is coloured: two standard deviations."""


def clock(seconds: float) -> str:
    """``12:31`` or ``1:02:31``."""
    if not math.isfinite(seconds):
        return "--:--"
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def tidy(text: str) -> str:
    """One line without control characters: titles and names come from outside."""
    return "".join(character if character.isprintable() else " " for character in text)


def fit(text: str, cells: int) -> str:
    """Exactly so many cells, cut with an ellipsis."""
    text = tidy(text)
    return set_cell_size(text, cells) if cell_len(text) <= cells else set_cell_size(text, max(cells - 1, 0)) + "…" * (cells > 0)


def rule(title: str, width: int) -> Text:
    return Text(fit(f"── {title} " + "─" * width, width).replace("…", "─"), style="rule", no_wrap=True)


def title(channel: ChannelStatus, now: float, width: int) -> Text:
    state = f" {channel.state.upper()} "
    running = clock(now - channel.started_at)
    rest = max(width - len(state) - len(running) - 2, 0)
    line = Text(fit(f" {channel.channel}  {channel.source}", rest), style="title", no_wrap=True)
    line.append(" ")
    line.append(state, style=STATE_STYLES[channel.state])
    return line.append(f" {running}")


def pulse(channel: ChannelStatus, speed: float | None, width: int) -> Text:
    """What a long wait waits for; else how far a file is, with what is left; else speed, lag, warm-up."""
    if channel.detail and channel.state in WAITS:
        return Text(fit(f" {channel.detail}", width), style="busy", no_wrap=True)
    parts = [f"stream {clock(channel.stream_seconds)}"]
    if channel.total_seconds:
        share = min(channel.stream_seconds / channel.total_seconds, 1.0)
        parts[0] += f" of {clock(channel.total_seconds)} {bar(share, 12)} {share:.0%}"
        if speed and channel.state != "ended":
            parts.append(f"{clock((channel.total_seconds - channel.stream_seconds) / speed)} left")
    if speed is not None and channel.state != "ended":
        parts.append(f"{speed:.1f}x real time")
    if not channel.total_seconds:
        parts.append(f"lag {channel.lag_seconds:.1f} s")
    if channel.warmup_left_seconds > 0:
        parts.append(f"warming up, {channel.warmup_left_seconds:.0f} s to go")
    if channel.detail:
        parts.append(channel.detail)
    return Text(fit(" " + "   ".join(parts), width), no_wrap=True)


def bar(share: float, cells: int) -> str:
    """Filled from the left to an eighth of a cell; the rest is dotted."""
    eighths = round(min(max(share, 0.0), 1.0) * cells * 8) if math.isfinite(share) else 0
    full, part = divmod(eighths, 8)
    partial = "▏▎▍▌▋▊▉"[part - 1] if part else ""
    return ("█" * full + partial).ljust(cells, "·")


def signals(channel: ChannelStatus, width: int) -> list[Text]:
    """One line per signal: name and kind, its deviation as a bar and a number, its value."""
    lines = []
    names = channel.scorers or dict.fromkeys(channel.values, "")
    bar_cells = min(max(width - 46, 6), 40)
    for name, kind in names.items():
        deviation = channel.deviations.get(name)
        value = channel.values.get(name)
        label = f"{name} ({kind})" if kind else name
        line = Text(f" {fit(label, 22)} ", no_wrap=True)
        strong = deviation is not None and deviation >= _UNUSUAL
        line.append(bar(deviation or 0.0, bar_cells), style="above" if strong else "below")
        line.append(f" {deviation:>+5.2f}" if deviation is not None else "     –")
        line.append(f"  {value:<10.4g}" if value is not None else "  no signal ", style="dim")
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return lines


def health(channels: Sequence[ChannelStatus], width: int) -> list[Text]:
    """Rings and drops of all these; then sinks and outbox. What is wrong is coloured, and is a word, too."""
    first = Text(f" {_rings(channels)}", no_wrap=True)
    _count(first, sum(channel.frames_dropped for channel in channels), "not analysed")
    _count(first, sum(channel.packets_dropped for channel in channels), "packets dropped")
    _count(first, sum(channel.decode_errors for channel in channels), "not decodable")
    _count(first, sum(sum(channel.scorer_errors.values()) for channel in channels), "not scored")
    _count(first, sum(channel.reconnects for channel in channels), f"reconnects{_why(channels)}")
    _count(first, sum(channel.clips_lost for channel in channels), "clips lost")
    clips, found = (sum(channel.clips_written for channel in channels), sum(channel.highlights_opened for channel in channels))
    first.append(f"   clips {clips}   highlights {found}")
    second = Text(" ", no_wrap=True)
    sinks = {name: state for channel in channels for name, state in channel.sinks.items()}  # all channels have the same
    for name, state in sinks.items():
        second.append(f"{tidy(name)} {tidy(state)}   ", style="warn" if state.startswith("waiting") else "")
    waiting = max(channel.outbox_waiting for channel in channels)
    second.append(f"outbox {waiting} waiting", style="warn" if waiting else "dim")
    _count(second, max(channel.alerts_expired for channel in channels), "alerts expired")  # all have the same outbox
    for line in (first, second):
        line.truncate(width, overflow="ellipsis")
    return [first, second]


def _why(channels: Sequence[ChannelStatus]) -> str:
    """`` (stalled 2, reset 1)``: what the streams were lost by, most often first."""
    reasons: Counter[str] = Counter()
    for channel in channels:
        reasons.update(channel.reconnects_by_reason)
    words = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common() if number)
    return f" ({words})" if words else ""


def _rings(channels: Sequence[ChannelStatus]) -> str:
    holds, limit = (sum(channel.ring_mb for channel in channels), sum(channel.ring_max_mb for channel in channels))
    if len(channels) == 1:
        return f"ring {channels[0].ring_seconds:.0f} s, {holds:.0f} of {limit:.0f} MB"
    return f"rings {holds:.0f} of {limit:.0f} MB"


def _count(line: Text, number: int, what: str) -> None:
    if number:
        line.append(f"   {number} {what}", style="warn")


def highlights(channels: Sequence[ChannelStatus], width: int, height: int) -> list[Text]:
    """Newest first: when, how strong, why, and the clip's file or why there is none; of several channels, whose it is."""
    height = max(height, 0)
    rows = [(channel.channel, row) for channel in channels for row in islice(reversed(channel.highlights), height)]
    newest = sorted(rows, key=lambda one: (one[1].opened_at, one[1].start_seconds), reverse=True)[:height]
    if not newest:
        return [Text(" none yet", style="dim")][:height]
    name_cells = min(max(len(channel.channel) for channel in channels), max(width // 6, 8)) if len(channels) > 1 else 0
    rest = max(width - 24 - name_cells - (name_cells > 0), 2)
    why_cells = min(rest // 2, 40)
    lines = []
    for name, row in newest:
        line = Text(f" {fit(name, name_cells)}" if name_cells else "", no_wrap=True)
        line.append(f" {fit(f'{clock(row.start_seconds)}–{clock(row.end_seconds)}', 15)} {row.score:>5.2f}  ")
        line.append(fit(row.reason, why_cells - 1) + " ")
        line.append(fit(row.clip or "…", rest - why_cells), style="good" if row.written else "dim")
        lines.append(line)
    return lines
