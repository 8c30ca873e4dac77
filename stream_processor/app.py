"""Settings to objects: the only place that knows every part. Builds one run, keeps it going, and says how it went."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import structlog

import sinks
from scorers.build import Scoring, build_scorers
from stream_processor import clips as clips_module
from stream_processor.backlog import Backlog
from stream_processor.clips import CUTTERS, Clips, Cutter
from stream_processor.contracts import Normaliser, Sink, Source
from stream_processor.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.decode import Sampling
from stream_processor.detection import Detection
from stream_processor.engine import Engine
from stream_processor.errors import ClipWriteError
from stream_processor.faces import Face, face_for, settle
from stream_processor.feed import PANES_PER_BATCH
from stream_processor.inbox import Inbox
from stream_processor.intake import Intake, Patience
from stream_processor.journal import FILENAME, Journal
from stream_processor.log import configure
from stream_processor.naming import channel_name, inside
from stream_processor.options import Options
from stream_processor.outbox import Outbox
from stream_processor.packets import PacketRing
from stream_processor.pipeline import Item, Pipeline, Run, write_sidecar
from stream_processor.redact import redact
from stream_processor.rows import SavedHighlight
from stream_processor.settings import Settings
from stream_processor.sidecar import describe, file_stem, highlight_id, started_at
from stream_processor.sources import source_for
from stream_processor.status import ChannelStatus
from stream_processor.summary import Planted, summarise
from stream_processor.tables import find
from stream_processor.timeline import Timeline
from stream_processor.windows import Windows

log = structlog.get_logger()

ENGINE_PANES = 8
INBOX_ITEMS = 256
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
    channel = channel_name(options.stream)
    output = _output_folder(settings)
    folder = inside(output, channel)
    live_pace = options.pace == "live"
    source = source_for(
        options.stream, source=settings.source, streamlink=settings.streamlink, paced=live_pace, wait=options.wait
    )
    status = ChannelStatus(channel=channel, source=redact(options.stream), started_at=time.monotonic())
    status.ring_max_mb = settings.ring.max_mb
    async with contextlib.AsyncExitStack() as stack:
        journal = await stack.enter_async_context(Journal.open(output / FILENAME))
        if journal.set_aside is not None:
            log.warning("the journal was damaged: it was set aside and a new one begun", kept_as=journal.set_aside.name)
        outbox = await stack.enter_async_context(Outbox(journal, _sinks(settings, output), max_days=settings.outbox.max_days))
        cutter: Cutter = find(CUTTERS, settings.clip.kind, "clip.kind")(**settings.clip.options)
        await _complete_unfinished(journal, output, settings, cutter)
        face = await stack.enter_async_context(face_for(ui, [status], panel))
        scoring = await asyncio.to_thread(build_scorers, settings.signals, device=settings.device.kind)
        status.scorers = dict(scoring.kinds)
        for signal_name, reason in scoring.reasons.items():
            log.info(f"{signal_name} is measured by {scoring.kinds[signal_name]}", reason=reason)
        engine = Engine(scoring.scorers, max_panes=ENGINE_PANES)
        stack.push_async_callback(asyncio.to_thread, engine.close)
        run = await _begin(journal, settings, channel, folder, status.source, scoring, source)
        pipeline = _pipeline(run, source, engine, cutter, scoring, journal, outbox, face, status, options)
        with _interruptible(pipeline) as interruption:
            refresher = asyncio.create_task(_refresh(pipeline), name="refresh")
            try:
                await pipeline.watch()
            finally:
                refresher.cancel()
                log.info("[Stream Processor] Ending the stream, exiting.")
        if run.is_live:
            await journal.keep_baseline(channel, run.detection.kept())
        await journal.end_run(run.run.id)
        await outbox.drain(DRAIN_SECONDS)
        pipeline.refresh()
    _say(options, ui, status, pipeline, output, source)
    return interruption.exit_code


# ---- parts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Begun:
    """A run that the journal knows of, and what decides in it."""

    run: Run
    is_live: bool
    windows: Windows
    detection: Detection
    normaliser: Normaliser


async def _begin(
    journal: Journal, settings: Settings, channel: str, folder: Path, source_name: str, scoring: Scoring, source: Source
) -> _Begun:
    is_live = bool(getattr(source, "is_live", False))
    baseline = await journal.baseline(channel) if is_live else ()
    if baseline:
        log.info("starts from the baseline of an earlier run", channel=channel, windows=len(baseline))
    deciding = deciding_settings(settings)
    run_id = await journal.begin_run(
        channel, source_name, datetime.now(UTC), deciding, signals=dict(scoring.kinds), baseline=baseline
    )
    weights = {signal: scorer.weight for signal, scorer in settings.signals.items()}
    normaliser = build_normaliser(settings.saliency, weights)
    detection = build_detection(
        normaliser,
        peaks=settings.peaks,
        window=settings.window,
        identify=lambda epoch, window: highlight_id(run_id, epoch, window),
        baseline=baseline,
    )
    sections = {name: section.model_dump(mode="json") for name, section in settings if name in ("analysis", "clip")}
    parameters = {**deciding, **sections, "scorers": dict(scoring.kinds)}
    windows = Windows(settings.window)
    return _Begun(Run(run_id, channel, source_name, folder, parameters), is_live, windows, detection, normaliser)


def _pipeline(
    begun: _Begun,
    source: Source,
    engine: Engine,
    cutter: Cutter,
    scoring: Scoring,
    journal: Journal,
    outbox: Outbox,
    face: Face,
    status: ChannelStatus,
    options: Options,
) -> Pipeline:
    settings = options.settings
    inbox: Inbox[Item] = Inbox(INBOX_ITEMS)
    ring = PacketRing(settings.ring)
    backlog = Backlog(settings.analysis.queue_seconds, lossless=not begun.is_live)
    feed = engine.register(begun.run.channel, inbox.put)
    intake = Intake(
        source,
        Timeline(live=begun.is_live, max_gap_seconds=settings.source.max_part_gap_seconds, utc_at=_utc_at(source, begun.is_live)),
        ring,
        backlog,
        inbox.put,
        settings.source,
        Patience(options.wait, options.duration_seconds),
    )
    clips = Clips(ring, begun.run.folder, settings.clip, cutter, inbox.put, min_free_mb=settings.output.min_free_mb)
    sampling = Sampling(
        pane_seconds=Fraction(begun.windows.pane_seconds).limit_denominator(1000),
        fps=settings.analysis.fps,
        height=settings.analysis.height,
        picture_size=scoring.picture_size or None,
        picture_fps=scoring.picture_fps or 1.0,
        blocks=ENGINE_PANES + PANES_PER_BATCH + 1,
        threads=settings.analysis.threads,
    )
    return Pipeline(
        begun.run,
        intake=intake,
        ring=ring,
        backlog=backlog,
        sampling=sampling,
        feed=feed,
        inbox=inbox,
        windows=begun.windows,
        detection=begun.detection,
        clips=clips,
        journal=journal,
        outbox=outbox,
        tell=face.tell,
        absent=lambda: list(getattr(begun.normaliser, "absent", ())),
        status=status,
    )


def _sinks(settings: Settings, output: Path) -> dict[str, Sink]:
    made = {"jsonl": sinks.build("jsonl", "jsonl", {"folder": output})}
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


def _utc_at(source: Source, is_live: bool) -> Callable[[float, float], datetime]:
    """When an epoch's first frame was. A live stream's is now; a recording's is counted from its own date."""

    def now(_stream_seconds: float, arrived_at: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=max(0.0, time.monotonic() - arrived_at))

    def recorded(stream_seconds: float, arrived_at: float) -> datetime:
        began: datetime | None = getattr(source, "started_at", None)
        return began + timedelta(seconds=stream_seconds) if began is not None else now(stream_seconds, arrived_at)

    return now if is_live else recorded


# ---- a run before this one that did not end well ---------------------------------------------------------------------


async def _complete_unfinished(journal: Journal, output: Path, settings: Settings, cutter: Cutter) -> None:
    """Cut what spools hold of highlights that an earlier run left open, and send the `end` that their alerts still lack."""
    for saved in await journal.unfinished():
        epoch = await journal.epoch(saved.run_id, saved.highlight.epoch)
        if epoch is None:  # journaled before its epoch was: there is nothing that could be cut
            payload = {"id": saved.highlight.id, "filename": None, "clip": None, "clip_reason": "its epoch is not known"}
            await journal.save_highlight(
                saved.run_id, saved.channel, saved.highlight, "done", None, payload["clip_reason"], alert=("end", payload)
            )
            continue
        folder = inside(output, saved.channel)
        stem = folder / file_stem(started_at(saved.highlight, epoch), saved.highlight.id)
        outcome = await asyncio.to_thread(
            clips_module.recover, folder, saved.highlight, epoch.start_seconds, settings.clip, cutter, stem
        )
        payload = describe(
            saved.highlight,
            channel=saved.channel,
            source=await _source_of(journal, saved),
            epoch=epoch,
            parameters={},
            clip=outcome.clip,
            reason=outcome.reason,
            final=True,
        )
        if outcome.clip is not None:
            await asyncio.to_thread(write_sidecar, (folder / outcome.clip.filename).with_suffix(".json"), payload)
        await journal.save_highlight(
            saved.run_id, saved.channel, saved.highlight, "done", outcome.clip, outcome.reason, alert=("end", payload)
        )
        for spool in (folder / clips_module.SPOOL_FOLDER).glob(f"{saved.highlight.id}.*"):
            spool.unlink(missing_ok=True)
        log.info("completed a highlight of an earlier run", id=saved.highlight.id, clip=outcome.clip and outcome.clip.filename)


async def _source_of(journal: Journal, saved: SavedHighlight) -> str:
    run = await journal.run(saved.run_id)
    return run.source if run is not None else ""


# ---- while it runs ---------------------------------------------------------------------------------------------------


class _Interruption:
    """Ctrl+C and SIGTERM: the first ends the run in order, a second Ctrl+C at once."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.exit_code = 0

    def interrupt(self) -> None:
        if self.exit_code:
            os._exit(130)
        self.exit_code = 130
        log.info("interrupted: closing what is open; again to end at once")
        self._pipeline.stop()

    def terminate(self) -> None:
        log.info("asked to end: closing what is open")
        self._pipeline.stop()


@contextlib.contextmanager
def _interruptible(pipeline: Pipeline) -> Iterator[_Interruption]:
    interruption = _Interruption(pipeline)
    loop = asyncio.get_running_loop()
    handlers: Mapping[signal.Signals, Callable[[], None]] = {
        signal.SIGINT: interruption.interrupt,
        signal.SIGTERM: interruption.terminate,
    }
    before: dict[signal.Signals, Any] = {}
    for number, handler in handlers.items():
        try:
            loop.add_signal_handler(number, handler)
        except (NotImplementedError, RuntimeError):  # Windows, or not the main thread
            with contextlib.suppress(ValueError):
                before[number] = signal.signal(number, lambda *_, call=handler: loop.call_soon_threadsafe(call))
    try:
        yield interruption
    finally:
        for number in handlers:
            if number in before:
                signal.signal(number, before[number])
            else:
                with contextlib.suppress(NotImplementedError, RuntimeError):
                    loop.remove_signal_handler(number)


async def _refresh(pipeline: Pipeline) -> None:
    while True:
        pipeline.refresh()
        await asyncio.sleep(0.25)


def _say(options: Options, ui: str, status: ChannelStatus, pipeline: Pipeline, output: Path, source: Source) -> None:
    planted = [Planted(*burst) for burst in getattr(source, "planted", ())]
    folder = options.settings.output.folder / status.channel
    lines = summarise(status, now=time.monotonic(), folder=str(folder), best=pipeline.best, planted=planted)
    if ui == "json":
        import json

        print(json.dumps({"type": "summary", "channel": status.channel, "lines": lines}, ensure_ascii=False))
    else:
        print("\n".join(lines))
