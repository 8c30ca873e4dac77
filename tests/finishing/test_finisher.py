"""Steps one after the other over one highlight after the other; whatever one of them does, each clip is made, and soon."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from stream_processor.finishing.contract import Step
from stream_processor.finishing.draft import Draft, Note
from stream_processor.finishing.evidence import LiveEvidence
from stream_processor.finishing.finisher import MOST_WAITING, Finisher
from stream_processor.finishing.traces import Seen
from stream_processor.records import Highlight, replace
from tests.finishing.odd_steps import Doing, Hanging

BOUNDS = (0.0, 30.0)


def draft(id: str = "r-0-1") -> Draft:
    return Draft(Highlight(id, 0, 10.0, 14.0, 12.0, 0.9, 0.4, {}, {}), 9.0, 15.0)


def later(seconds: float, name: str = "later") -> Doing:
    return Doing(lambda given: given.moved(name, "later", start_seconds=given.start_seconds + seconds), name)


class Held:
    """Evidence, and whether it was let go of."""

    def __init__(self) -> None:
        self.released = 0
        self.evidence = LiveEvidence(BOUNDS, Seen({}, ()), self._release)

    def _release(self) -> None:
        self.released += 1


class Running:
    def __init__(self, finisher: Finisher, delivered: list[Draft]) -> None:
        self.finisher, self.delivered = finisher, delivered

    async def finish(self, *drafts: Draft) -> list[Draft]:
        for one in drafts:
            await self.finisher.submit(one, Held().evidence)
        await self.finisher.drain()
        return self.delivered


@asynccontextmanager
async def running(*steps: Step, step_seconds: float = 60.0) -> AsyncIterator[Running]:
    delivered: list[Draft] = []
    finisher = Finisher(steps, delivered.append, channel="x", step_seconds=step_seconds)
    yield Running(finisher, delivered)
    await finisher.close()


def words(made: Draft) -> list[str]:
    return [f"{note.step}: {note.reason}" for note in made.notes]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 # what is waited for has no event to offer
            await asyncio.sleep(0)


# ---- what steps are for ----------------------------------------------------------------------------------------------


async def test_each_step_goes_on_from_what_the_one_before_has_made() -> None:
    async with running(later(1.0, "a"), later(0.5, "b")) as run:
        (made,) = await run.finish(draft())
    assert made.start_seconds == 10.5
    assert words(made) == ["a: later", "b: later"]


async def test_after_one_that_keeps_no_file_there_is_no_other_and_its_note_is_the_last() -> None:
    after = later(0.5)
    async with running(later(0.5), Doing(lambda given: given.dropped("odd", "a repeat")), after) as run:
        (made,) = await run.finish(draft())
    assert words(made) == ["later: later", "odd: a repeat"]
    assert not made.keep
    assert after.given == []


async def test_drafts_come_back_in_the_order_in_which_they_were_given() -> None:
    ids = [f"r-0-{number}" for number in range(3 * MOST_WAITING)]
    step = later(0.5)
    async with running(step) as run:
        made = await run.finish(*map(draft, ids))
    assert [one.highlight.id for one in made] == ids
    assert [one.highlight.id for one in step.given] == ids, "a step may remember what was before"


async def test_the_evidence_is_let_go_of_when_the_steps_are_through() -> None:
    held = Held()
    async with running(Doing(lambda given: given.noted("a", "held" if held.released == 0 else "gone"), "a")) as run:
        await run.finisher.submit(draft(), held.evidence)
        await run.finisher.drain()
        assert words(run.delivered[0]) == ["a: held"]
    assert held.released == 1


# ---- a step that does what it must not -------------------------------------------------------------------------------


def explode(_: Draft) -> Draft:
    raise ZeroDivisionError("a bug in a step")


def leave(_: Draft) -> Draft:
    raise SystemExit("no more")


def moved(start: float, end: float) -> Callable[[Draft], Draft]:
    return lambda given: given.moved("odd", "why not", start_seconds=start, end_seconds=end)


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        (explode, "it failed (ZeroDivisionError)"),
        (leave, "it failed (SystemExit)"),
        (lambda _: None, "it gave NoneType instead of a Draft"),
        (lambda given: replace(given, highlight=replace(given.highlight, id="another")), "it changed the highlight"),
        (lambda given: replace(given, highlight=replace(given.highlight, score=1.0)), "it changed the highlight"),
        (lambda given: given.noted("odd", 7), "its notes are no words"),
        (lambda given: replace(given, notes=None), "its notes are no words"),
        (lambda given: replace(given, notes=(*given.notes, Note("odd", "why", ("middle",)))), "its notes are no words"),
        (lambda given: replace(given, notes=(*given.notes, Note("odd", "why", 7))), "it failed (TypeError)"),
        (lambda given: replace(given, notes=()), "it took back another step's note"),
        (lambda given: replace(given, keep=None), "it says neither yes nor no"),
        (lambda given: replace(given, repeat_of=3), "it says neither yes nor no"),
        (lambda given: replace(given, keep=False), "it keeps no file and does not say why"),
        (lambda given: given.moved("odd", "why", start_seconds="1", end_seconds="2"), "its boundaries are no numbers"),
        (lambda given: given.moved("odd", "why", start_seconds=np.float32(9.5)), "its boundaries are no numbers"),
        (moved(9.0, math.inf), "it moved the clip out of time"),
        (moved(-1.0, 15.0), "it moved the clip out of its bounds"),
        (moved(9.0, 30.1), "it moved the clip out of its bounds"),
        (moved(12.1, 15.0), "it cut off the highlight's peak"),
        (moved(9.0, 11.9), "it cut off the highlight's peak"),
    ],
)
async def test_the_clip_goes_on_without_it_and_says_so(what: Callable[[Draft], Any], complaint: str) -> None:
    before = draft().noted("first", "was here")
    with capture_logs() as said:
        async with running(Doing(what), later(0.5)) as run:
            (made,) = await run.finish(before)
    assert words(made) == ["first: was here", f"odd: left out: {complaint}", "later: later"]
    assert (made.keep, made.repeat_of, made.start_seconds, made.end_seconds) == (True, None, 9.5, 15.0)
    assert run.finisher.failures == {"odd": 1}
    assert [line["step"] for line in said if line["log_level"] == "warning"] == ["odd"]


async def test_one_that_fails_again_and_again_is_said_once_and_counted() -> None:
    with capture_logs() as said:
        async with running(Doing(explode)) as run:
            await run.finish(*[draft(str(number)) for number in range(3)])
    assert run.finisher.failures == {"odd": 3}
    assert len(said) == 1
    assert said[0]["reason"] == "ZeroDivisionError: a bug in a step"


async def test_a_boundary_may_lie_on_the_bounds_and_on_the_peak() -> None:
    async with running(Doing(moved(0.0, 30.0)), Doing(moved(12.0, 30.0), "b")) as run:
        (made,) = await run.finish(draft())
    assert words(made) == ["odd: why not", "odd: why not"]


# ---- a step that hangs -----------------------------------------------------------------------------------------------


async def test_one_that_hangs_is_waited_for_once_and_left_out_until_it_comes_back() -> None:
    #  a  ├─ hangs ──────────────────── released ┤
    #  b   does not wait for it                     c   has it again
    hanging = Hanging()
    async with running(hanging, later(0.5), step_seconds=0.05) as run:
        made = list(await run.finish(draft("a"), draft("b")))
        assert len(hanging.given) == 1, "no second thread hangs in it"
        hanging.released.set()
        await until(lambda: all(task.done() for task in run.finisher._hanging.values()))
        (*_, last) = await run.finish(draft("c"))
    assert [words(one)[0] for one in made] == [
        "hanging: left out: it took longer than 0.05 s",
        "hanging: left out: it still ponders over an earlier highlight",
    ]
    assert words(last) == ["later: later"]
    assert run.finisher.failures == {"hanging": 2}


async def test_whoever_has_more_highlights_than_may_wait_waits_too() -> None:
    hanging = Hanging()
    async with running(hanging) as run:
        for number in range(MOST_WAITING + 1):  # one is at work
            await run.finisher.submit(draft(str(number)), Held().evidence)
            await until(hanging.began.is_set)
        one_more = asyncio.ensure_future(run.finisher.submit(draft("more"), Held().evidence))
        await asyncio.sleep(0)
        assert not one_more.done()
        hanging.released.set()
        await one_more
        await run.finisher.drain()
        assert len(run.delivered) == MOST_WAITING + 2


async def test_at_the_end_nobody_waits_for_a_step_and_all_that_was_given_comes_back() -> None:
    hanging = Hanging()
    async with running(hanging, later(0.5)) as run:
        for number in range(3):
            await run.finisher.submit(draft(str(number)), Held().evidence)
        await until(hanging.began.is_set)
        assert run.finisher.at_work == "hanging"
        run.finisher.leave()
        await run.finisher.drain()
        hanging.released.set()
    assert [one.highlight.id for one in run.delivered] == ["0", "1", "2"]
    assert all(words(one)[0] == "hanging: left out: the program was to end" for one in run.delivered)
    assert run.finisher.failures == {}, "no fault of the step"


async def test_what_is_given_after_that_comes_back_as_it_is() -> None:
    step = later(0.5)
    async with running(step) as run:
        run.finisher.leave()
        (made,) = await run.finish(draft())
    assert (made.start_seconds, step.given) == (9.0, [])
    assert made.notes == (Note("later", "left out: the program was to end"),)
