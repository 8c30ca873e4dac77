"""The dashboard's page: which panels it has, and how many lines each of them gets. Pure text."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from stream_processor.logs.log import LogLine
from stream_processor.screen import overview, panels
from stream_processor.screen.curve import draw
from stream_processor.screen.rates import Rate
from stream_processor.status import ChannelStatus

_LOG_STYLES = {"warning": "warn", "error": "bad", "critical": "bad", "debug": "dim"}
_LEAST_CURVE, _MOST_CURVE = 3, 16
_LEAST_HIGHLIGHTS = _LEAST_LOG = 2
_BOTTOM = 3 + 1 + _LEAST_HIGHLIGHTS + 1 + _LEAST_LOG
"""Health, highlights and log, each with its rule, below several channels."""


def render(
    channels: Sequence[ChannelStatus],
    now: float,
    width: int,
    height: int,
    logs: Sequence[LogLine] = (),
    rates: Mapping[str, Rate] | None = None,
) -> RenderableType:
    """A page of at most ``height`` lines of at most ``width`` cells. ``now`` is monotonic seconds."""
    if not channels:
        return Group(Text(panels.fit(" starting …", width), style="busy"))
    several = _several if len(channels) > 1 else _one
    return Group(*several(channels, now, width, height, logs, rates or {})[:height])


def _one(
    channels: Sequence[ChannelStatus], now: float, width: int, height: int, logs: Sequence[LogLine], rates: Mapping[str, Rate]
) -> list[Text]:
    (channel,) = channels
    health = _health(channels, width)
    left = height - _full_height(channel, 0) - len(health) - 2  # rules of highlights and log
    curve_height = min(max(left * 3 // 7, _LEAST_CURVE), _MOST_CURVE)
    highlights_height = max((left - curve_height) * 3 // 5, 1)
    log_height = max(left - curve_height - highlights_height, 0)
    lines = [*_full(channel, now, width, curve_height, rates), *_highlights(channels, width, highlights_height)]
    return [*_filled(lines, height - len(health) - 1 - min(log_height, len(logs))), *health, *_log(logs, width, log_height)]


def _several(
    channels: Sequence[ChannelStatus], now: float, width: int, height: int, logs: Sequence[LogLine], rates: Mapping[str, Rate]
) -> list[Text]:
    """A row for each, and below it, while there is room, the one with the newest highlight in full."""
    bottom = _BOTTOM if height >= 20 else 3 if height >= 10 else 0
    lines = [overview.title(channels, now, width), *overview.rows(channels, rates, width, max(height - bottom - 2, 1))]
    if bottom < _BOTTOM:
        return [*_filled(lines, height - bottom), *(_health(channels, width) if bottom else [])]
    channel = overview.newest(channels)
    extra = height - len(lines) - _BOTTOM
    full_height = _full_height(channel, _LEAST_CURVE)
    if extra >= full_height:
        extra -= full_height
        curve_height = min(_LEAST_CURVE + extra * 3 // 7, _MOST_CURVE)
        extra -= curve_height - _LEAST_CURVE
        if extra:
            extra -= 1
            lines.append(panels.rule("the channel with the newest highlight", width))
        lines += _full(channel, now, width, curve_height, rates)
    lines += _highlights(channels, width, _LEAST_HIGHLIGHTS + extra * 3 // 5)
    log_height = _LEAST_LOG + extra - extra * 3 // 5
    below = [*_health(channels, width), *_log(logs, width, log_height)]
    return [*_filled(lines, height - len(below)), *below]


def _full(channel: ChannelStatus, now: float, width: int, curve_height: int, rates: Mapping[str, Rate]) -> list[Text]:
    rate = rates.get(channel.channel)
    spans = [(row.start_seconds, row.end_seconds) for row in channel.highlights]
    return [
        panels.title(channel, now, width),
        panels.pulse(channel, rate.speed if rate is not None else None, width),
        panels.rule("score and threshold", width),
        *draw(channel.curve, spans, width, curve_height),
        panels.rule("signals: how far above their own history", width),
        *panels.signals(channel, width),
    ]


def _full_height(channel: ChannelStatus, curve_height: int) -> int:
    return 4 + curve_height + len(channel.scorers or channel.values)


def _highlights(channels: Sequence[ChannelStatus], width: int, height: int) -> list[Text]:
    return [panels.rule("highlights", width), *panels.highlights(channels, width, height)]


def _health(channels: Sequence[ChannelStatus], width: int) -> list[Text]:
    return [panels.rule("health", width), *panels.health(channels, width)]


def _log(logs: Sequence[LogLine], width: int, height: int) -> list[Text]:
    newest = list(logs)[-height:] if height > 0 else []
    lines = [Text(panels.fit(f" {line.text}", width), style=_LOG_STYLES.get(line.level, ""), no_wrap=True) for line in newest]
    return [panels.rule("log", width), *lines]


def _filled(lines: Sequence[Text], height: int) -> list[Text]:
    return [*lines, *[Text("")] * (height - len(lines))]
