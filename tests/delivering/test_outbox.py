"""Alerts arrive in order and at least once, whatever a sink does; none waits for another's sink."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.jsonl import FILENAME, Jsonl
from stream_processor.delivering.lanes import wait_seconds
from stream_processor.delivering.outbox import Outbox
from stream_processor.errors import SinkError
from stream_processor.journal import Journal
from stream_processor.records import Event

WINDOW = Event("window", "x", {"score": 1.0})


class Clock:
    """Time that passes at once: ``sleep`` notes how long and lets everyone else go first."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Scripted:
    """A sink that answers each call as its script says, None is yes, and yes to everything behind the script's end."""

    def __init__(self, script: Sequence[Exception | None] = ()) -> None:
        self._script = list(script)
        self.taken: list[Event] = []
        self.seen: list[Event] = []
        self.is_closed = False

    async def __aenter__(self) -> "Scripted":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.is_closed = True

    async def deliver(self, event: Event) -> None:
        self.seen.append(event)
        answer = self._script.pop(0) if self._script else None
        if answer is not None:
            raise answer
        self.taken.append(event)


class Stuck(Scripted):
    """Takes no event until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()
        self.go = asyncio.Event()

    async def deliver(self, event: Event) -> None:
        self.is_asked.set()
        await self.go.wait()
        await super().deliver(event)


class Reconnecting(Scripted):
    """Keeps a connection and tells when it is back."""

    status = "waiting: no route"

    def when_ready(self, callback: Callable[[], None]) -> None:
        self.tell = callback


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        yield journal


def sequences(events: Sequence[Event]) -> list[int]:
    return [event.sequence for event in events]


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop go round until it holds; the test's own time limit ends it otherwise."""
    while not holds():  # noqa: ASYNC110 # what is waited for has no event to offer
        await asyncio.sleep(0)


async def send(journal: Journal, count: int) -> None:
    for number in range(count):
        await journal.append("x", "update", {"id": number})


async def test_alerts_go_to_every_sink_in_order(journal: Journal) -> None:
    one, two = Scripted(), Scripted()
    async with Outbox(journal, {"one": one, "two": two}, max_days=7) as outbox:
        await send(journal, 3)
        assert await outbox.drain(5)
        assert outbox.statuses == {"one": "connected", "two": "connected"}
        assert outbox.waiting == 0
    assert sequences(one.taken) == sequences(two.taken) == [1, 2, 3]
    assert one.is_closed


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.sampled_from([None, SinkError("not now"), ValueError("a bug")]), max_size=12), count=st.integers(1, 6))
async def test_whatever_a_sink_answers_it_gets_all_alerts_in_order(
    script: list[Exception | None], count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sink, clock = Scripted(script), Clock()
    async with Journal.open(tmp_path_factory.mktemp("outbox") / "journal.sqlite3") as journal:
        async with Outbox(journal, {"sink": sink}, max_days=7, sleep=clock.sleep) as outbox:
            await send(journal, count)
            assert await outbox.drain(5)
        assert sequences(sink.taken) == list(range(1, count + 1))
        assert sequences(sink.seen) == sorted(sequences(sink.seen)), "nothing overtakes what was refused"
        assert await journal.cursor("sink") == count


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_waits_grow_from_half_a_second_to_half_a_minute(failures: int, chance: float) -> None:
    assert 0.25 <= wait_seconds(failures, chance) <= wait_seconds(failures + 1, chance) <= 30.0


async def test_it_rests_longer_after_each_refusal_and_begins_anew_after_a_success(journal: Journal) -> None:
    no, clock = SinkError("not now"), Clock()
    async with Outbox(
        journal, {"sink": Scripted([no, no, no, None, no])}, max_days=7, sleep=clock.sleep, chance=lambda: 1.0
    ) as outbox:
        await send(journal, 2)
        await until(lambda: len(clock.slept) == 4)
        assert outbox.failures == {"sink": 4}
    assert clock.slept == [0.5, 1.0, 2.0, 0.5]


async def test_an_alert_that_was_not_confirmed_before_a_kill_comes_again(journal: Journal) -> None:
    stuck, sink = Stuck(), Scripted()
    async with Outbox(journal, {"sink": stuck}, max_days=7):
        await send(journal, 2)
        await stuck.is_asked.wait()
    async with Outbox(journal, {"sink": sink}, max_days=7) as outbox:
        assert await outbox.drain(5)
    assert sequences(sink.taken) == [1, 2]


async def test_a_slow_sink_never_delays_another(journal: Journal) -> None:
    slow, quick = Stuck(), Scripted()
    async with Outbox(journal, {"slow": slow, "quick": quick}, max_days=7) as outbox:
        await send(journal, 2)
        await until(lambda: len(quick.taken) == 2)
        assert slow.taken == []
        assert outbox.waiting == 2
        assert not await outbox.drain(0.01)
        slow.go.set()
        assert await outbox.drain(5)
        assert sequences(slow.taken) == [1, 2]


async def test_news_is_dropped_oldest_first_and_counted_when_a_sink_does_not_keep_up(journal: Journal) -> None:
    stuck = Stuck()
    async with Outbox(journal, {"sink": stuck}, max_days=7) as outbox:
        outbox.offer(WINDOW)
        await stuck.is_asked.wait()
        for number in range(70):
            outbox.offer(Event("window", "x", {"number": number}))
        assert outbox.news_dropped == {"sink": 6}
        stuck.go.set()
        assert await outbox.drain(5)
    assert [event.payload["number"] for event in stuck.taken[1:]] == list(range(6, 70))


async def test_news_that_a_sink_refuses_is_lost_and_counted(journal: Journal) -> None:
    sink = Scripted([SinkError("not now")])
    async with Outbox(journal, {"sink": sink}, max_days=7) as outbox:
        outbox.offer(WINDOW)
        assert await outbox.drain(5)
        assert (sink.taken, outbox.news_dropped) == ([], {"sink": 1})


async def test_while_alerts_rest_news_still_goes(journal: Journal) -> None:
    sink, forever = Scripted([SinkError("not now")]), asyncio.Event()

    async def rest(_: float) -> None:
        await forever.wait()

    async with Outbox(journal, {"sink": sink}, max_days=7, sleep=rest) as outbox:
        await send(journal, 1)
        await until(lambda: outbox.statuses == {"sink": "waiting: not now"})
        outbox.offer(WINDOW)
        await until(lambda: bool(sink.taken))
        assert sink.taken == [WINDOW]
        assert outbox.waiting == 1


async def test_a_sink_that_is_back_gets_its_alerts_without_waiting_for_the_rest_to_end(journal: Journal) -> None:
    sink, forever = Reconnecting([SinkError("no route")]), asyncio.Event()

    async def rest(_: float) -> None:
        await forever.wait()

    async with Outbox(journal, {"sink": sink}, max_days=7, sleep=rest) as outbox:
        await send(journal, 1)
        await until(lambda: bool(sink.seen))
        assert outbox.statuses == {"sink": "waiting: no route"}
        sink.tell()
        await until(lambda: bool(sink.taken))


async def test_a_sink_that_cannot_open_is_opened_again(journal: Journal) -> None:
    class Late(Scripted):
        attempts = 0

        async def __aenter__(self) -> "Late":
            self.attempts += 1
            if self.attempts < 3:
                raise SinkError("no such host")
            return self

    late = Late()
    async with Outbox(journal, {"late": late}, max_days=7, sleep=Clock().sleep) as outbox:
        await send(journal, 1)
        assert await outbox.drain(5)
    assert (late.attempts, sequences(late.taken)) == (3, [1])


async def test_what_a_broken_sink_raises_shows_in_its_status_and_nowhere_else(journal: Journal) -> None:
    forever, fine = asyncio.Event(), Scripted()

    async def rest(_: float) -> None:
        await forever.wait()

    broken = Scripted([ValueError("cannot reach mqtt://me:secret@host")])
    async with Outbox(journal, {"broken": broken, "fine": fine}, max_days=7, sleep=rest) as outbox:
        await send(journal, 1)
        await until(lambda: bool(fine.taken and outbox.failures["broken"]))
        assert outbox.statuses == {"broken": "failed: ValueError: cannot reach mqtt://***@host", "fine": "connected"}


async def test_what_nobody_fetched_for_days_expires_and_is_counted(tmp_path: Path) -> None:
    day = 0.0
    sink = Scripted()
    async with Journal.open(tmp_path / "journal.sqlite3", now=lambda: day * 86400) as journal:
        await journal.cursor("sink")
        await send(journal, 2)
        day = 8.0
        await send(journal, 1)
        async with Outbox(journal, {"sink": sink}, max_days=7) as outbox:
            assert await outbox.drain(5)
            assert outbox.expired == {"sink": 2}
    assert sequences(sink.taken) == [3]


async def test_what_has_expired_does_not_count_as_waiting(tmp_path: Path) -> None:
    day = 0.0
    sink, clock = Scripted([SinkError("no broker")] * 10_000), Clock()
    async with (
        Journal.open(tmp_path / "journal.sqlite3", now=lambda: day * 86400) as journal,
        Outbox(journal, {"sink": sink}, max_days=7, sleep=clock.sleep) as outbox,
    ):
        await send(journal, 2)
        day = 6.0
        await send(journal, 1)
        assert outbox.waiting == 3
        day = 8.0
        await outbox.expire()
        assert outbox.waiting == 1, "the third is young enough"
        day = 14.0
        await outbox.expire()
        assert (outbox.waiting, outbox.expired) == (0, {"sink": 3})
        await send(journal, 1)
        assert outbox.waiting == 1


# ---- sinks that refuse for one channel alone -------------------------------------------------------------------------


class ByChannel(Scripted):
    """Refuses for each channel as that one's script says."""

    per_channel = True

    def __init__(self, scripts: Mapping[str, Sequence[Exception | None]]) -> None:
        super().__init__()
        self._scripts = {channel: list(script) for channel, script in scripts.items()}

    async def deliver(self, event: Event) -> None:
        script = self._scripts.get(event.channel)
        self._script = [script.pop(0)] if script else []
        await super().deliver(event)

    def of(self, channel: str) -> list[int]:
        return [event.sequence for event in self.taken if event.channel == channel]


async def rest_for_ever(_: float) -> None:
    await asyncio.Event().wait()


async def tell(journal: Journal, channels: str) -> dict[str, list[int]]:
    """An alert of each, one after the other; channel -> its sequences."""
    told: dict[str, list[int]] = {}
    for channel in channels:
        told.setdefault(channel, []).append((await journal.append(channel, "update", {})).sequence)
    return told


@settings(max_examples=40, deadline=None)
@given(
    channels=st.text("xyz", min_size=1, max_size=12),
    scripts=st.fixed_dictionaries(
        {channel: st.lists(st.sampled_from([None, SinkError("not now"), ValueError("a bug")]), max_size=5) for channel in "xyz"}
    ),
    stops=st.lists(st.integers(1, 9), max_size=3),
)
async def test_whatever_it_refuses_for_whom_each_channel_s_alerts_come_in_order_once_over_restarts(
    channels: str, scripts: dict[str, list[Exception | None]], stops: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("outbox") / "journal.sqlite3"
    sink = ByChannel(scripts)
    async with Journal.open(path) as journal:
        await journal.cursor("sink")
        told = await tell(journal, channels)
    for stop in stops:
        async with Journal.open(path) as journal, Outbox(journal, {"sink": sink}, max_days=7, sleep=Clock().sleep):
            before = len(sink.seen)
            for _ in range(300):  # somewhere on the way
                if len(sink.seen) - before >= stop:
                    break
                await asyncio.sleep(0)
    async with Journal.open(path) as journal:
        async with Outbox(journal, {"sink": sink}, max_days=7, sleep=Clock().sleep) as outbox:
            assert await outbox.drain(5)
            assert outbox.waiting == 0
        assert await journal.held("sink") == {}
        assert await journal.cursor("sink") == len(channels)
    for channel, sequences in told.items():
        assert list(dict.fromkeys(sink.of(channel))) == sequences, "all of them, in order"
        assert len(sink.of(channel)) <= len(sequences) + len(stops), "again only what a stop cut off from its confirmation"


async def test_a_channel_that_is_refused_holds_up_no_other_and_is_counted_and_told(journal: Journal) -> None:
    sink = ByChannel({"x": [SinkError("x: denied")] * 9, "y": [SinkError("y: denied")] * 9})
    async with Outbox(journal, {"sink": sink}, max_days=7, sleep=rest_for_ever) as outbox:
        await tell(journal, "xzxzyz")
        await until(lambda: sink.of("z") == [2, 4, 6])
        await until(lambda: outbox.waiting == 3)
        assert outbox.statuses == {"sink": "waiting: x: denied (and 1 more channels)"}
        assert not await outbox.drain(0.01)
    assert sink.of("x") == sink.of("y") == []


async def test_a_sink_of_one_stream_goes_on_waiting_as_a_whole(journal: Journal) -> None:
    sink = Scripted([SinkError("not now")])
    async with Outbox(journal, {"sink": sink}, max_days=7, sleep=rest_for_ever) as outbox:
        await tell(journal, "xyz")
        await until(lambda: bool(sink.seen))
        assert not await outbox.drain(0.0)
        assert await journal.held("sink") == {}
        assert await outbox.drain(5)
    assert sequences(sink.taken) == [1, 2, 3]


async def test_a_folder_that_cannot_be_written_costs_other_channels_nothing_and_its_own_alerts_come_later(
    tmp_path: Path, journal: Journal
) -> None:
    """A file lies where x's folder should be; a new program finds it moved away."""

    def written(channel: str) -> list[int]:
        file = tmp_path / channel / FILENAME
        return [json.loads(line)["sequence"] for line in file.read_text().splitlines()] if file.exists() else []

    (tmp_path / "x").write_text("in the way")
    async with Outbox(journal, {"jsonl": Jsonl(tmp_path)}, max_days=7, sleep=rest_for_ever) as outbox:
        await tell(journal, "xyxy")
        await until(lambda: written("y") == [2, 4] and outbox.waiting == 2)
    (tmp_path / "x").unlink()
    async with Outbox(journal, {"jsonl": Jsonl(tmp_path)}, max_days=7, sleep=rest_for_ever) as outbox:
        assert outbox.waiting == 2
        await tell(journal, "x")
        assert await outbox.drain(5)
    assert written("x") == [1, 3, 5]
    assert written("y") == [2, 4]
