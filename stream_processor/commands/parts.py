"""Whether what the settings name is there: sources, scorers, cutters and the other exchangeable parts. Nothing is opened."""

from collections.abc import Callable, Iterator
from functools import partial

import sinks
from scorers import SCORERS
from stream_processor.clipping.cutters import build_cutter
from stream_processor.configuring.options import ChannelOptions
from stream_processor.deciding.decisions import build_detection, build_normaliser
from stream_processor.errors import ClipError
from stream_processor.settings import Settings
from stream_processor.sources import source_for
from stream_processor.tables import find

_CHOSEN_AT_START = ("auto", "clip", "light")
"""Kinds of novelty that depend on the machine and on weights, not on a class alone."""


def source_trouble(channel: ChannelOptions) -> str | None:
    """Why the channel's stream can never be read: an address that nothing here knows, or no such file."""
    return _trouble(lambda: _look_at_source(channel))


def part_troubles(settings: Settings) -> Iterator[str]:
    """One line for each part that cannot be had: no such kind, or options that it does not take."""
    looks: list[Callable[[], object]] = [
        *(partial(_find_scorer, signal, scorer.kind) for signal, scorer in settings.measured.items()),
        partial(build_cutter, settings.clip),
        partial(_build_detection, settings),
        *(partial(sinks.build, name, sink.kind, sink.options) for name, sink in settings.sinks.items()),
    ]
    for look in looks:
        if trouble := _trouble(look):
            yield trouble


def _trouble(look: Callable[[], object]) -> str | None:
    try:
        look()
    except ClipError as error:
        return str(error)
    return None


def _look_at_source(channel: ChannelOptions) -> None:
    source = source_for(channel.stream, source=channel.settings.source, streamlink=channel.settings.streamlink)
    try:
        check = getattr(source, "check", None)
        if check is not None:
            check()
    finally:
        source.close()


def _find_scorer(signal: str, kind: str) -> None:
    if signal == "novelty" and kind in _CHOSEN_AT_START:
        return
    find(SCORERS.get(signal, {}), kind, f"{signal if signal in SCORERS else f'scorers.{signal}'}.kind")


def _build_detection(settings: Settings) -> None:
    normaliser = build_normaliser(settings.saliency, {signal: scorer.weight for signal, scorer in settings.signals.items()})
    build_detection(
        normaliser,
        peaks=settings.peaks,
        window=settings.window,
        identify=lambda _epoch, _window: "",
        nuisance=settings.nuisance,
    )
