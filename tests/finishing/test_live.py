"""Finishing beside the stream: a closed highlight waits for what follows it, and no longer than it must.

stream     0 ──[10 ═══ highlight ═══ 14]──┤16            planned with 2 s on either side
known      ├─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼─┼▶      a pane a second
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from stream_processor.finishing.contract import Step
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.evidence import LiveEvidence
from stream_processor.finishing.live import Finished, LiveFinishing, plan
from stream_processor.packets import PacketRing
from stream_processor.records import PaneScore, Samples, replace
from stream_processor.settings import RingSettings
from tests.channel import NOON, highlight
from tests.finishing.odd_steps import Doing
from tests.test_journal import EPOCH
from tests.test_packets import PACKET_BYTES, fill

EPOCH_0 = replace(EPOCH, started_at=NOON)
EPOCH_1 = replace(EPOCH, number=1, start_seconds=100.0, started_at=NOON)
PLANNED = plan(highlight(10.0, 14.0), EPOCH_0, pre_roll_seconds=2.0, post_roll_seconds=2.0)


class Looking(Doing):
    """Remembers its evidence, and what it could see of it."""

    def __init__(self, reach_seconds: float) -> None:
        super().__init__(lambda given: given, "looking", reach_seconds)
        self.bounds: list[tuple[float, float]] = []
        self.seen: list[list[float]] = []
        self.placed: list[float | None] = []
        self.evidence: list[LiveEvidence] = []
        self.then: Callable[[Draft], Draft] = lambda draft: draft

    def finish(self, draft: Draft, evidence: Any) -> Draft:
        self.evidence.append(evidence)
        self.bounds.append(evidence.bounds)
        self.seen.append(list(evidence.trace("scene", -1000.0, 1000.0).times))
        self.placed.append(evidence.first_frame_after_cut(draft.start_seconds, draft.start_seconds + 0.2))
        return self.then(draft)


class Live:
    """A stream that comes a second at a time."""

    def __init__(self, *steps: Step, max_mb: float = 100.0) -> None:
        self.ring = PacketRing(RingSettings.model_construct(seconds=20.0, max_mb=max_mb))
        self.delivered: list[Finished] = []
        self.asked: list[tuple[int, float, float]] = []
        self.finishing = LiveFinishing(
            steps, self.delivered.append, ring=self.ring, place=self._place, trace_seconds=60.0, channel="x"
        )

    def _place(self, ring: PacketRing, epoch: int, template: Any, before: float, after: float, is_cancelled: Any) -> float | None:
        self.asked.append((epoch, before, after))
        return before + 0.125

    async def come(self, *numbers: int, epoch: Any = EPOCH_0, is_last: bool = False) -> None:
        for number in numbers:
            traces = {"scene": Samples(np.array([number + 0.5]), np.ones(1))}
            start = epoch.start_seconds + number
            self.finishing.see(PaneScore(epoch.number, number, start, 1.0, {}, is_last=is_last, traces=traces), epoch)
            await self.finishing.advance()
        await self.finishing.drain()

    def close(self, draft: Draft = PLANNED, epoch: Any = EPOCH_0, begins_seconds: float = 0.0) -> float:
        return self.finishing.expect(draft, epoch, None, begins_seconds)  # type: ignore[arg-type]

    @property
    def done(self) -> list[str]:
        return [finished.draft.highlight.id for finished in self.delivered]


@pytest.fixture
async def look() -> AsyncIterator[tuple[Live, Looking]]:
    step = Looking(reach_seconds=1.5)
    live = Live(step)
    yield live, step
    await live.finishing.close()


def test_the_plan_is_the_highlight_with_its_rolls_and_begins_no_earlier_than_its_epoch() -> None:
    assert (PLANNED.start_seconds, PLANNED.end_seconds, PLANNED.notes) == (8.0, 16.0, ())
    early = plan(highlight(101.0, 104.0), EPOCH_1, pre_roll_seconds=3.0, post_roll_seconds=2.0)
    assert early.start_seconds == 100.0


async def test_it_waits_until_so_much_is_known_as_the_steps_may_look_ahead(look: tuple[Live, Looking]) -> None:
    #  ══14]──┤16··│17.5   the pane [17, 18) is the first that reaches so far
    live, _ = look
    await live.come(*range(14))
    assert live.close() == 17.5
    await live.come(14, 15, 16)
    assert live.done == []
    await live.come(17)
    assert live.done == ["a-0-1"]


async def test_what_is_known_already_is_not_waited_for(look: tuple[Live, Looking]) -> None:
    live, _ = look
    await live.come(*range(25))
    live.close()
    await live.finishing.advance()
    await live.finishing.drain()
    assert live.done == ["a-0-1"]


async def test_at_the_end_of_its_epoch_there_is_no_more_to_wait_for_and_the_bounds_say_so(look: tuple[Live, Looking]) -> None:
    live, step = look
    await live.come(*range(16))
    live.close()
    await live.come(16, is_last=True)
    assert live.done == ["a-0-1"]
    assert step.bounds == [(6.5, 17.0)]


async def test_the_next_epoch_s_first_pane_ends_it_as_well_and_shows_nothing_of_itself(look: tuple[Live, Looking]) -> None:
    live, step = look
    await live.come(*range(16))
    live.close()
    await live.come(0, epoch=EPOCH_1)
    assert live.done == ["a-0-1"]
    assert step.bounds == [(6.5, 16.0)], "the plan itself is always within"
    assert max(step.seen[0]) < 16.0


async def test_at_the_end_of_the_stream_everything_is_finished_in_the_order_of_closing(look: tuple[Live, Looking]) -> None:
    live, _ = look
    await live.come(*range(14))
    for name in ("b", "a"):
        live.close(plan(highlight(10.0, 14.0, id=name), EPOCH_0, pre_roll_seconds=2.0, post_roll_seconds=2.0))
    await live.finishing.advance(is_over=True)
    await live.finishing.drain()
    assert live.done == ["b", "a"]


async def test_one_that_is_overdue_is_finished_with_what_is_known(look: tuple[Live, Looking]) -> None:
    live, step = look
    await live.come(*range(15))
    live.close()
    live.finishing.overdue("somebody else")
    await live.finishing.advance()
    assert live.done == []
    live.finishing.overdue("a-0-1")
    await live.finishing.advance()
    await live.finishing.drain()
    assert live.done == ["a-0-1"]
    assert step.bounds == [(6.5, 17.5)]


@pytest.mark.parametrize(("begins", "earliest"), [(0.0, 6.5), (7.25, 7.25), (9.0, 8.0)])
async def test_a_clip_begins_no_earlier_than_there_are_packets(
    look: tuple[Live, Looking], begins: float, earliest: float
) -> None:
    live, step = look
    live.close(begins_seconds=begins)
    await live.come(*range(18))
    assert step.bounds[0][0] == earliest, "the plan itself is always within"


async def test_cuts_are_placed_in_epoch_time_and_come_back_in_stream_time(look: tuple[Live, Looking]) -> None:
    live, step = look
    live.close(plan(highlight(110.0, 114.0, epoch=1), EPOCH_1, pre_roll_seconds=2.0, post_roll_seconds=2.0), EPOCH_1, 100.0)
    await live.come(*range(18), epoch=EPOCH_1)
    assert live.asked == [(1, 8.0, pytest.approx(8.2))]
    assert step.placed == [108.125]


async def test_the_ring_holds_its_packets_while_the_steps_are_at_work_and_no_longer(look: tuple[Live, Looking]) -> None:
    #  ring of 20 s   ├──── 0 … 18 ────┤        at work: a file is read far ahead, and the packets from 6.5 s on stay
    live, step = look
    held: list[float] = []

    def read_on(draft: Draft) -> Draft:
        fill(live.ring, " ".join(f"K{second}" for second in range(19, 60)))
        held.append(live.ring.state().seconds)
        return draft

    step.then = read_on
    fill(live.ring, " ".join(f"K{second}" for second in range(19)))
    live.close()
    await live.come(*range(18))
    assert held == [59.0 - 6.0], "from the keyframe before 6.5 s on"
    assert step.evidence[0].is_closed
    assert step.evidence[0].first_frame_after_cut(8.0, 8.2) is None
    fill(live.ring, "K60")
    assert live.ring.state().seconds == 20.0
    assert live.ring.state().unread == 0


async def test_packets_that_the_steps_might_have_wanted_and_that_had_to_go_are_not_counted_as_lost() -> None:
    step = Looking(reach_seconds=1.5)
    live = Live(step, max_mb=30 * PACKET_BYTES / 1e6)

    def read_on(draft: Draft) -> Draft:
        fill(live.ring, " ".join(f"K{second}" for second in range(19, 60)))
        return draft

    step.then = read_on
    fill(live.ring, " ".join(f"K{second}" for second in range(19)))
    live.close()
    await live.come(*range(18))
    assert live.ring.state().seconds == 29.0, "all that fits in"
    assert live.ring.state().unread == 0
    await live.finishing.close()
