"""The demuxing thread, on a scripted source and a scripted clock.

A part is a line of packets as in test_timeline (``V3`` a keyframe at 3 s, ``v3`` a picture, ``a3`` sound); an error after it
is how it broke off. Where there is nothing to wait for, the thread just runs to its end and is joined; nothing sleeps for timing.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from stream_processor.backlog import Backlog, Begin, Item
from stream_processor.contracts import Demuxer
from stream_processor.errors import SourceEnded, SourceError, SourceOffline, SourceUnusable
from stream_processor.inbox import Inbox
from stream_processor.intake import EPOCHS_WAITING, EpochNotice, Intake, Notice, Patience, StateNotice, post
from stream_processor.packets import PacketRing
from stream_processor.records import AudioFormat, Media, Packet, RawPacket, VideoFormat
from stream_processor.settings import RingSettings, SourceSettings
from stream_processor.timeline import Timeline

MEDIA = Media("flv", VideoFormat("h264", 640, 360), AudioFormat("aac", 48_000, 2))
AN_HOUR = 3600.0
PATIENCE_SECONDS = 20.0


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Part:
    """One demuxer. ``each`` is called before each packet with its word."""

    words: str
    breaks_off: BaseException | None = None
    each: Callable[[str], None] = lambda _word: None
    media: Media = MEDIA
    codecs: Any = "codecs"
    closed: int = 0

    def packets(self) -> Iterator[RawPacket]:
        for word in self.words.split():
            self.each(word)
            pts = round(float(word[1:]) * 1000)
            kind: Any = "audio" if word[0] == "a" else "video"
            yield RawPacket(kind, word.encode(), pts, pts, 1000, Fraction(1, 1000), word[0] != "v", arrived_at=0.0)
        if self.breaks_off is not None:
            raise self.breaks_off

    def close(self) -> None:
        self.closed += 1


@dataclass
class Script:
    """A source: what ``open`` gives or raises, one after the other, and then the stream's end. A function is called first."""

    steps: Sequence[Any]
    is_live: bool = True
    opened: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def open(self) -> Demuxer:
        if self.opened >= len(self.steps):
            raise SourceEnded("the end of the script")
        step = self.steps[self.opened]
        self.opened += 1
        if callable(step):
            step = step()
        if isinstance(step, BaseException):
            raise step
        return step  # type: ignore[no-any-return]

    def close(self) -> None:
        self.closed.set()


@dataclass
class Listener(Script):
    waits_for: str = "an encoder on port 1935"


class Run:
    """An intake with all that hangs on it."""

    def __init__(
        self,
        source: Any,
        *,
        wait: bool = False,
        duration_seconds: float | None = None,
        clock: Callable[[], float] | None = None,
        **settings: Any,
    ) -> None:
        self.source = source
        self.notices: list[Notice] = []
        self.heard = threading.Condition()
        self.ring = PacketRing(RingSettings())
        self.backlog = Backlog(AN_HOUR, lossless=False)
        # a thousandth of a second between attempts, unless a test says otherwise
        chosen = SourceSettings(**{"poll_seconds": 0.001, "give_up_seconds": AN_HOUR, **settings})
        self.intake = Intake(
            source,
            Timeline(live=True, max_gap_seconds=10.0, utc_at=lambda *_: datetime(2026, 11, 20, tzinfo=UTC)),
            self.ring,
            self.backlog,
            self._report,
            chosen,
            Patience(wait=wait, duration_seconds=duration_seconds),
            clock=clock or Clock(),
            chance=lambda: 0.5,
        )

    def _report(self, notice: Notice) -> None:
        with self.heard:
            self.notices.append(notice)
            self.heard.notify_all()

    def wait_for_state(self, state: str) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: state in [name for name, _ in self.states], PATIENCE_SECONDS)

    def to_its_end(self) -> "Run":
        self.intake.start()
        assert self.intake.join(PATIENCE_SECONDS)
        return self

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(notice.state, notice.detail) for notice in self.notices if isinstance(notice, StateNotice)]

    @property
    def queued(self) -> str:
        items: list[Item] = list(iter(self.backlog.take, None))
        return " ".join(item.data.decode() if isinstance(item, Packet) else type(item).__name__ for item in items)


# ---- the regular way ------------------------------------------------------------------------------------------------


def test_a_stream_goes_into_the_ring_and_the_queue_and_is_closed_at_its_end() -> None:
    part = Part("v8 V9 a9 v10 a10")
    run = Run(Script([part])).to_its_end()
    assert run.queued == "Begin V9 a9 v10 a10 End"
    reader = run.ring.reader(0, 0.0)
    assert [packet.data for packet in reader.read() or []] == [b"V9", b"a9", b"v10", b"a10"]
    assert reader.read() is None
    assert run.states == [("connecting", ""), ("live", ""), ("ended", "")]
    assert run.intake.error is None
    assert run.intake.newest_seconds == 1.0
    assert run.intake.reconnects == 0
    assert part.closed
    assert run.source.closed.is_set()


def test_an_epoch_is_told_before_anything_of_it_can_be_decoded() -> None:
    part = Part("V0 v1 V5000 v5001")
    source = Script([part])
    run = Run(source)
    queued_when_told: list[int] = []
    report = run._report

    def note(notice: Notice) -> None:
        if isinstance(notice, EpochNotice):
            queued_when_told.append(sum(isinstance(item, Begin) for item, _ in run.backlog._items))
        report(notice)

    run.intake._report = note
    run.to_its_end()
    epochs = [notice for notice in run.notices if isinstance(notice, EpochNotice)]
    assert [notice.epoch.number for notice in epochs] == [0, 1]
    assert [notice.codecs for notice in epochs] == ["codecs", "codecs"]
    assert queued_when_told == [0, 1]
    assert run.queued == "Begin V0 v1 End Begin V5000 v5001 End"


def test_each_epoch_ends_once_whether_by_a_jump_a_new_part_or_the_end() -> None:
    run = Run(Script([Part("V0 V50"), Part(""), Part("V60", SourceError("lost")), Part("V70")])).to_its_end()
    assert run.queued == "Begin V0 End Begin V50 End Begin V60 End Begin V70 End"
    for epoch in range(4):
        reader = run.ring.reader(epoch, 0.0)
        assert len(reader.read() or []) == 1
        assert reader.read() is None


def test_sound_that_was_held_back_is_given_out_when_its_part_ends() -> None:
    assert Run(Script([Part("a5 a6")])).to_its_end().queued == "Begin a5 a6 End"


def test_a_source_says_for_each_part_whether_it_is_live_and_how_long_it_is() -> None:
    source = Script([Part("V0"), Part("V0")], is_live=False)
    source.duration_seconds = 60.0  # type: ignore[attr-defined]
    run = Run(source).to_its_end()
    epochs = [notice for notice in run.notices if isinstance(notice, EpochNotice)]
    assert [(notice.is_live, notice.total_seconds) for notice in epochs] == [(False, 60.0)] * 2
    assert run.backlog.lossless


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_a_stream_that_broke_off_is_opened_again_at_once() -> None:
    first = Part("V0 v1", SourceError("connection reset"))
    run = Run(Script([first, Part("V7")]), poll_seconds=AN_HOUR).to_its_end()
    assert run.states == [("connecting", ""), ("live", ""), ("reconnecting", "connection reset"), ("live", ""), ("ended", "")]
    assert run.intake.reconnects == 1
    assert run.intake.error is None
    assert first.closed


def test_a_lost_stream_is_tried_again_until_it_is_back() -> None:
    lost = [SourceError(f"refused {number}") for number in range(5)]
    run = Run(Script([Part("V0", SourceError("reset")), *lost, Part("V7")])).to_its_end()
    assert run.queued == "Begin V0 End Begin V7 End"
    assert run.states[2:8] == [("reconnecting", text) for text in ["reset", *(str(error) for error in lost)]]
    assert run.intake.reconnects == 1


def test_a_lost_stream_that_does_not_come_back_in_time_is_over_without_an_error() -> None:
    clock = Clock()

    def still_refused() -> SourceError:
        clock.now += 10.0
        return SourceError("refused")

    source = Script([Part("V0"), *[still_refused] * 20])
    run = Run(source, clock=clock, give_up_seconds=30.0).to_its_end()
    assert source.opened == 1 + 4  # the loss is noticed at the first, and thirty seconds later it is the fourth
    assert run.intake.error is None
    assert run.states[-1] == ("ended", "")


def test_patience_begins_anew_with_each_loss() -> None:
    clock = Clock()

    def refused() -> SourceError:
        clock.now += 20.0
        return SourceError("refused")

    source = Script([Part("V0"), refused, refused, Part("V5"), refused, refused, Part("V9")])
    assert Run(source, clock=clock, give_up_seconds=30.0).to_its_end().queued == "Begin V0 End Begin V5 End Begin V9 End"


def test_without_patience_a_loss_is_the_end() -> None:
    source = Script([Part("V0", SourceError("reset")), SourceError("refused"), Part("V9")])
    assert Run(source, give_up_seconds=0.0).to_its_end().queued == "Begin V0 End"


def test_a_channel_that_twice_says_it_is_offline_after_the_loss_is_over() -> None:
    source = Script([Part("V0"), SourceOffline("offline"), SourceOffline("offline"), Part("V9")])
    run = Run(source).to_its_end()
    assert run.queued == "Begin V0 End"
    assert run.intake.error is None
    back = Script([Part("V0"), SourceOffline("offline"), Part("V9")])  # a streamer's restart looks like this
    assert Run(back).to_its_end().queued == "Begin V0 End Begin V9 End"


@pytest.mark.parametrize("breaks_off", [SourceError("kicked"), None], ids=["broken off", "empty"])
def test_a_peer_that_takes_us_in_only_to_send_us_away_is_not_stormed(breaks_off: SourceError | None) -> None:
    parts = [Part("v1 v2", breaks_off) for _ in range(6)]
    run = Run(Script([Part("V0"), *parts, Part("V9")]), poll_seconds=8.0)
    pauses: list[float] = []
    run.intake._stopping.wait = lambda timeout=None: bool(pauses.append(timeout))  # type: ignore[assignment, arg-type, func-returns-value]
    run.to_its_end()
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert run.queued == "Begin V0 End Begin V9 End"
    assert all(part.closed for part in parts)


def test_pauses_grow_up_to_the_polling_interval_and_never_overflow() -> None:
    refused = [SourceError("refused")] * 1500
    run = Run(Script([Part("V0"), *refused]), poll_seconds=5.0, give_up_seconds=AN_HOUR)
    pauses: list[float] = []
    run.intake._stopping.wait = lambda timeout=None: bool(pauses.append(timeout))  # type: ignore[assignment, arg-type, func-returns-value]
    run.to_its_end()
    assert run.intake.error is None
    assert pauses == [0.5, 1.0, 2.0, 4.0, *[5.0] * 1496]


def test_a_peer_that_sends_a_little_and_then_sends_us_away_is_not_stormed_either() -> None:
    """The first time may be chance: at once. Then ever longer (until it has held for a while: see test_retry)."""
    short = [Part("V0 v1", SourceError("reset")) for _ in range(7)]
    run = Run(Script([*short, Part("V0")]), poll_seconds=8.0)
    pauses: list[float] = []
    run.intake._stopping.wait = lambda timeout=None: bool(pauses.append(timeout))  # type: ignore[assignment, arg-type, func-returns-value]
    run.to_its_end()
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert run.intake.reconnects == 7


def test_parts_of_one_connection_follow_each_other_at_once_however_short_they_are() -> None:
    run = Run(Script([Part(f"V{number}") for number in range(50)]), poll_seconds=AN_HOUR).to_its_end()
    assert run.intake.reconnects == 0


def test_losses_and_failed_attempts_are_counted_by_their_reason() -> None:
    goodbye = Part("V0")
    goodbye.is_connection = True  # type: ignore[attr-defined]
    steps = [
        Part("V0", SourceError("reset", reason="reset")),
        SourceError("refused", reason="refused"),
        SourceError("refused", reason="refused"),
        SourceError("no such host", reason="dns"),
        goodbye,
        Part("V0", SourceError("something else")),
        Part("V0"),
    ]
    run = Run(Script(steps)).to_its_end()
    assert run.intake.reconnects_by_reason == {"reset": 1, "refused": 2, "dns": 1, "ended": 1, "other": 1}
    assert run.intake.reconnects == 3


def test_a_read_that_hangs_for_ever_ends_neither_the_channel_nor_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """```
    1st thread   V0 ── hangs ……………………………………………………………………… v1 (hours later)
    intake       V0    stalled: left behind │ V7 v8 ── the end
    ```"""
    monkeypatch.setattr("stream_processor.receiving.watched.BREAK_OFF_SECONDS", 0.02)
    monkeypatch.setattr("stream_processor.receiving.watched.LOOK_SECONDS", 0.002)
    clock, wakes, woke = Clock(), threading.Event(), threading.Event()

    def hangs(word: str) -> None:
        if word == "v1":
            wakes.wait(PATIENCE_SECONDS)
            woke.set()

    def ticks() -> float:
        clock.now += 0.5
        return clock.now

    run = Run(Script([Part("V0 v1", each=hangs), Part("V7 v8")]), clock=ticks).to_its_end()
    wakes.set()
    assert woke.wait(PATIENCE_SECONDS)
    assert run.queued == "Begin V0 End Begin V7 v8 End"
    assert run.intake.reconnects_by_reason == {"stalled": 1}
    assert run.intake.error is None


# ---- an event loop that has no time -----------------------------------------------------------------------------------


async def test_reading_goes_on_while_nobody_takes_the_notices_and_no_epoch_is_left_out() -> None:
    """```
    loop     loads scorers ................................................. takes: every epoch, the last state
    stream   V0 ✗ V1 ✗ V2 ✗ … as many as may wait, three notices each, and room for eight
    ```"""
    inbox: Inbox[Notice] = Inbox(most=8)
    parts = [Part(f"V{number}", SourceError("reset")) for number in range(EPOCHS_WAITING)]
    run = Run(Script(parts))
    run.intake._report = lambda notice: post(inbox, notice)
    run.intake.start()
    assert run.intake.join(PATIENCE_SECONDS)
    waiting = [await inbox.get() for _ in range(len(inbox._items))]
    assert [notice.epoch.number for notice in waiting if isinstance(notice, EpochNotice)] == [*range(EPOCHS_WAITING)]
    assert len(waiting) <= EPOCHS_WAITING + 8
    assert waiting[-1] == StateNotice("ended")


async def test_a_stream_torn_more_often_than_anybody_could_follow_is_read_no_further_until_somebody_does() -> None:
    inbox: Inbox[Notice] = Inbox(most=8)
    parts = [Part(f"V{number}", SourceError("reset")) for number in range(2 * EPOCHS_WAITING)]
    run = Run(Script(parts))
    run.intake._report = lambda notice: post(inbox, notice)
    run.intake.start()
    epochs: list[int] = []
    while (notice := await asyncio.wait_for(inbox.get(), PATIENCE_SECONDS)) != StateNotice("ended"):
        assert sum(isinstance(waiting, EpochNotice) for waiting in list(inbox._items)) <= EPOCHS_WAITING
        epochs += [notice.epoch.number] if isinstance(notice, EpochNotice) else []
    assert epochs == [*range(2 * EPOCHS_WAITING)]
    assert run.intake.join(PATIENCE_SECONDS)


# ---- the beginning --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SourceOffline("x is offline"), SourceError("x: host not found")])
def test_a_channel_that_cannot_be_opened_is_an_error_unless_we_are_to_wait(error: SourceError) -> None:
    run = Run(Script([error, Part("V0")])).to_its_end()
    assert run.intake.error is error
    assert run.states == [("connecting", ""), ("ended", str(error))]
    assert run.source.closed.is_set()

    patient = Run(Script([error, error, Part("V0")]), wait=True).to_its_end()
    assert patient.intake.error is None
    assert patient.states == [("connecting", ""), *[("waiting", str(error))] * 2, ("live", ""), ("ended", "")]


def test_what_can_never_work_is_an_error_even_if_we_are_to_wait() -> None:
    error = SourceUnusable("no such file")
    run = Run(Script([error, Part("V0")]), wait=True).to_its_end()
    assert run.intake.error is error
    assert run.source.opened == 1


def test_what_turns_unusable_later_is_an_error_too() -> None:
    error = SourceUnusable("neither picture nor sound")
    run = Run(Script([Part("V0", SourceError("reset")), error])).to_its_end()
    assert run.intake.error is error
    assert run.queued == "Begin V0 End"


def test_a_stream_that_is_over_before_it_began_is_just_over() -> None:
    run = Run(Script([])).to_its_end()
    assert run.intake.error is None
    assert run.queued == ""


def test_a_stream_that_broke_off_before_its_first_frame_and_is_over_is_an_error() -> None:
    run = Run(Script([Part("", SourceError("moov atom not found"))], is_live=False)).to_its_end()
    assert str(run.intake.error) == "moov atom not found"


def test_a_source_that_listens_says_what_it_waits_for_each_time() -> None:
    run = Run(Listener([Part("V0", SourceError("the encoder left")), Part("V5")])).to_its_end()
    waiting = ("waiting", "waiting for an encoder on port 1935")
    assert run.states == [
        waiting,
        ("live", ""),
        ("reconnecting", "the encoder left"),
        waiting,
        ("live", ""),
        waiting,
        ("ended", ""),
    ]


# ---- ends -----------------------------------------------------------------------------------------------------------


def test_it_watches_so_much_of_the_stream_and_no_more() -> None:
    part = Part("V0 v1 v2 v3 v4 v5 v6")
    run = Run(Script([part, Part("V0")]), duration_seconds=3.0).to_its_end()
    assert run.queued == "Begin V0 v1 v2 v3 End"
    assert run.source.opened == 1
    assert run.intake.error is None


def test_the_limit_counts_stream_time_over_all_parts() -> None:
    run = Run(Script([Part("V0 v1"), Part("V9 v10 v11"), Part("V0")], is_live=False), duration_seconds=3.0).to_its_end()
    assert run.queued == "Begin V0 v1 End Begin V9 v10 End"


def test_stop_ends_a_read_after_the_packet_that_is_under_way() -> None:
    part = Part("V0 v1 v2 v3")
    run = Run(Script([part, Part("V9")]))
    part.each = lambda word: run.intake.stop() if word == "v1" else None
    run.to_its_end()
    assert run.queued == "Begin V0 v1 End"
    assert run.source.closed.is_set()
    assert run.source.opened == 1
    assert run.intake.error is None


@pytest.mark.parametrize(
    "steps", [[SourceOffline("offline")], [Part("V0"), SourceError("refused")]], ids=["waiting", "reconnecting"]
)
def test_stop_ends_a_wait_of_an_hour_at_once(steps: list[Any]) -> None:
    run = Run(Script([*steps, Part("V9")]), wait=True, poll_seconds=AN_HOUR)
    run.intake._chance = lambda: AN_HOUR
    run.intake.start()
    run.wait_for_state("waiting" if len(steps) == 1 else "reconnecting")
    run.intake.stop()
    assert run.intake.join(PATIENCE_SECONDS)
    assert run.intake.error is None
    assert "V9" not in run.queued


@pytest.mark.parametrize("error", [SourceEnded("closed"), SourceError("interrupted")], ids=["as promised", "as sockets do"])
def test_stop_ends_an_open_that_blocks_and_what_it_raises_then_is_no_error(error: SourceError) -> None:
    source = Script([])

    def blocks_until_closed() -> SourceError:
        assert source.closed.wait(PATIENCE_SECONDS)
        return error

    source.steps = [blocks_until_closed, Part("V9")]
    run = Run(source)
    run.intake.start()
    run.wait_for_state("connecting")
    run.intake.stop()
    assert run.intake.join(PATIENCE_SECONDS)
    assert run.intake.error is None
    assert run.queued == ""


def test_a_read_that_stop_broke_off_is_neither_lost_nor_tried_again() -> None:
    part = Part("V0 v1")
    run = Run(Script([part, Part("V9")]))

    def interrupted(word: str) -> None:
        if word == "v1":
            run.intake.stop()
            raise SourceError("interrupted")

    part.each = interrupted
    run.to_its_end()
    assert run.queued == "Begin V0 End"
    assert run.intake.reconnects == 0
    assert [state for state, _ in run.states] == ["connecting", "live", "ended"]


def test_stop_does_not_wait_for_a_source_that_is_slow_to_close_but_join_does() -> None:
    source, may_close, times = Script([]), threading.Event(), []

    def blocks_until_closed() -> SourceEnded:
        source.closed.wait(PATIENCE_SECONDS)
        return SourceEnded("closed")

    def close() -> None:
        times.append("closed")
        source.closed.set()
        assert may_close.wait(PATIENCE_SECONDS)

    source.steps, source.close = [blocks_until_closed], close  # type: ignore[method-assign]
    run = Run(source)
    run.intake.start()
    run.wait_for_state("connecting")
    for _ in range(3):
        run.intake.stop()  # would wait for ever
    assert source.closed.wait(PATIENCE_SECONDS)
    assert not run.intake.join(0.0)
    may_close.set()
    assert run.intake.join(PATIENCE_SECONDS)
    run.intake.stop()
    assert times == ["closed"]
    assert run.intake.error is None


def test_what_closing_the_source_raises_is_kept_for_who_joins_and_everything_else_is_closed() -> None:
    fault = ZeroDivisionError("a bug in close")

    def close() -> None:
        raise fault

    source = Script([Part("V0")])
    source.close = close  # type: ignore[method-assign]
    run = Run(source).to_its_end()
    assert run.intake.error is fault
    assert run.queued == "Begin V0 End"
    assert run.states[-1] == ("ended", "")


def test_stopping_before_the_start_opens_nothing() -> None:
    run = Run(Script([Part("V0")]))
    run.intake.stop()
    run.to_its_end()
    assert run.source.opened == 0


# ---- what goes wrong in here ----------------------------------------------------------------------------------------


def test_a_fault_in_the_demuxer_is_kept_for_who_joins_and_everything_is_closed() -> None:
    fault = ZeroDivisionError("a bug")
    part = Part("V0 v1", fault)
    run = Run(Script([part, Part("V9")])).to_its_end()
    assert run.intake.error is fault
    assert run.queued == "Begin V0 v1 End"
    assert part.closed
    assert run.source.closed.is_set()
    assert run.states[-1] == ("ended", "")  # the text of a bug is nothing for viewers


def test_join_says_whether_the_thread_is_at_its_end() -> None:
    source = Script([])

    def blocks_until_closed() -> SourceError:
        source.closed.wait(PATIENCE_SECONDS)
        return SourceEnded("closed")

    source.steps = [blocks_until_closed]
    run = Run(source)
    run.intake.start()
    assert not run.intake.join(0.0)
    run.intake.stop()
    assert run.intake.join(PATIENCE_SECONDS)
