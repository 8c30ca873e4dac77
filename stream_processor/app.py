"""Settings to objects: the only place that knows every part. Builds a run, keeps it going, and says how it went."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import structlog

import sinks
from scorers.build import Scoring, build_scorers
from stream_processor.backlog import Backlog
from stream_processor.clips import CUTTERS, Clips, Cutter
from stream_processor.contracts import Sink, Source
from stream_processor.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.decode import Sampling
from stream_processor.engine import Engine
from stream_processor.errors import ClipWriteError, SettingsError
from stream_processor.faces import Face, face_for, settle
from stream_processor.feed import PANES_PER_BATCH
from stream_processor.inbox import Inbox
from stream_processor.intake import Intake, Patience
from stream_processor.interruption import Interruption, interruptible
from stream_processor.journal import FILENAME, Journal
from stream_processor.log import configure
from stream_processor.naming import channel_name, inside
from stream_processor.options import Options
from stream_processor.outbox import Outbox
from stream_processor.packets import PacketRing
from stream_processor.pipeline import Item, Pipeline, Run
from stream_processor.recovery import complete_unfinished
from stream_processor.redact import redact
from stream_processor.settings import ClipSettings, Settings
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
DRAIN_SECONDS = 5.0
"""How long the end of a run waits for sinks to take what is left; the rest waits in the journal."""


def watch(options: Options) -> int:
    """Watch one stream to its end. Returns the exit code: 0 done, 130 interrupted. ClipError: what went wrong, one line."""
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None  # aiomqtt needs a selector loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_watch(options))


async def _watch(options: Options) -> int:
    settings = options.settings
    ui = settle(options.ui)
    panel = configure(ui, settings.log.level)
    # Whatever can be wrong with what was asked for is found before anything is written.
    source, cutter, sinks_ = _source(options), _cutter(settings.clip), _sinks(settings)
    with interruptible() as interruption:
        async with contextlib.AsyncExitStack() as stack:
            statuses: list[ChannelStatus] = []
            face = await stack.enter_async_context(face_for(ui, statuses, panel))
            scoring = await asyncio.to_thread(build_scorers, settings.signals, device=settings.device.kind)
            for signal_name, reason in scoring.reasons.items():
                log.info(f"{signal_name} is measured by {scoring.kinds[signal_name]}", reason=reason)
            output = _output_folder(settings)
            journal = await stack.enter_async_context(Journal.open(output / FILENAME))
            if journal.set_aside is not None:
                log.warning("the journal was damaged: it was set aside and a new one begun", kept_as=journal.set_aside.name)
            outbox = await stack.enter_async_context(Outbox(journal, sinks_, max_days=settings.outbox.max_days))
            await complete_unfinished(journal, output, settings.clip, cutter)
            engine = Engine(scoring.scorers, max_panes=ENGINE_PANES)
            stack.push_async_callback(asyncio.to_thread, engine.close)
            shared = _Shared(options, output, journal, outbox, cutter, scoring, engine, face)
            while True:
                said, is_live = await _broadcast(shared, source, statuses, interruption)
                if interruption.is_asked or not (options.forever and is_live):
                    break
                _say(ui, said)
                source = _source(options)
            log.info("[Stream Processor] Ending the stream, exiting.")
        _say(ui, said)
    return interruption.exit_code


@dataclass(frozen=True)
class _Shared:
    """What all broadcasts of this process have in common."""

    options: Options
    output: Path
    journal: Journal
    outbox: Outbox
    cutter: Cutter
    scoring: Scoring
    engine: Engine
    face: Face


async def _broadcast(
    shared: _Shared, source: Source, statuses: list[ChannelStatus], interruption: Interruption
) -> tuple[list[str], bool]:
    """Watch one stream from its first frame to its end. Returns the summary, and whether there may be another."""
    options, settings = shared.options, shared.options.settings
    status = ChannelStatus(channel_name(options.stream), redact(options.stream), started_at=time.monotonic())
    status.ring_max_mb, status.scorers = settings.ring.max_mb, dict(shared.scoring.kinds)
    statuses[:] = [status]
    pipeline = _pipeline(shared, source, status)
    interruption.on_stop(pipeline.stop)
    refresher = asyncio.create_task(_refresh(pipeline), name="refresh")
    try:
        await pipeline.watch()
    finally:
        refresher.cancel()
    await shared.outbox.drain(DRAIN_SECONDS)
    pipeline.refresh()
    planted = [Planted(*burst) for burst in getattr(source, "planted", ())]
    folder = settings.output.folder / status.channel
    said = summarise(status, now=time.monotonic(), folder=str(folder), best=pipeline.best, planted=planted)
    return said, bool(getattr(source, "is_live", False))


# ---- parts -----------------------------------------------------------------------------------------------------------


async def _begin(shared: _Shared, status: ChannelStatus, is_live: bool) -> Run:
    """A run begins with its first frame: a live channel watched before starts from its kept baseline."""
    settings, journal, channel = shared.options.settings, shared.journal, status.channel
    baseline = await journal.baseline(channel) if is_live else ()
    if baseline:
        log.info("starts from the baseline of an earlier run", channel=channel, windows=len(baseline))
    deciding = deciding_settings(settings)
    kinds = dict(shared.scoring.kinds)
    run_id = await journal.begin_run(channel, status.source, datetime.now(UTC), deciding, signals=kinds, baseline=baseline)
    normaliser = build_normaliser(settings.saliency, {signal: scorer.weight for signal, scorer in settings.signals.items()})
    detection = build_detection(
        normaliser,
        peaks=settings.peaks,
        window=settings.window,
        identify=lambda epoch, window: highlight_id(run_id, epoch, window),
        baseline=baseline,
    )
    sections = {name: section.model_dump(mode="json") for name, section in settings if name in ("analysis", "clip")}
    return Run(
        id=run_id,
        is_live=is_live,
        parameters={**deciding, **sections, "scorers": kinds},
        windows=Windows(settings.window),
        detection=detection,
        absent=lambda: list(getattr(normaliser, "absent", ())),
    )


def _pipeline(shared: _Shared, source: Source, status: ChannelStatus) -> Pipeline:
    settings, options = shared.options.settings, shared.options
    folder = inside(shared.output, status.channel)
    inbox: Inbox[Item] = Inbox(INBOX_ITEMS)
    ring = PacketRing(settings.ring)
    backlog = Backlog(settings.analysis.queue_seconds, lossless=False)
    intake = Intake(
        source,
        Timeline(live=True, max_gap_seconds=settings.source.max_part_gap_seconds, utc_at=_utc_at(source)),
        ring,
        backlog,
        inbox.put,
        settings.source,
        Patience(options.wait or options.forever, options.duration_seconds),
    )
    sampling = Sampling(
        pane_seconds=Fraction(Windows(settings.window).pane_seconds).limit_denominator(1000),
        fps=settings.analysis.fps,
        height=settings.analysis.height,
        picture_size=shared.scoring.picture_size or None,
        picture_fps=shared.scoring.picture_fps or 1.0,
        blocks=ENGINE_PANES + PANES_PER_BATCH + 1,
        threads=settings.analysis.threads,
    )
    return Pipeline(
        lambda is_live: _begin(shared, status, is_live),
        folder=folder,
        intake=intake,
        ring=ring,
        backlog=backlog,
        sampling=sampling,
        feed=shared.engine.register(status.channel, inbox.put),
        inbox=inbox,
        clips=Clips(ring, folder, settings.clip, shared.cutter, inbox.put, min_free_mb=settings.output.min_free_mb),
        journal=shared.journal,
        outbox=shared.outbox,
        tell=shared.face.tell,
        status=status,
    )


def _source(options: Options) -> Source:
    """SourceUnusable: an address that nothing can read, or a file that is not there."""
    settings = options.settings
    source = source_for(
        options.stream,
        source=settings.source,
        streamlink=settings.streamlink,
        paced=options.pace == "live",
        wait=options.wait or options.forever,
    )
    check = getattr(source, "check", None)
    if check is not None:
        check()
    return source


def _cutter(settings: ClipSettings) -> Cutter:
    made = find(CUTTERS, settings.kind, "clip.kind")
    try:
        cutter: Cutter = made(**settings.options)
    except TypeError as error:
        raise SettingsError(f"clip.options: {error}") from error
    return cutter


def _sinks(settings: Settings) -> dict[str, Sink]:
    made = {"jsonl": sinks.build("jsonl", "jsonl", {"folder": settings.output.folder})}
    if settings.mqtt.url is not None:
        options = {
            "url": settings.mqtt.url,
            "prefix": settings.mqtt.prefix,
            "keepalive_seconds": settings.mqtt.keepalive_seconds,
        }
        made["mqtt"] = sinks.build("mqtt", "mqtt", options)
    for name, sink in settings.sinks.items():
        made[name] = sinks.build(name, sink.kind, sink.options)
    return made


def _output_folder(settings: Settings) -> Path:
    folder = settings.output.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ClipWriteError(f"output folder {folder} cannot be written: {error.strerror or error}") from error
    return folder.resolve()


def _utc_at(source: Source) -> Callable[[float, float], datetime]:
    """When an epoch's first frame was. A live stream's is now; a recording's is counted from its own date, where it has one."""

    def utc_at(stream_seconds: float, arrived_at: float) -> datetime:
        began: datetime | None = getattr(source, "started_at", None)
        if began is not None:
            return began + timedelta(seconds=stream_seconds)
        return datetime.now(UTC) - timedelta(seconds=max(0.0, time.monotonic() - arrived_at))

    return utc_at


# ---- while it runs, and after ----------------------------------------------------------------------------------------


async def _refresh(pipeline: Pipeline) -> None:
    while True:
        pipeline.refresh()
        await asyncio.sleep(0.25)


def _say(ui: str, lines: Sequence[str]) -> None:
    print(json.dumps({"type": "summary", "lines": lines}, ensure_ascii=False) if ui == "json" else "\n".join(lines))
