"""One channel of the process: one broadcast of it after the other, also after one that failed."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from stream_processor.contracts import Source
from stream_processor.errors import ClipError, JournalError
from stream_processor.failing import Waits, may_begin_again
from stream_processor.interruption import CUTTING, DRAINING, FINISHING, READING, Interruption
from stream_processor.pipeline import Pipeline
from stream_processor.recovery import complete
from stream_processor.redact import redact
from stream_processor.screen.summary import Planted, summarise
from stream_processor.status import ChannelStatus
from stream_processor.wiring import Channel, Shared, build_pipeline, new_status, open_source

log = structlog.get_logger()

DRAIN_SECONDS = 5.0
"""How long the end of a broadcast waits for sinks to take what is left; the rest waits in the journal."""


async def watch_channel(
    shared: Shared,
    channel: Channel,
    show: Callable[[ChannelStatus], None],
    say: Callable[[list[str]], None],
    interruption: Interruption,
) -> None:
    """Watch the channel to its end, with ``--forever`` one broadcast after the other, also after one that failed.

    ``show`` is given each broadcast's status as it begins, ``say`` its summary as it ends. Raises what ended the source.
    """
    source, waits, restarts = channel.source, Waits(), 0
    was_live = False
    try:
        while True:
            status = new_status(channel.options)
            status.restarts = restarts
            show(status)
            waits.begin()
            try:
                may_return = await _broadcast(shared, channel, source, status, say, interruption)
                if not may_return or not shared.options.forever or interruption.is_asked:
                    return
                restarts = 0
            except Exception as error:
                was_live = was_live or _was_live(source)
                is_recording = status.epochs > 0 and not was_live
                may_go_on = shared.options.forever and not interruption.is_asked
                if not may_go_on or not may_begin_again(error, is_recording=is_recording, was_live=was_live):
                    raise
                restarts = 1
                if not await _rest(status, error, waits.failed(), interruption):
                    return
            was_live = was_live or _was_live(source)
            source = open_source(channel.options, shared.options, only_live=True)  # not the recording of what just ended
    finally:
        shared.hurry(channel.options.name)


async def _rest(status: ChannelStatus, error: Exception, seconds: float, interruption: Interruption) -> bool:
    """Say what the channel failed of, and wait. False: an end was asked for meanwhile."""
    reason = redact(" ".join(str(error).split()) or type(error).__name__)
    is_bug = not isinstance(error, ClipError)
    words = f"the channel has failed, and begins again in {max(1, round(seconds))} s"
    log.error(words, channel=status.channel, reason=reason, exc_info=error if is_bug else None)
    status.state, status.detail = "failed", reason
    asked = asyncio.Event()
    with interruption.stopping(asked.set), contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asked.wait(), seconds)
    return not interruption.is_asked


def _was_live(source: Source) -> bool:
    """A live stream that was lost may have come back as its own recording, whose end it then was."""
    return bool(getattr(source, "was_live", False) or getattr(source, "is_live", False))


async def _broadcast(
    shared: Shared,
    channel: Channel,
    source: Source,
    status: ChannelStatus,
    say: Callable[[list[str]], None],
    interruption: Interruption,
) -> bool:
    """Watch one stream from its first frame to its end. Returns whether there may be another."""

    def hurry() -> None:
        if interruption.is_asked or not shared.options.forever:  # else there is a next broadcast to wait for the disk with
            shared.hurry(status.channel)

    pipeline = build_pipeline(shared, channel, source, status, hurry)

    def leave(what: Callable[[], list[str]]) -> Callable[[], None]:
        def left() -> None:
            for each in what():
                interruption.leave(each, channel=status.channel)

        return left

    with (
        interruption.stopping(pipeline.stop),
        interruption.stopping(leave(pipeline.leave_reading), after=READING),
        interruption.stopping(leave(pipeline.leave_finishing), after=FINISHING),
        interruption.stopping(leave(pipeline.leave_cutting), after=CUTTING),
    ):
        refresher = asyncio.create_task(_refresh(pipeline), name="refresh")
        try:
            await pipeline.watch()
        except Exception as error:
            if pipeline.run_id is not None and not isinstance(error, JournalError):
                completing = _complete(shared, channel, pipeline.run_id, interruption)
                await interruption.patiently(completing, CUTTING, "completing what was open when the channel failed")
            raise
        finally:
            refresher.cancel()
    ended_at = time.monotonic()
    await shared.outbox.drain(min(DRAIN_SECONDS, interruption.left_seconds(DRAINING)))
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
    return _was_live(source)


async def _complete(shared: Shared, channel: Channel, run_id: str, interruption: Interruption) -> None:
    """What a run left open that has failed, as a start does it for an earlier run."""
    unfinished = [saved for saved in await shared.journal.unfinished() if saved.run_id == run_id]
    clips_of = channel.options.settings.clip, channel.cutter
    await complete(unfinished, shared.journal, shared.output, lambda _: clips_of, lambda: interruption.is_asked)


async def _refresh(pipeline: Pipeline) -> None:
    while True:
        pipeline.refresh()
        await asyncio.sleep(0.25)
