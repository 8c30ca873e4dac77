"""A source under watch: whatever blocks in it, and whatever it does or forgets about time-outs, who reads from it goes on.

    own thread    source.open() │ demuxer.packets() ─▶ at most MOST_ITEMS │ hangs for ever …
    intake        ──────────────▶ takes ──────────────▶ takes             │ silent for too long: break off, leave it, open anew

Only the thread that takes writes into timeline, ring and backlog; a thread that was left behind can no longer reach them.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from typing import TypeVar

import structlog

from stream_processor.contracts import Demuxer, Source
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.receiving.reading import Reading
from stream_processor.receiving.stall import LOOK_SECONDS, MARGIN_SECONDS, Silence
from stream_processor.records import RawPacket
from stream_processor.settings import SourceSettings

T = TypeVar("T")

OPEN_STEPS = 3
"""Looking a host up, connecting and opening may each take ``open_timeout_seconds``."""
BREAK_OFF_SECONDS = 1.0
"""How long a read may take to notice that it was broken off; then its thread is left behind."""
STOP_SECONDS = 2.0
"""The same at the end of all, when the source was closed."""
CLOSE_SECONDS = 5.0
"""How long a source may take to close; then that thread, too, is left to the end of the process."""
MOST_LEFT_BEHIND = 8
"""Threads of one channel that hang at the same time. Each holds what it was reading: some megabytes."""

log = structlog.get_logger()


class WatchedSource:
    """``open`` and ``packets`` as the source's own, but they end in time. Made for one reading thread.

    A live source that brings nothing is given up as ``stalled``: ``packets`` after ``read_timeout_seconds`` and ``open`` after
    ``OPEN_STEPS`` x ``open_timeout_seconds``, each and ``MARGIN_SECONDS``. Not counted is what lies before the source's
    ``quiet_until`` (monotonic seconds), where it has one. Recordings and pipes are not hurried: whoever writes into a pipe may
    pause, and neither could be opened a second time. ``close`` ends all of them within ``STOP_SECONDS``.
    """

    def __init__(self, source: Source, settings: SourceSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._closing = threading.Lock()
        self._closer: threading.Thread | None = None
        self._hanging: list[Reading[Demuxer] | Reading[RawPacket]] = []
        self.left_behind = 0
        """Threads that hung and were left, since the beginning; some may have come back."""
        self.close_error: BaseException | None = None
        """What closing the source raised; read it after ``join``."""

    def close(self) -> None:
        """At once, and from any thread: the source is closed in one of its own, once, since it may have to wait for its peer."""
        with self._closing:
            if self._closer is None:
                closer = threading.Thread(target=self._close, name="close source", daemon=True)
                closer.start()
                self._closer = closer

    def join(self) -> None:
        """Close, and wait for it, ``CLOSE_SECONDS`` at most."""
        self.close()
        assert self._closer is not None
        self._closer.join(CLOSE_SECONDS)
        if self._closer.is_alive():
            log.warning("the source does not close: its thread is left behind", source=getattr(self._source, "name", ""))

    def open(self) -> Demuxer:
        """SourceUnusable: ``MOST_LEFT_BEHIND`` threads hang already. SourceEnded: stopped."""

        def opened() -> Generator[Demuxer]:
            yield self._source.open()

        self._hanging = [reading for reading in self._hanging if not reading.join(0.0)]
        if len(self._hanging) >= MOST_LEFT_BEHIND:
            raise SourceUnusable(f"{MOST_LEFT_BEHIND} reads of this stream hang and cannot be ended: start the program anew")
        limit_seconds = OPEN_STEPS * self._settings.open_timeout_seconds + MARGIN_SECONDS
        reading = Reading(opened, name="open source", late=lambda demuxer: demuxer.close())
        for demuxer in list(self._watched(reading, limit_seconds, "no answer", lambda: None)):
            return demuxer
        raise SourceEnded("closed")

    def packets(self, demuxer: Demuxer) -> Generator[RawPacket]:
        """All of the part. Closes the demuxer, in the thread that reads from it."""

        def read() -> Generator[RawPacket]:
            with contextlib.closing(demuxer):
                yield from demuxer.packets()

        limit_seconds = self._settings.read_timeout_seconds + MARGIN_SECONDS
        reading = Reading(read, name="read source", is_enough=lambda: self._is_closing)
        yield from self._watched(reading, limit_seconds, "no data", demuxer.close)

    @property
    def _is_closing(self) -> bool:
        return self._closer is not None

    def _close(self) -> None:
        try:
            self._source.close()
        except BaseException as error:  # raised by whoever joins, or logged
            self.close_error = error

    def _watched(self, reading: "Reading[T]", limit_seconds: float, what: str, break_off: Callable[[], None]) -> Generator[T]:
        silence = Silence(limit_seconds if getattr(self._source, "is_live", False) else None, self._clock())
        left_seconds = STOP_SECONDS
        try:
            while (items := reading.take(LOOK_SECONDS)) is not None:
                yield from items
                if items:
                    silence.heard(self._clock())
                elif self._is_closing:
                    left_seconds -= LOOK_SECONDS
                    if left_seconds <= 0:
                        return
                elif silence.is_too_long(self._clock(), getattr(self._source, "quiet_until", 0.0)):
                    name = getattr(self._source, "name", "the stream")
                    raise SourceError(f"{name}: {what} for {silence.seconds:.0f} s", reason="stalled")
        finally:
            self._end(reading, break_off)

    def _end(self, reading: "Reading[T]", break_off: Callable[[], None]) -> None:
        """Of a reading that came to its end by itself, nothing is left to do."""
        reading.leave()
        if reading.join(0.0):
            return
        threading.Thread(target=_quietly, args=(break_off,), name="break off", daemon=True).start()
        if reading.join(BREAK_OFF_SECONDS):
            return
        self._hanging.append(reading)  # type: ignore[arg-type]  # of which only ``join`` is needed
        self.left_behind += 1
        name = getattr(self._source, "name", "")
        log.warning("a read hangs and cannot be ended: its thread is left behind", source=name, hanging=len(self._hanging))


def _quietly(break_off: Callable[[], None]) -> None:
    try:
        break_off()
    except Exception:  # whoever waits for the reading sees whether it helped
        log.warning("a stalled read could not be broken off", exc_info=True)
