"""Settings to objects: what all channels of the process share. Keeps them going, and says at the end how it went."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog
from pydantic import BaseModel

import sinks
from scorers.build import Scoring, build_scorers
from scorers.observing import SharedObservers
from scorers.sharing import SharedScorers
from stream_processor import process
from stream_processor.channel import DRAIN_SECONDS, watch_channel
from stream_processor.clipping.cut import Cutter
from stream_processor.clipping.cutters import build_cutter
from stream_processor.clocks import CautiousUtc
from stream_processor.configuring.options import Options
from stream_processor.contracts import Sink
from stream_processor.delivering.outbox import Outbox
from stream_processor.endings import Endings
from stream_processor.engine import Engine
from stream_processor.errors import ClipError, ClipWriteError
from stream_processor.finishing.steps import build_steps, observers_of
from stream_processor.interruption import CLOSING, CUTTING, DRAINING, READING, Interruption, interruptible
from stream_processor.journal import FILENAME, Journal
from stream_processor.loading import Loading
from stream_processor.logs.log import configure, write_line
from stream_processor.logs.uncaught import in_loop
from stream_processor.operations.counting import follow
from stream_processor.operations.housekeeping import Housekeeping
from stream_processor.operations.observing import Observing
from stream_processor.own_thread import in_own_thread
from stream_processor.recovery import complete, find_unfinished
from stream_processor.redact import redact
from stream_processor.screen.faces import Ui, face_for, settle
from stream_processor.screen.summary import totals
from stream_processor.settings import ClipSettings, ScorerSettings, Settings
from stream_processor.status import ChannelStatus
from stream_processor.wiring import ENGINE_PANES, Channel, Shared, new_status, open_source

log = structlog.get_logger()


def watch(options: Options) -> int:
    """Watch the channels to their end. Returns the exit code: 0 done, 1 a channel failed, 130 interrupted.

    ClipError: what went wrong, one line. With several channels each says so for itself, and the others go on.
    """
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None  # aiomqtt needs a selector loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop().set_exception_handler(in_loop)
        return runner.run(_watch(options))


async def _watch(options: Options) -> int:
    settings = options.settings
    ui = settle(options.ui)
    panel = configure(ui, settings.log)
    log.info("computes with " + process.apply(settings.process))
    # Whatever can be wrong with what was asked for is found before anything is written.
    loading: Loading[Scoring] = Loading()
    channels = _channels(options, loading)
    sinks_ = _sinks(settings)
    with interruptible(settings.process.stop_seconds) as interruption:
        async with contextlib.AsyncExitStack() as stack:
            statuses = [new_status(channel) for channel in options.channels]
            observing = await stack.enter_async_context(Observing(settings, statuses))
            stack.enter_context(interruption.stopping(observing.ending))
            face = await stack.enter_async_context(face_for(ui, statuses, panel))
            stack.enter_context(interruption.stopping(loading.give_up))
            loading.start()
            output = _output_folder(settings)
            journal = await stack.enter_async_context(Journal.open(output / FILENAME, aging=CautiousUtc()))
            outbox = await Outbox(journal, sinks_, max_days=settings.outbox.max_days).__aenter__()
            stack.push_async_callback(lambda: interruption.patiently(outbox.__aexit__(), CLOSING, "a sink"))
            housekeeping = Housekeeping(output, settings.output, journal)
            counting = observing.counting(outbox, output, output / FILENAME, lambda: housekeeping.clips_removed)
            await stack.enter_async_context(counting)
            unfinished = await find_unfinished(journal, output)
            completing = asyncio.create_task(
                complete(unfinished, journal, output, partial(_clips_of, channels, settings), lambda: interruption.is_asked),
                name="recovery",
            )
            stack.push_async_callback(_end_recovery, completing, outbox if unfinished else None, interruption)
            await stack.enter_async_context(housekeeping)
            engine = Engine(max_panes=ENGINE_PANES, gather_seconds=settings.device.gather_seconds)
            stack.push_async_callback(lambda: interruption.patiently(in_own_thread(engine.close, "close"), READING, "scoring"))
            endings = Endings(journal, len(channels))
            threads = process.threads_per_channel(process.thread_count(settings.process), len(channels))
            shared = Shared(options, output, journal, outbox, engine, threads, face.tell, endings.near)
            broadcasts = Broadcasts(shared, statuses, ui, interruption)
            observing.watching()
            errors = await broadcasts.watch_all(channels)
            observing.ending()
            log.info("[Stream Processor] Ending the stream, exiting.")
        broadcasts.say_at_the_end()
        if interruption.left_behind:
            _leave(interruption.exit_code or int(bool(errors)), errors)
    for error in errors:
        if not isinstance(error, ClipError) or len(channels) == 1:
            raise error
    return interruption.exit_code or int(bool(errors))


class Broadcasts:
    """All channels at once, each on its own: one that fails says so, and the others go on."""

    def __init__(self, shared: Shared, statuses: list[ChannelStatus], ui: Ui, interruption: Interruption) -> None:
        self._shared = shared
        self._statuses = statuses
        self._ui = ui
        self._interruption = interruption
        self._said: dict[str, list[str]] = {}

    async def watch_all(self, channels: Sequence[Channel]) -> list[BaseException]:
        """To the end of the last. What channels ended by, other than their streams' ends."""
        watching = (self._watch(place, channel) for place, channel in enumerate(channels))
        return [error for error in await asyncio.gather(*watching, return_exceptions=True) if error is not None]

    def say_at_the_end(self) -> None:
        """The summary of every channel, where it was not said before, and what they come to together."""
        for status in self._statuses:
            if lines := self._said.get(status.channel):
                _say(self._ui, status.channel, lines, heading=len(self._statuses) > 1)
        if len(self._statuses) > 1:
            _say(self._ui, None, totals(self._statuses))

    async def _watch(self, place: int, channel: Channel) -> None:
        name = channel.options.name

        def show(status: ChannelStatus) -> None:
            follow(status, self._statuses[place])
            self._statuses[place] = status

        def say(lines: list[str]) -> None:
            if self._shared.options.forever and not self._interruption.is_asked:
                _say_meanwhile(self._ui, name, lines)
            else:
                self._said[name] = lines

        try:
            await watch_channel(self._shared, channel, show, say, self._interruption)
        except Exception as error:
            if len(self._statuses) > 1:
                reason = redact(" ".join(str(error).split()))
                log.error("the channel has failed", channel=name, reason=reason, exc_info=not isinstance(error, ClipError))
                self._statuses[place].state, self._statuses[place].detail = "failed", reason
                self._said[name] = [f"failed: {reason}"]
            raise


async def _end_recovery(completing: "asyncio.Task[None]", outbox: Outbox | None, interruption: Interruption) -> None:
    """``outbox``: where it may have told something, which then had no time to be delivered."""
    await interruption.patiently(completing, CUTTING, "completing a highlight of an earlier run")
    if outbox is not None:
        await outbox.drain(min(DRAIN_SECONDS, interruption.left_seconds(DRAINING)))


def _leave(code: int, errors: Sequence[BaseException]) -> NoReturn:
    """All that could be written is: end the process without waiting for threads that hang."""
    for error in errors:
        log.error("a channel ended with an error", reason=redact(" ".join(str(error).split())))
    logging.shutdown()
    os._exit(code)  # every line was flushed as it was written


# ---- parts -----------------------------------------------------------------------------------------------------------


def _channels(options: Options, loading: Loading[Scoring]) -> list[Channel]:
    threads = process.thread_count(options.settings.process)
    shared, observers = SharedScorers(lambda signals: _build(signals, options, threads)), SharedObservers()
    channels = []
    for channel in options.channels:
        try:
            # One of several that is not there fails for itself, as if it had gone later: the others are to be watched.
            source = open_source(channel, options, check=len(options.channels) == 1)
            cutter = build_cutter(channel.settings.clip)
            wanted = observers_of(build_steps(channel.settings.finishing.steps, channel.settings), channel.settings)
        except ClipError as error:
            if len(options.channels) == 1:
                raise
            raise type(error)(f"channel {channel.name}: {error}") from error
        load = partial(_scoring, shared, channel.settings.measured, observers, wanted)
        channels.append(Channel(channel, source, cutter, loading.add(load)))
    return channels


def _scoring(
    shared: SharedScorers,
    signals: Mapping[str, ScorerSettings],
    observers: SharedObservers,
    wanted: Mapping[str, BaseModel | None],
) -> Scoring:
    return dataclasses.replace(shared.scoring(signals), observers=observers.observers(wanted))


def _build(signals: Mapping[str, ScorerSettings], options: Options, threads: int) -> Scoring:
    device, height = options.settings.device, options.settings.analysis.height
    scoring = build_scorers(
        signals,
        device=device.kind,
        threads=threads,
        max_mb=device.max_mb,
        channels=len(options.channels),
        frame=(height, height * 16 // 9),
    )
    for signal, reason in scoring.reasons.items():
        log.info(f"{signal} is measured by {scoring.kinds[signal]}", reason=reason)
    return scoring


def _clips_of(channels: Sequence[Channel], settings: Settings, name: str) -> tuple[ClipSettings, Cutter]:
    """How a channel's clips are cut; one that is not watched any more has the common settings."""
    for channel in channels:
        if channel.options.name == name:
            return channel.options.settings.clip, channel.cutter
    return settings.clip, build_cutter(settings.clip)


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


# ---- what is said ----------------------------------------------------------------------------------------------------


def _say(ui: Ui, channel: str | None, lines: Sequence[str], *, heading: bool = False) -> None:
    if ui == "json":
        line = {"type": "summary", **({"channel": channel} if channel else {}), "lines": lines}
        write_line(json.dumps(line, ensure_ascii=False), sys.stdout)
    else:
        write_line("\n".join([f"{channel}:", *(f"  {line}" for line in lines)] if heading else lines), sys.stdout)


def _say_meanwhile(ui: Ui, channel: str, lines: Sequence[str]) -> None:
    """While the program goes on: the dashboard has the terminal, so it goes into the log."""
    if ui == "rich":
        for line in lines:
            log.info(line, channel=channel)
    else:
        _say(ui, channel, lines)
