"""One channel of the process: from its settings to its pipeline, and one broadcast of it after the other.

What all channels share (journal, outbox, engine, the cutter's table) comes from ``app``.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from scorers.build import Scoring
from stream_processor.backlog import Backlog
from stream_processor.clips import CUTTERS, Clips, Cutter
from stream_processor.contracts import Source
from stream_processor.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.decode import Sampling
from stream_processor.engine import Engine
from stream_processor.errors import SettingsError
from stream_processor.feed import PANES_PER_BATCH
from stream_processor.frame_memory import HostRing
from stream_processor.inbox import Inbox
from stream_processor.intake import Intake, Patience, post
from stream_processor.interruption import Interruption
from stream_processor.journal import Journal
from stream_processor.naming import inside
from stream_processor.options import ChannelOptions, Options
from stream_processor.outbox import Outbox
from stream_processor.packets import PacketRing
from stream_processor.pipeline import Analysis, Item, Pipeline, Run
from stream_processor.records import Event
from stream_processor.redact import redact
from stream_processor.settings import ClipSettings
from stream_processor.sidecar import highlight_id
from stream_processor.sources import source_for
from stream_processor.status import ChannelStatus
from stream_processor.summary import Planted, summarise
from stream_processor.tables import find
from stream_processor.timeline import Timeline
from stream_processor.windows import Windows

log = structlog.get_logger()

ENGINE_PANES = 4
INBOX_ITEMS = 8
"""Small, since all that waits between demuxing and deciding must still lie in the packet ring when a highlight opens."""
OPENING_SHARE = 0.5
"""The part of ``ring.seconds`` that may wait undecoded while the scorers load: its packets lie in the ring anyway."""
DRAIN_SECONDS = 5.0
"""How long the end of a broadcast waits for sinks to take what is left; the rest waits in the journal."""


@dataclass(frozen=True)
class Shared:
    """What all channels of this process have in common. ``hurry``: the channel of this name reads nothing more."""

    options: Options
    output: Path
    journal: Journal
    outbox: Outbox
    engine: Engine
    threads: int
    tell: Callable[[Event], None]
    hurry: Callable[[str], None]


@dataclass(frozen=True)
class Channel:
    """What was asked for, with all that can be wrong with it found out: its source, its cutter, its scorers to come."""

    options: ChannelOptions
    source: Source
    cutter: Cutter
    scoring: "Future[Scoring]"


def new_status(options: ChannelOptions) -> ChannelStatus:
    status = ChannelStatus(options.name, redact(options.stream), started_at=time.monotonic())
    status.ring_max_mb = options.settings.ring.max_mb
    return status


async def watch_channel(
    shared: Shared,
    channel: Channel,
    show: Callable[[ChannelStatus], None],
    say: Callable[[list[str]], None],
    interruption: Interruption,
) -> None:
    """Watch the channel to its end, with ``--forever`` one broadcast after the other.

    ``show`` is given each broadcast's status as it begins, ``say`` its summary as it ends. Raises what ended the source.
    """
    source = channel.source
    try:
        while await _broadcast(shared, channel, source, show, say, interruption) and shared.options.forever:
            if interruption.is_asked:
                break
            source = open_source(channel.options, shared.options, only_live=True)  # not the recording of what just ended
    finally:
        shared.hurry(channel.options.name)


async def _broadcast(
    shared: Shared,
    channel: Channel,
    source: Source,
    show: Callable[[ChannelStatus], None],
    say: Callable[[list[str]], None],
    interruption: Interruption,
) -> bool:
    """Watch one stream from its first frame to its end. Returns whether there may be another."""
    status = new_status(channel.options)
    show(status)

    def hurry() -> None:
        if interruption.is_asked or not shared.options.forever:  # else there is a next broadcast to wait for the disk with
            shared.hurry(status.channel)

    pipeline = _pipeline(shared, channel, source, status, hurry)
    with interruption.stopping(pipeline.stop):
        refresher = asyncio.create_task(_refresh(pipeline), name="refresh")
        try:
            await pipeline.watch()
        finally:
            refresher.cancel()
    ended_at = time.monotonic()
    await shared.outbox.drain(DRAIN_SECONDS)
    pipeline.refresh()
    say(
        summarise(
            status,
            now=ended_at,
            folder=str(shared.options.settings.output.folder / status.channel),
            best=pipeline.best,
            planted=[Planted(*burst) for burst in getattr(source, "planted", ())],
            among_others=len(shared.options.channels) > 1,
        )
    )
    # A live stream that was lost may have come back as its own recording, whose end it then was.
    return bool(getattr(source, "was_live", False) or getattr(source, "is_live", False))


async def _refresh(pipeline: Pipeline) -> None:
    while True:
        pipeline.refresh()
        await asyncio.sleep(0.25)


# ---- parts -----------------------------------------------------------------------------------------------------------


def open_source(channel: ChannelOptions, options: Options, *, only_live: bool = False) -> Source:
    """``only_live``: a recording counts as offline. SourceUnusable: an address that nothing can read, or no such file."""
    source = source_for(
        channel.stream,
        source=channel.settings.source,
        streamlink=channel.settings.streamlink,
        paced=options.pace == "live",
        wait=options.wait or options.forever,
        only_live=only_live,
    )
    check = getattr(source, "check", None)
    if check is not None:
        check()
    return source


def build_cutter(settings: ClipSettings) -> Cutter:
    """SettingsError: no such kind, or options that it does not take."""
    made = find(CUTTERS, settings.kind, "clip.kind")
    try:
        cutter: Cutter = made(**settings.options)
    except TypeError as error:
        raise SettingsError(f"clip.options: {error}") from error
    return cutter


def _pipeline(shared: Shared, channel: Channel, source: Source, status: ChannelStatus, hurry: Callable[[], None]) -> Pipeline:
    settings, options = channel.options.settings, shared.options
    folder = inside(shared.output, status.channel)
    inbox: Inbox[Item] = Inbox(INBOX_ITEMS)
    ring = PacketRing(settings.ring)
    backlog = Backlog(settings.analysis.queue_seconds, lossless=False, opening_seconds=settings.ring.seconds * OPENING_SHARE)
    intake = Intake(
        source,
        Timeline(live=True, max_gap_seconds=settings.source.max_part_gap_seconds, utc_at=_utc_at(source)),
        ring,
        backlog,
        partial(post, inbox),
        settings.source,
        Patience(options.wait or options.forever, options.duration_seconds),
    )
    return Pipeline(
        lambda is_live: _begin(shared, channel, status, is_live),
        lambda: _analysis(shared, channel, inbox),
        folder=folder,
        intake=intake,
        ring=ring,
        backlog=backlog,
        inbox=inbox,
        clips=Clips(ring, folder, settings.clip, channel.cutter, inbox.put, min_free_mb=options.settings.output.min_free_mb),
        journal=shared.journal,
        outbox=shared.outbox,
        tell=shared.tell,
        hurry=hurry,
        status=status,
    )


def _analysis(shared: Shared, channel: Channel, inbox: "Inbox[Item]") -> Analysis:
    """Waits for the scorers. ScorerError, SettingsError: there are none. GivenUp: nobody waits any more."""
    scoring, settings = channel.scoring.result(), channel.options.settings
    on_card = scoring.device.startswith("cuda")
    if on_card:
        from stream_processor.device_memory import memories
    sampling = Sampling(
        pane_seconds=Fraction(Windows(settings.window).pane_seconds).limit_denominator(1000),
        fps=settings.analysis.fps,
        height=settings.analysis.height,
        picture_size=scoring.picture_size or None,
        picture_fps=scoring.picture_fps or 1.0,
        blocks=ENGINE_PANES + PANES_PER_BATCH + 1,
        threads=settings.analysis.threads or shared.threads,
        memory=memories(scoring.device) if on_card else HostRing,
        hardware=scoring.device if on_card else None,
    )
    feed = shared.engine.register(channel.options.name, scoring.scorers, inbox.put_now, max_undecided=INBOX_ITEMS)
    return Analysis(sampling, feed)


async def _begin(shared: Shared, channel: Channel, status: ChannelStatus, is_live: bool) -> Run:
    """A run begins with its first frame: a live channel watched before starts from its kept baseline."""
    scoring = await asyncio.wrap_future(channel.scoring)
    settings, journal, name = channel.options.settings, shared.journal, status.channel
    kinds = status.scorers = {
        signal: str(getattr(scorer, "kind", scoring.kinds[signal])) for signal, scorer in scoring.scorers.items()
    }
    baseline = await journal.baseline(name, dict(kinds)) if is_live else ()
    if baseline:
        log.info("starts from the baseline of an earlier run", channel=name, windows=len(baseline))
    deciding = deciding_settings(settings)
    run_id = await journal.begin_run(name, status.source, datetime.now(UTC), deciding, signals=dict(kinds), baseline=baseline)
    normaliser = build_normaliser(settings.saliency, {signal: scorer.weight for signal, scorer in settings.signals.items()})
    detection = build_detection(
        normaliser,
        peaks=settings.peaks,
        window=settings.window,
        identify=lambda epoch, window: highlight_id(run_id, epoch, window),
        baseline=baseline,
    )
    sections = {name: section.model_dump(mode="json") for name, section in settings if name in ("analysis", "clip")}
    parameters: dict[str, Any] = {**deciding, **sections, "scorers": kinds}  # the status' own: it changes when one falls
    return Run(
        id=run_id,
        is_live=is_live,
        parameters=parameters,
        windows=Windows(settings.window),
        detection=detection,
        absent=lambda: list(getattr(normaliser, "absent", ())),
    )


def _utc_at(source: Source) -> Callable[[float, float], datetime]:
    """When an epoch's first frame was. A live stream's is now; a recording's is counted from its own date, where it has one."""

    def utc_at(stream_seconds: float, arrived_at: float) -> datetime:
        began: datetime | None = getattr(source, "started_at", None)
        if began is not None:
            return began + timedelta(seconds=stream_seconds)
        return datetime.now(UTC) - timedelta(seconds=max(0.0, time.monotonic() - arrived_at))

    return utc_at
