"""The demuxing thread of one channel: source to timeline to packet ring and decoding queue, and back to the source after a loss.

What it tells the rest it tells as notices: the channel's state, and each epoch with what decodes and muxes it.
"""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from stream_processor.backlog import Backlog, Begin, End
from stream_processor.contracts import Demuxer, Source
from stream_processor.errors import LossReason, SourceEnded, SourceError, SourceOffline, SourceUnusable
from stream_processor.inbox import Inbox
from stream_processor.receiving.part import Part
from stream_processor.receiving.retry import Pauses
from stream_processor.receiving.watched import WatchedSource
from stream_processor.records import Changed, Epoch, Packet
from stream_processor.settings import SourceSettings
from stream_processor.status import State
from stream_processor.timeline import Timeline

log = structlog.get_logger()


@dataclass(frozen=True)
class StateNotice:
    """The channel is now in this state; ``detail`` says what it waits for, or what happened."""

    state: State
    detail: str = ""


@dataclass(frozen=True)
class EpochNotice:
    """A new epoch; ``codecs`` (``templates.Codecs``) decode and mux its packets. ``total_seconds`` where a length is known."""

    epoch: Epoch
    codecs: Any
    is_live: bool
    total_seconds: float | None


Notice = StateNotice | EpochNotice

EPOCHS_WAITING = 32
"""Epochs that nobody has taken note of yet; a stream that is torn more often than that meanwhile is read no further."""


def post(inbox: Inbox[Any], notice: Notice) -> None:
    """``report`` for an event loop that may be busy for long (the scorers load): reading goes on meanwhile.

    At most ``EPOCHS_WAITING`` epochs wait, none is left out. Of states there are at most as many as the inbox has room for.
    """
    if isinstance(notice, StateNotice):
        inbox.put_newest(notice)
    else:
        inbox.put_among_own(notice, EPOCHS_WAITING)


class Keeper(Protocol):
    """Where packets go besides the decoder: a ``packets.PacketRing``, or whatever else wants to see each of them."""

    def append(self, packet: Packet, stream_seconds: float) -> None: ...

    def end_epoch(self, epoch: int) -> None: ...


@dataclass(frozen=True)
class Patience:
    """When to give up. ``wait``: an offline channel is polled; ``duration_seconds``: watch so much of the stream, None: all."""

    wait: bool = False
    duration_seconds: float | None = None


class Intake:
    """Start it, stop it, join it. ``report`` is called in its thread, before anything of an epoch reaches the decoder."""

    def __init__(
        self,
        source: Source,
        timeline: Timeline,
        ring: Keeper,
        backlog: Backlog,
        report: Callable[[Notice], None],
        settings: SourceSettings,
        patience: Patience,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._timeline = timeline
        self._ring = ring
        self._backlog = backlog
        self._report = report
        self._settings = settings
        self._patience = patience
        self._clock = clock
        self._pauses = Pauses(settings.poll_seconds, clock, chance)
        self._stopping = threading.Event()
        self._epoch: Epoch | None = None  # the one that is open
        self._part: Part
        self._was_live = False
        self._brought_something = False  # the part that is being read
        self._lost_at: float | None = None
        self._refusals = 0  # since the last epoch
        self._never_began: SourceError | None = None  # why the first part gave nothing
        self.error: BaseException | None = None
        """What ended it, where that was not the stream's end; read it after ``join``."""
        self.newest_seconds = 0.0
        """Stream time of the newest packet."""
        self.reconnects = 0
        """How often the stream was there, and had to be opened again."""
        self.reconnects_by_reason: Counter[LossReason] = Counter()
        """Why: each loss, and each attempt to come back that failed."""
        self._watched = WatchedSource(source, settings, clock)
        self._thread = threading.Thread(target=self._run, name="demux", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End soon: wakes a waiting or reading source up. What was read is still decoded. From any thread, and at once."""
        self._stopping.set()
        self._watched.close()

    def join(self, timeout_seconds: float | None = None) -> bool:
        """False: not yet. A read or a close that hangs holds it up for no longer than ``STOP_SECONDS`` and ``CLOSE_SECONDS``."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._waits_for:
                self._report_waiting()
            else:
                self._report(StateNotice("connecting"))
            while not self._stopping.is_set() and (demuxer := self._open()) is not None:
                self._read(demuxer)
        except BaseException as error:  # read by whoever joins
            self.error = error
        finally:
            self._end_epoch()
            self._backlog.close()
            self._watched.join()
            if (close_error := self._watched.close_error) is not None and self.error is not None:
                log.error("the source could not be closed", exc_info=close_error)
            self.error = self.error or self._watched.close_error
            self._report(StateNotice("ended", str(self.error) if isinstance(self.error, SourceError) else ""))

    def _open(self) -> Demuxer | None:
        """The next part; None at the stream's end."""
        while not self._stopping.is_set():
            try:
                return self._watched.open()
            except SourceEnded:
                if self._never_began is not None and not (self._was_live or self._patience.wait):
                    raise self._never_began from None
                return None
            except SourceUnusable:
                raise
            except SourceError as error:
                if self._stopping.is_set():
                    return None  # the stop itself broke it off
                if not self._was_live:
                    self._wait_for_beginning(error)
                elif not self._wait_for_return(error):
                    return None
        return None

    def _wait_for_beginning(self, error: SourceError) -> None:
        if not self._patience.wait:
            raise error
        self._report(StateNotice("waiting", str(error)))
        self._stopping.wait(self._settings.poll_seconds)

    def _wait_for_return(self, error: SourceError) -> bool:
        """The stream was lost. False: it did not come back in time, or the source says that it is over."""
        self._lost_at = self._clock() if self._lost_at is None else self._lost_at
        left_seconds = self._settings.give_up_seconds - (self._clock() - self._lost_at)
        if left_seconds <= 0 or (isinstance(error, SourceOffline) and self._refusals > 0):
            log.info("the stream did not come back", reason=str(error))
            return False
        self.reconnects_by_reason[error.reason] += 1
        self._refusals += 1
        self._report(StateNotice("reconnecting", str(error)))
        self._wait(min(self._pauses.refused(), left_seconds))
        return True

    def _read(self, demuxer: Demuxer) -> None:
        for skipped in getattr(demuxer, "skipped", ()):
            log.info("stream is not used", stream=skipped)
        is_live = bool(getattr(self._source, "is_live", False))  # some sources know only once they are open
        self._timeline.live, self._backlog.lossless = is_live, not is_live
        try:
            self._part = Part(demuxer.media, demuxer.codecs, max_megapixels=self._settings.max_megapixels)
        except SourceUnusable:
            demuxer.close()
            raise
        self._timeline.begin_part(self._part.media)
        self._brought_something = False
        lost: SourceError | None = None
        try:
            self._pass_all_on(demuxer)
        except SourceError as error:
            lost = error
        finally:
            for item in self._timeline.end_part():
                self._pass_on(item)
            self._end_epoch()
        if self._seen_enough():
            self._stopping.set()
        if self._stopping.is_set():
            return
        if lost is not None:
            self._lose(lost)
        elif getattr(demuxer, "is_connection", False):  # what ended was not only a part of what we hold
            self._count_loss("ended")
            log.info("the other side has ended the connection", source=getattr(self._source, "name", ""))
        if self._waits_for:
            self._report_waiting()
        self._pause_after(demuxer, lost)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _pass_all_on(self, demuxer: Demuxer) -> None:
        with contextlib.closing(self._watched.packets(demuxer)) as packets:
            for raw in packets:
                if raw.changed is not None:
                    self._change(raw.changed)
                for item in self._timeline.push(raw) if self._part.admits(raw) else ():
                    self._pass_on(item)
                if self._seen_enough():
                    return

    def _lose(self, error: SourceError) -> None:
        self._lost_at = self._clock() if self._lost_at is None else self._lost_at
        self._count_loss(error.reason)
        self._never_began = self._never_began or error
        log.warning("the stream broke off", reason=str(error))
        self._report(StateNotice("reconnecting", str(error)))

    def _count_loss(self, reason: LossReason) -> None:
        self.reconnects += self._brought_something
        self.reconnects_by_reason[reason] += 1

    def _pause_after(self, demuxer: Demuxer, lost: SourceError | None) -> None:
        """A peer that takes us in only to send us away is not stormed, whether it sends a little before it does or nothing."""
        if not self._brought_something:
            self._refusals += 1
            self._wait(self._pauses.refused())
        elif getattr(demuxer, "is_connection", lost is not None) and not getattr(self._source, "is_dialled", False):
            self._wait(self._pauses.lost())

    def _change(self, changed: Changed) -> None:
        """With the next packet the parameters change: a new epoch, decoded and muxed by other codecs."""
        for item in self._timeline.end_part():
            self._pass_on(item)
        self._part.change(changed)
        self._timeline.begin_part(self._part.media)

    def _pass_on(self, item: Epoch | Packet) -> None:
        if isinstance(item, Epoch):
            self._begin_epoch(item)
            return
        assert self._epoch is not None
        stream_seconds = self._epoch.start_seconds + item.seconds
        self.newest_seconds = max(self.newest_seconds, stream_seconds)
        self._ring.append(item, stream_seconds)
        self._backlog.put(item)

    def _begin_epoch(self, epoch: Epoch) -> None:
        self._end_epoch()
        self._epoch = epoch
        if not self._brought_something:
            self._pauses.begin()
        self._was_live = self._brought_something = True
        self._lost_at, self._refusals = None, 0
        total_seconds = getattr(self._source, "duration_seconds", None)
        self._report(StateNotice("live"))  # first: the epoch is waited for while the scorers load
        self._report(EpochNotice(epoch, self._part.codecs, self._timeline.live, total_seconds))
        self._backlog.put(Begin(epoch, self._part.codecs))

    def _end_epoch(self) -> None:
        if self._epoch is not None:
            self._ring.end_epoch(self._epoch.number)
            self._backlog.put(End())
            self._epoch = None

    def _report_waiting(self) -> None:
        self._report(StateNotice("waiting", f"waiting for {self._waits_for}"))

    @property
    def _waits_for(self) -> str:
        """Some sources may have to wait long in ``open``, and say for what."""
        return str(getattr(self._source, "waits_for", ""))

    def _seen_enough(self) -> bool:
        limit_seconds = self._patience.duration_seconds
        return limit_seconds is not None and self.newest_seconds >= limit_seconds
