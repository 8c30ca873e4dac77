"""What holds for whatever packets come: laws of the timeline, held against scripts that hypothesis makes up."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stream_processor.receiving.timestamps import LONGEST_SECONDS
from stream_processor.records import Epoch, Kind, Media, Packet, RawPacket, replace
from stream_processor.timeline import MOST_HELD, Timeline
from tests.test_timeline import BOTH, FLV, NOON, ONLY_SOUND, TS, WRAPS, anything, new_timeline, one_part

OFTEN = 2_000
"""Examples in the long forms."""

EDGES = [0, 1, -1, (1 << 31) - 1, 1 << 32, (1 << 33) - 1, 1 << 33, (1 << 62) - 1, 1 << 62, (1 << 63) - 1, -(1 << 63)]


class AnyStream(RuleBasedStateMachine):
    """A channel over hours: runs of packets of both kinds, regular or senseless, lost and opened again; live or not."""

    @initialize(live=st.booleans(), media=st.sampled_from([BOTH, ONLY_SOUND]))
    def begin(self, live: bool, media: Media) -> None:
        self.timeline = new_timeline(live=live)
        self.media = media
        self.bases: dict[Kind, Fraction] = {"video": TS, "audio": TS}
        self.at: dict[Kind, int] = {"video": 0, "audio": 0}
        self.clock = 0.0
        self.count = 0
        self.epoch: Epoch | None = None
        self.end_seconds = 0.0
        self.last_dts: dict[Kind, int] = {}
        self.told: dict[Kind, list[int]] = {"video": [], "audio": []}
        self.timeline.begin_part(media)

    def push(self, raw: RawPacket) -> None:
        self.count += 1
        self.clock += 0.02
        for item in self.timeline.push(replace(raw, data=str(self.count).encode(), arrived_at=self.clock)):
            self.check(item)

    def check(self, item: Epoch | Packet) -> None:
        if isinstance(item, Epoch):
            assert item.number == (self.epoch.number + 1 if self.epoch else 0)
            assert item.start_seconds >= self.end_seconds - 1e-3
            self.epoch, self.last_dts = item, {}
            return
        assert self.epoch is not None, "no packet before its epoch"
        assert item.epoch == self.epoch.number
        assert item.dts <= item.pts
        assert item.dts > self.last_dts.get(item.kind, item.dts - 1)
        assert 0 <= item.duration * item.time_base <= LONGEST_SECONDS + 1
        assert abs(item.pts) < 1 << 63, "FFmpeg counts in 64 bits"
        assert abs(item.dts) < 1 << 63
        assert item.pts * item.time_base - item.dts * item.time_base <= 31, "no frame is shown ages after it is decoded"
        self.last_dts[item.kind] = item.dts
        self.told[item.kind].append(int(item.data))
        self.end_seconds = max(self.end_seconds, self.epoch.start_seconds + item.seconds)

    def kinds(self) -> Sequence[Kind]:
        return ("audio",) if self.media.video is None else ("video", "audio")

    @rule(
        seconds=st.integers(1, 6),
        fps=st.sampled_from([5, 25, 60]),
        reorder=st.integers(0, 2),
        tags=st.sampled_from(["both", "no dts"]),
    )
    def goes_on(self, seconds: int, fps: int, reorder: int, tags: str) -> None:
        """As an encoder would have it."""
        due = [(number / fps, "video", number) for number in range(seconds * fps)]
        due += [(number / 10, "audio", number) for number in range(seconds * 10)]
        start = dict(self.at)
        for at, kind, number in sorted(due):
            if kind not in self.kinds():
                continue
            dts = start[kind] + round(at / self.bases[kind])
            pts = dts + (reorder * 90_000 // fps if kind == "video" else 0)
            known_dts = None if tags == "no dts" and number % 2 else dts
            is_key = kind == "audio" or number % (2 * fps) == 0
            self.push(RawPacket(kind, b"", pts, known_dts, 0, self.bases[kind], is_key, 0.0))
        for kind in self.kinds():
            self.at[kind] = start[kind] + round(seconds / self.bases[kind])

    @rule(kind=st.sampled_from(["video", "audio", "both"]), to=st.sampled_from(EDGES) | st.integers(-(1 << 40), 1 << 40))
    def jumps(self, kind: str, to: int) -> None:
        for each in ("video", "audio"):
            if kind in (each, "both"):
                self.at[each] = to

    @precondition(lambda self: self.epoch is not None)
    @rule(
        kind=st.sampled_from(["video", "audio"]),
        pts=st.none() | st.sampled_from(EDGES) | st.integers(-(1 << 34), 1 << 34),
        dts=st.none() | st.sampled_from(EDGES) | st.integers(-(1 << 34), 1 << 34),
        duration=st.sampled_from([0, 3000, -1, 1 << 31, -(1 << 63), (1 << 63) - 1]),
        is_key=st.booleans(),
        times=st.sampled_from([1, 2, 30]),
    )
    def is_senseless(self, kind: Kind, pts: int | None, dts: int | None, duration: int, is_key: bool, times: int) -> None:
        for _ in range(times):
            if kind in self.kinds():
                self.push(RawPacket(kind, b"", pts, dts, duration, self.bases[kind], is_key or kind == "audio", 0.0))

    @rule(after_seconds=st.sampled_from([0.0, 5.0, -100.0, 3600.0]))
    def is_lost_and_comes_back(self, after_seconds: float) -> None:
        for item in self.timeline.end_part():
            self.check(item)
        self.clock += after_seconds
        self.timeline.begin_part(self.media)

    @invariant()
    def little_is_held(self) -> None:
        if hasattr(self, "timeline"):
            assert len(self.timeline._held) <= MOST_HELD

    @invariant()
    def each_kind_stays_in_its_order_and_nothing_comes_twice(self) -> None:
        for numbers in getattr(self, "told", {}).values():
            assert numbers == sorted(set(numbers))


class TestAnyStream(AnyStream.TestCase):  # type: ignore[misc, name-defined, valid-type]
    settings = settings(deadline=None, max_examples=30, stateful_step_count=20)


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestVeryManyStreams(AnyStream.TestCase):  # type: ignore[misc, name-defined, valid-type]
    settings = settings(deadline=None, max_examples=1_000, stateful_step_count=40)


# ---- what makes no difference ---------------------------------------------------------------------------------------


def told(items: Sequence[Epoch | Packet]) -> list[tuple[object, ...]]:
    return [
        (round(item.start_seconds, 6),) if isinstance(item, Epoch) else (item.kind, item.data, item.pts, item.dts)
        for item in items
    ]


def shifted(packets: Sequence[RawPacket], seconds: int) -> list[RawPacket]:
    return [
        replace(
            raw,
            pts=None if raw.pts is None else raw.pts + int(seconds / raw.time_base),
            dts=None if raw.dts is None else raw.dts + int(seconds / raw.time_base),
        )
        for raw in packets
    ]


def from_the_first_that_tells(packets: list[RawPacket]) -> list[RawPacket]:
    """Without those at the beginning that tell no time at all: they are laid at zero, wherever the others are."""
    first = next((number for number, raw in enumerate(packets) if raw.pts is not None or raw.dts is not None), len(packets))
    return packets[first:]


def with_one_clock(packets: list[RawPacket], time_base: Fraction) -> list[RawPacket]:
    """Packets of one counter, all of them within a quarter of its turn."""
    quarter = WRAPS[time_base] // 4

    def within(value: int | None) -> int | None:
        return None if value is None else value % quarter

    return [replace(raw, time_base=time_base, pts=within(raw.pts), dts=within(raw.dts)) for raw in packets]


def where_it_begins_makes_no_difference(packets: list[RawPacket], seconds: int) -> None:
    packets = [replace(raw, time_base=Fraction(1, 10_000)) for raw in from_the_first_that_tells(packets)]
    assert told(one_part(shifted(packets, seconds))) == told(one_part(packets))


def turns_of_the_counter_make_no_difference(packets: list[RawPacket], turns: int, ticks: int, time_base: Fraction) -> None:
    """Once the first timestamp of all is fixed, each other may be told as any of its turns."""
    modulus = WRAPS[time_base]
    packets = with_one_clock(from_the_first_that_tells(packets), time_base)

    def turned(value: int | None) -> int | None:
        return None if value is None else (value + ticks) % modulus + turns * modulus

    wrapped = [replace(raw, pts=turned(raw.pts), dts=turned(raw.dts)) for raw in packets]
    assert told(one_part(wrapped)) == told(one_part(packets))


@settings(deadline=None, max_examples=50)
@given(anything(), st.integers(-(10**9), 10**9))
def test_where_the_timestamps_begin_makes_no_difference(packets: list[RawPacket], seconds: int) -> None:
    where_it_begins_makes_no_difference(packets, seconds)


@settings(deadline=None, max_examples=50)
@given(anything(), st.integers(-3, 3), st.integers(0, 1 << 33), st.sampled_from([FLV, TS]))
def test_turns_of_the_counter_make_no_difference(packets: list[RawPacket], turns: int, ticks: int, time_base: Fraction) -> None:
    turns_of_the_counter_make_no_difference(packets, turns, ticks, time_base)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(deadline=None, max_examples=OFTEN)
@given(anything(), st.integers(-(10**9), 10**9), st.integers(-3, 3), st.integers(0, 1 << 33), st.sampled_from([FLV, TS]))
def test_neither_makes_a_difference_for_very_many(
    packets: list[RawPacket], seconds: int, turns: int, ticks: int, time_base: Fraction
) -> None:
    where_it_begins_makes_no_difference(packets, seconds)
    turns_of_the_counter_make_no_difference(packets, turns, ticks, time_base)


@settings(deadline=None, max_examples=50)
@given(anything(), st.lists(st.integers(0, 80), max_size=4))
def test_a_part_gives_the_same_epochs_whatever_came_before_it(packets: list[RawPacket], cuts: list[int]) -> None:
    """Cut into parts, each gives what it would give alone, behind what the ones before it gave."""
    timeline = Timeline(live=False, max_gap_seconds=10.0, utc_at=lambda *_: NOON)
    bounds = [0, *sorted(cuts), len(packets)]
    for first, stop in pairwise(bounds):
        timeline.begin_part(BOTH)
        together = [item for raw in packets[first:stop] for item in timeline.push(raw)] + [*timeline.end_part()]
        alone = one_part(packets[first:stop])
        assert [one[1:] for one in told(together)] == [one[1:] for one in told(alone)]
