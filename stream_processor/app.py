"""Settings to objects: what all channels of the process share. Keeps them going, and says at the end how it went."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

import sinks
from scorers.build import Scoring, build_scorers
from scorers.sharing import SharedScorers
from stream_processor import process
from stream_processor.channel import ENGINE_PANES, Channel, Shared, build_cutter, new_status, open_source, watch_channel
from stream_processor.clips import Cutter
from stream_processor.contracts import Sink
from stream_processor.endings import Endings
from stream_processor.engine import Engine
from stream_processor.errors import ClipError, ClipWriteError
from stream_processor.faces import Ui, face_for, settle
from stream_processor.interruption import Interruption, interruptible
from stream_processor.journal import FILENAME, Journal
from stream_processor.loading import Loading
from stream_processor.log import configure
from stream_processor.options import Options
from stream_processor.outbox import Outbox
from stream_processor.recovery import complete, find_unfinished
from stream_processor.redact import redact
from stream_processor.settings import ClipSettings, ScorerSettings, Settings
from stream_processor.status import ChannelStatus
from stream_processor.summary import totals

log = structlog.get_logger()


def watch(options: Options) -> int:
    """Watch the channels to their end. Returns the exit code: 0 done, 1 a channel failed, 130 interrupted.

    ClipError: what went wrong, one line. With several channels each says so for itself, and the others go on.
    """
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None  # aiomqtt needs a selector loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_watch(options))


async def _watch(options: Options) -> int:
    settings = options.settings
    ui = settle(options.ui)
    panel = configure(ui, settings.log.level)
    log.info("computes with " + process.apply(settings.process))
    # Whatever can be wrong with what was asked for is found before anything is written.
    loading: Loading[Scoring] = Loading()
    channels = _channels(options, loading)
    sinks_ = _sinks(settings)
    with interruptible() as interruption:
        async with contextlib.AsyncExitStack() as stack:
            statuses = [new_status(channel) for channel in options.channels]
            face = await stack.enter_async_context(face_for(ui, statuses, panel))
            stack.enter_context(interruption.stopping(loading.give_up))
            loading.start()
            output = _output_folder(settings)
            journal = await stack.enter_async_context(Journal.open(output / FILENAME))
            if journal.set_aside is not None:
                log.warning("the journal was damaged: it was set aside and a new one begun", kept_as=journal.set_aside.name)
            outbox = await stack.enter_async_context(Outbox(journal, sinks_, max_days=settings.outbox.max_days))
            unfinished = await find_unfinished(journal, output)
            completing = asyncio.create_task(
                complete(unfinished, journal, output, partial(_clips_of, channels, settings), lambda: interruption.is_asked),
                name="recovery",
            )
            stack.push_async_callback(_wait_for, completing)
            engine = Engine(max_panes=ENGINE_PANES, gather_seconds=settings.device.gather_seconds)
            stack.push_async_callback(asyncio.to_thread, engine.close)
            endings = Endings(journal, len(channels))
            threads = process.threads_per_channel(process.thread_count(settings.process), len(channels))
            shared = Shared(options, output, journal, outbox, engine, threads, face.tell, endings.near)
            broadcasts = Broadcasts(shared, statuses, ui, interruption)
            errors = await broadcasts.watch_all(channels)
            log.info("[Stream Processor] Ending the stream, exiting.")
        broadcasts.say_at_the_end()
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


async def _wait_for(task: "asyncio.Task[None]") -> None:
    await task


# ---- parts -----------------------------------------------------------------------------------------------------------


def _channels(options: Options, loading: Loading[Scoring]) -> list[Channel]:
    threads = process.thread_count(options.settings.process)
    shared = SharedScorers(lambda signals: _build(signals, options, threads))
    channels = []
    for channel in options.channels:
        try:
            source, cutter = open_source(channel, options), build_cutter(channel.settings.clip)
        except ClipError as error:
            if len(options.channels) == 1:
                raise
            raise type(error)(f"channel {channel.name}: {error}") from error
        channels.append(Channel(channel, source, cutter, loading.add(partial(shared.scoring, channel.settings.signals))))
    return channels


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
        print(json.dumps(line, ensure_ascii=False))
    else:
        print("\n".join([f"{channel}:", *(f"  {line}" for line in lines)] if heading else lines))


def _say_meanwhile(ui: Ui, channel: str, lines: Sequence[str]) -> None:
    """While the program goes on: the dashboard has the terminal, so it goes into the log."""
    if ui == "rich":
        for line in lines:
            log.info(line, channel=channel)
    else:
        _say(ui, channel, lines)
