"""One channel's parts put together: from its settings to the pipeline of one broadcast.

What all channels share (journal, outbox, engine, the cutter's table) comes from ``app``.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
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
from stream_processor.clipping.cut import Cutter
from stream_processor.clipping.sidecar import highlight_id
from stream_processor.clips import Clips
from stream_processor.clocks import SteadyUtc
from stream_processor.configuring.options import ChannelOptions, Options
from stream_processor.contracts import Normaliser, Source
from stream_processor.deciding.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.deciding.detection import Detection
from stream_processor.deciding.judging import Judging
from stream_processor.decode import Sampling
from stream_processor.decoding.frame_memory import HostRing
from stream_processor.delivering.outbox import Outbox
from stream_processor.engine import Engine
from stream_processor.feed import PANES_PER_BATCH
from stream_processor.finishing.live import LiveFinishing, PlaceInRing
from stream_processor.finishing.settings import SceneSettings
from stream_processor.finishing.steps import build_steps
from stream_processor.inbox import Inbox
from stream_processor.intake import Intake, Patience, post
from stream_processor.journal import Journal
from stream_processor.naming import inside
from stream_processor.packets import PacketRing
from stream_processor.pipeline import Item, Pipeline
from stream_processor.receiving.templates import Template
from stream_processor.records import Event, Window
from stream_processor.redact import redact
from stream_processor.run import Run
from stream_processor.settings import Settings
from stream_processor.sources import source_for
from stream_processor.status import ChannelStatus
from stream_processor.timeline import Timeline
from stream_processor.upstream import Analysis
from stream_processor.windows import Windows

log = structlog.get_logger()

ENGINE_PANES = 4
INBOX_ITEMS = 8
"""Small, since all that waits between demuxing and deciding must still lie in the packet ring when a highlight opens."""
SPARE_SECONDS = 60.0
OPENING_SHARE = 0.5
"""The part of ``ring.seconds`` that may wait undecoded while the scorers load: its packets lie in the ring anyway."""


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
    status.pane_seconds = Windows(options.settings.window).pane_seconds
    return status


def open_source(channel: ChannelOptions, options: Options, *, only_live: bool = False, check: bool = True) -> Source:
    """``only_live``: a recording counts as offline. SourceUnusable: an address that nothing can read, or no such file.

    Without ``check`` it is the source itself that says so of a file, once it is opened.
    """
    source = source_for(
        channel.stream,
        source=channel.settings.source,
        streamlink=channel.settings.streamlink,
        paced=options.pace == "live",
        wait=options.wait or options.forever,
        only_live=only_live,
    )
    if check and hasattr(source, "check"):
        source.check()
    return source


def build_pipeline(
    shared: Shared, channel: Channel, source: Source, status: ChannelStatus, hurry: Callable[[], None]
) -> Pipeline:
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
    finishing = LiveFinishing(
        build_steps(settings.finishing.steps, settings),  # which may remember highlights: anew for each broadcast
        inbox.put_now,
        ring=ring,
        place=_place(settings.scene),
        trace_seconds=settings.ring.seconds + settings.peaks.max_seconds,  # so far back may a highlight lie that is decided now
        channel=status.channel,
    )
    return Pipeline(
        lambda is_live: _begin(shared, channel, status, is_live),
        lambda: _analysis(shared, channel, inbox),
        folder=folder,
        intake=intake,
        ring=ring,
        backlog=backlog,
        inbox=inbox,
        clip=settings.clip,
        finishing=finishing,
        clips=Clips(
            ring,
            folder,
            settings.clip,
            channel.cutter,
            inbox.put,
            before_seconds=finishing.before_seconds,
            min_free_mb=options.settings.output.min_free_mb,
            longest_seconds=_longest_seconds(settings) + settings.ring.seconds,  # so far may decisions be behind the packets
        ),
        journal=shared.journal,
        outbox=shared.outbox,
        tell=shared.tell,
        hurry=hurry,
        status=status,
    )


def _place(settings: SceneSettings) -> PlaceInRing:
    """Imported when there is a cut to place: it needs what finds cuts."""

    def place(
        ring: PacketRing,
        epoch: int,
        template: Template,
        before_seconds: float,
        after_seconds: float,
        is_cancelled: Callable[[], bool],
    ) -> float | None:
        from stream_processor.finishing.placing import Placing
        from stream_processor.finishing.placing_in_ring import first_frame_after_cut

        placing = Placing(settings.kind, settings.threshold, is_cancelled)
        return first_frame_after_cut(ring, epoch, template, before_seconds, after_seconds, placing=placing)

    return place


def _analysis(shared: Shared, channel: Channel, inbox: "Inbox[Item]") -> Analysis:
    """Waits for the scorers. ScorerError, SettingsError: there are none. GivenUp: nobody waits any more."""
    scoring, settings = channel.scoring.result(), channel.options.settings
    on_card = scoring.device.startswith("cuda")
    if on_card:
        from stream_processor.decoding.device_memory import memories
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
        max_megapixels=settings.source.max_megapixels,
    )
    feed = shared.engine.register(channel.options.name, scoring.everything, inbox.put_now, max_undecided=INBOX_ITEMS)
    return Analysis(sampling, feed)


async def _begin(shared: Shared, channel: Channel, status: ChannelStatus, is_live: bool) -> Run:
    """A run begins with its first frame: a live channel watched before starts from its kept baseline."""
    scoring = await asyncio.wrap_future(channel.scoring)
    settings, journal, name = channel.options.settings, shared.journal, status.channel
    kinds = status.scorers = {
        signal: str(getattr(scorer, "kind", scoring.kinds[signal]))
        for signal, scorer in scoring.scorers.items()
        if signal in settings.signals  # what says that there is nothing to be judged is none of those that are weighed
    }
    baseline = await journal.baseline(name, dict(kinds)) if is_live else ()
    if baseline:
        log.info("starts from the baseline of an earlier run", channel=name, windows=len(baseline))
    deciding = deciding_settings(settings)
    run_id = await journal.begin_run(name, status.source, datetime.now(UTC), deciding, signals=dict(kinds), baseline=baseline)
    made: list[Normaliser] = []

    def make(past: Sequence[Window]) -> Detection:
        weights = {signal: scorer.weight for signal, scorer in settings.signals.items()}
        made[:] = [build_normaliser(settings.saliency, weights)]
        return build_detection(
            made[0],
            peaks=settings.peaks,
            window=settings.window,
            identify=lambda epoch, window: highlight_id(run_id, epoch, window),
            nuisance=settings.nuisance,
            baseline=past,
        )

    told = {"analysis", "clip", "finishing", *settings.finishing.steps}
    sections = {name: section.model_dump(mode="json") for name, section in settings if name in told}
    parameters: dict[str, Any] = {**deciding, **sections, "scorers": kinds}  # the status' own: it changes when one falls
    return Run(
        id=run_id,
        is_live=is_live,
        parameters=parameters,
        windows=Windows(settings.window),
        detection=Judging(make, baseline, channel=name, longest_seconds=_longest_seconds(settings)),
        absent=lambda: _absent(made[0], name),
    )


def _absent(normaliser: Normaliser, channel: str) -> Sequence[str]:
    """The signals that it has not had so far, where it says so."""
    try:
        return list(getattr(normaliser, "absent", ()))
    except Exception as error:  # it may come from outside, and this is for people alone
        log.warning("the normaliser does not say which signals it lacks", channel=channel, reason=redact(str(error)))
        return ()


def _longest_seconds(settings: Settings) -> float:
    """No highlight may be open for longer, whatever a detector from outside makes of ``peaks.max_seconds``."""
    return 2 * settings.peaks.max_seconds + 10 * settings.window.length_seconds + SPARE_SECONDS


def _utc_at(source: Source) -> Callable[[float, float], datetime]:
    """When an epoch's first frame was. A live stream's is now; a recording's is counted from its own date, where it has one."""
    steady = SteadyUtc()

    def utc_at(stream_seconds: float, arrived_at: float) -> datetime:
        began: datetime | None = getattr(source, "started_at", None)
        return steady(stream_seconds, arrived_at) if began is None else began + timedelta(seconds=stream_seconds)

    return utc_at
