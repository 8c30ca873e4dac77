"""A source that hangs, sleeps or comes back hours later, watched over with a scripted clock."""

import itertools
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream_processor.contracts import Demuxer
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.receiving.stall import MARGIN_SECONDS
from stream_processor.receiving.watched import MOST_LEFT_BEHIND, OPEN_STEPS, WatchedSource
from stream_processor.records import AudioFormat, Media, RawPacket, VideoFormat
from stream_processor.settings import SourceSettings

PATIENCE_SECONDS = 30.0
SETTINGS = SourceSettings(open_timeout_seconds=20.0, read_timeout_seconds=10.0)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processor.receiving.watched.LOOK_SECONDS", 0.002)


@pytest.fixture
def hopeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs in this test hangs for good: there is no use in waiting for it."""
    monkeypatch.setattr("stream_processor.receiving.watched.BREAK_OFF_SECONDS", 0.02)
    monkeypatch.setattr("stream_processor.receiving.watched.STOP_SECONDS", 0.02)


class Hurried:
    """A clock that goes on by half a second whenever it is read: minutes of silence pass in a few looks."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def packet(number: int) -> RawPacket:
    return RawPacket("video", bytes([number]), number, number, 1, Fraction(1), True, arrived_at=0.0)


class Part:
    """Gives one packet, then waits for ``wakes``. ``obeys``: closing it ends that wait."""

    media = Media("flv", VideoFormat("h264", 640, 360), AudioFormat("aac", 48_000, 2))
    codecs: Any = None

    def __init__(self, *, obeys: bool = True) -> None:
        self.wakes = threading.Event()
        self.closed = threading.Event()
        self.ended = threading.Event()
        self._obeys = obeys

    def packets(self) -> Iterator[RawPacket]:
        yield packet(0)
        self.wakes.wait(PATIENCE_SECONDS)
        if not self.closed.is_set() or not self._obeys:
            yield packet(1)
        self.ended.set()

    def close(self) -> None:
        self.closed.set()
        if self._obeys:
            self.wakes.set()


class Source:
    name = "rtmp://host/live/***"

    def __init__(self, opens: Callable[[], Demuxer], *, is_live: bool = True) -> None:
        self._opens = opens
        self.is_live = is_live
        self.closed = threading.Event()

    def open(self) -> Demuxer:
        return self._opens()

    def close(self) -> None:
        self.closed.set()


def test_a_read_that_brings_nothing_for_too_long_is_broken_off_and_lost() -> None:
    part, clock = Part(), Hurried()
    watched = WatchedSource(Source(lambda: part), SETTINGS, clock)
    taken: list[RawPacket] = []
    with pytest.raises(SourceError, match=r"^rtmp://host/live/\*\*\*: no data for 1\d s$") as loss:
        taken.extend(watched.packets(watched.open()))
    assert [raw.data for raw in taken] == [b"\0"]
    assert loss.value.reason == "stalled"
    assert part.closed.is_set()
    assert part.ended.is_set()
    assert watched.left_behind == 0


@pytest.mark.usefixtures("hopeless")
def test_a_read_that_cannot_be_broken_off_is_left_behind_and_what_it_brings_hours_later_reaches_nobody() -> None:
    #  thread   0 ── hangs …………………………………………………… 1
    #  taker    0    stalled │ opens anew, reads on     nothing of it
    part = Part(obeys=False)
    watched = WatchedSource(Source(lambda: part), SETTINGS, Hurried())
    taken: list[RawPacket] = []
    with capture_logs() as logs, pytest.raises(SourceError, match="no data"):
        taken.extend(watched.packets(watched.open()))
    assert watched.left_behind == 1
    assert [entry["event"] for entry in logs] == ["a read hangs and cannot be ended: its thread is left behind"]
    fresh = Part()
    fresh.wakes.set()
    assert [raw.data for raw in watched.packets(fresh)] == [b"\0", b"\1"]
    part.wakes.set()
    assert part.closed.wait(PATIENCE_SECONDS)
    assert [raw.data for raw in taken] == [b"\0"]


@pytest.mark.usefixtures("hopeless")
def test_an_open_that_hangs_is_given_up_and_what_it_opens_later_is_closed() -> None:
    part, wakes, clock = Part(), threading.Event(), Hurried()

    def hangs() -> Demuxer:
        wakes.wait(PATIENCE_SECONDS)
        return part

    watched = WatchedSource(Source(hangs), SETTINGS, clock)
    begin = clock.now
    with pytest.raises(SourceError, match="no answer") as loss:
        watched.open()
    assert loss.value.reason == "stalled"
    assert clock.now - begin >= OPEN_STEPS * SETTINGS.open_timeout_seconds + MARGIN_SECONDS
    wakes.set()
    assert part.closed.wait(PATIENCE_SECONDS)


@pytest.mark.usefixtures("hopeless")
def test_no_more_threads_are_left_behind_than_are_bearable_and_those_that_come_back_do_not_count() -> None:
    wakes = threading.Event()

    def hangs() -> Demuxer:
        wakes.wait(PATIENCE_SECONDS)
        return Part()

    watched = WatchedSource(Source(hangs), SourceSettings(open_timeout_seconds=0.1), Hurried())
    for _ in range(MOST_LEFT_BEHIND):
        with pytest.raises(SourceError, match="no answer"):
            watched.open()
    with pytest.raises(SourceUnusable, match=f"{MOST_LEFT_BEHIND} reads of this stream hang"):
        watched.open()
    wakes.set()
    assert all(reading.join(PATIENCE_SECONDS) for reading in watched._hanging)
    assert isinstance(watched.open(), Part)


@pytest.mark.parametrize("is_live", [True, False], ids=["as long as the source says so", "a recording or a pipe"])
def test_who_may_be_silent_is_waited_for(is_live: bool) -> None:
    part, looks = Part(), itertools.count()

    def clock() -> float:
        if (look := next(looks)) == 60:  # half a minute of silence
            part.wakes.set()
        return 0.5 * look

    source = Source(lambda: part, is_live=is_live)
    if is_live:
        source.quiet_until = 1e9  # type: ignore[attr-defined]
    watched = WatchedSource(source, SETTINGS, clock)
    assert [raw.data for raw in watched.packets(watched.open())] == [b"\0", b"\1"]


@pytest.mark.usefixtures("hopeless")
def test_close_ends_a_read_that_hangs_for_ever() -> None:
    part = Part(obeys=False)
    source = Source(lambda: part)
    watched = WatchedSource(source, SETTINGS)
    packets = watched.packets(watched.open())
    assert next(packets).data == b"\0"
    watched.close()
    assert list(packets) == []
    assert watched.left_behind == 1
    assert source.closed.wait(PATIENCE_SECONDS)
    part.wakes.set()


@pytest.mark.usefixtures("hopeless")
def test_close_ends_an_open_that_hangs_for_ever() -> None:
    wakes = threading.Event()

    def hangs() -> Demuxer:
        watched.close()
        wakes.wait(PATIENCE_SECONDS)
        return Part()

    watched = WatchedSource(Source(hangs), SETTINGS)
    with pytest.raises(SourceEnded):
        watched.open()
    wakes.set()


def test_a_close_that_hangs_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processor.receiving.watched.CLOSE_SECONDS", 0.01)
    wakes = threading.Event()
    source = Source(Part)
    source.close = lambda: bool(wakes.wait(PATIENCE_SECONDS))  # type: ignore[method-assign, assignment, return-value]
    watched = WatchedSource(source, SETTINGS)
    with capture_logs() as logs:
        watched.join()
    assert [entry["event"] for entry in logs] == ["the source does not close: its thread is left behind"]
    wakes.set()
