"""Real clips' files and a real journal; only clocks are given."""

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from stream_processor.errors import JournalError
from stream_processor.journal import Journal
from stream_processor.operations import housekeeping
from stream_processor.operations.housekeeping import Housekeeping
from stream_processor.operations.retention import KeptClip
from stream_processor.operations.shelf import Shelf
from stream_processor.records import Highlight, PaneScore, ScoredWindow, Sum, Window
from stream_processor.settings import OutputSettings

DAY = 86400.0
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


class Times:
    """A wall clock and a monotonic one that go together, unless somebody sets the wall clock."""

    def __init__(self) -> None:
        self.wall, self.monotonic = NOW, 0.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def now(self) -> float:
        return self.wall

    def clock(self) -> float:
        return self.monotonic


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
async def journal(tmp_path: Path, times: Times) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "journal.sqlite3", now=times.now) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def clip(output: Path, id: str, *, days_ago: float, score: float = 1.0, kilobytes: int = 1000) -> None:
    stem = f"20261120T201500Z-{id}"
    (output / "one").mkdir(exist_ok=True)
    with (output / "one" / f"{stem}.mp4").open("wb") as file:
        file.truncate(kilobytes * 1000)
    sidecar = output / "one" / f"{stem}.json"
    sidecar.write_text(json.dumps({"schema": 1, "id": id, "filename": f"{stem}.mp4", "picture": None, "score": score}))
    os.utime(sidecar, (NOW - days_ago * DAY,) * 2)


def left(output: Path) -> set[str]:
    clips = {path.stem.partition("-")[2] for path in (output / "one").glob("*.mp4")}
    assert clips == {path.stem.partition("-")[2] for path in (output / "one").glob("*.json")}
    return clips


def keeper(journal: Journal, output: Path, times: Times, **settings: float) -> Housekeeping:
    return Housekeeping(output, OutputSettings(folder=output, **settings), journal, now=times.now, clock=times.clock)


async def save(journal: Journal, id: str, state: str) -> None:
    window = ScoredWindow(Window(0, 0, 0.0, 5.0, {"motion": 0.1}, (0, 5)), 1.0, {})
    told = Highlight(id, 0, 0.0, 9.0, 1.0, 1.0, 0.5, {}, {}, (window,))
    await journal.save_highlight("run", "one", told, state)  # type: ignore[arg-type]


async def test_what_is_over_either_bound_goes_and_is_said(journal: Journal, tmp_path: Path, times: Times) -> None:
    for days_ago in (40, 41, 40.5):  # whatever order the folder has them in
        clip(tmp_path, f"ancient{days_ago}", days_ago=days_ago, score=9.0)
    clip(tmp_path, "low", days_ago=2.01, score=0.5)
    clip(tmp_path, "high", days_ago=2.0, score=5.0)
    clip(tmp_path, "new", days_ago=1, score=0.1)
    keeping = keeper(journal, tmp_path, times, max_days=30, max_gb=0.0025)
    with capture_logs() as said:
        await keeping.look_after_clips()
    assert left(tmp_path) == {"high", "new"}
    assert [(line["event"], line["clips"], line["oldest"].partition("-")[2]) for line in said] == [
        ("removed clips for output.max_days", 3, "ancient41"),
        ("removed clips for output.max_gb", 1, "low"),
    ]
    assert keeping.clips_removed == 4


async def test_without_bounds_nothing_is_even_looked_at(journal: Journal, tmp_path: Path, times: Times) -> None:
    clip(tmp_path, "ancient", days_ago=4000)
    keeping = keeper(journal, tmp_path / "not there", times)
    await keeping.look_after_clips()
    assert left(tmp_path) == {"ancient"}


async def test_the_clip_of_a_highlight_that_is_not_finished_stays(journal: Journal, tmp_path: Path, times: Times) -> None:
    clip(tmp_path, "closing", days_ago=40)
    clip(tmp_path, "done", days_ago=40)
    await save(journal, "closing", "closing")
    await save(journal, "done", "done")
    await keeper(journal, tmp_path, times, max_days=30).look_after_clips()
    assert left(tmp_path) == {"closing"}


async def test_a_bound_that_cannot_be_kept_is_said_once_until_it_is_well_again(
    journal: Journal, tmp_path: Path, times: Times
) -> None:
    clip(tmp_path, "new", days_ago=0)
    keeping = keeper(journal, tmp_path, times, max_gb=0.0001)
    with capture_logs() as said:
        await keeping.look_after_clips()
        await keeping.look_after_clips()
        times.pass_(61)
        await keeping.look_after_clips()
    assert [line["event"] for line in said] == ["clips take more than output.max_gb", "removed clips for output.max_gb"]


async def test_a_clip_that_cannot_be_removed_is_said_and_tried_again(journal: Journal, tmp_path: Path, times: Times) -> None:
    clip(tmp_path, "stuck", days_ago=40)
    clip(tmp_path, "old", days_ago=40)
    in_its_way = tmp_path / "one" / ".20261120T201500Z-stuck.json.gone"
    (in_its_way / "x").mkdir(parents=True)  # a folder under that name: refused for root, too
    keeping = keeper(journal, tmp_path, times, max_days=30)
    with capture_logs() as said:
        await keeping.look_after_clips()
        await keeping.look_after_clips()
    assert left(tmp_path) == {"stuck"}
    (line,) = [line for line in said if line["log_level"] == "warning"]
    assert line["reason"] == "one/20261120T201500Z-stuck: Is a directory"
    (in_its_way / "x").rmdir()
    in_its_way.rmdir()
    await keeping.look_after_clips()
    assert left(tmp_path) == set()


async def test_a_clock_that_has_just_jumped_ahead_removes_nothing_for_its_age(
    journal: Journal, tmp_path: Path, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    rounds    first ── jump by 60 days ── second ── third
    removed   nothing                     nothing   what is then still old
    """
    clip(tmp_path, "young", days_ago=1)
    keeping = keeper(journal, tmp_path, times, max_days=30)
    await keeping.look_after()
    times.wall += 60 * DAY
    await keeping.look_after()
    assert left(tmp_path) == {"young"}
    times.pass_(3600)
    await keeping.look_after()
    assert left(tmp_path) == set()


async def test_the_journal_forgets_in_the_same_round(journal: Journal, tmp_path: Path, times: Times) -> None:
    run_id = await journal.begin_run("one", "demo", datetime.fromtimestamp(NOW - 40 * DAY, UTC), {}, signals={})
    await journal.add_pane(run_id, PaneScore(0, 0, 0.0, 1.0, {"motion": Sum(1.0, 5)}))
    with capture_logs() as said:
        await keeper(journal, tmp_path, times, journal_days=0).look_after()
        assert said == []
        await keeper(journal, tmp_path, times).look_after()
    assert [(line["event"], line["panes"]) for line in said] == [
        ("the journal has forgotten what was older than output.journal_days", 1)
    ]


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 # what it waits for are files
            await asyncio.sleep(0.01)


async def test_it_looks_at_the_start_and_again_when_an_alert_tells_that_a_clip_may_have_come(
    journal: Journal, tmp_path: Path, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_PAUSE_SECONDS", 0.0)
    clip(tmp_path, "a", days_ago=3)
    clip(tmp_path, "b", days_ago=2)
    async with keeper(journal, tmp_path, times, max_gb=0.0015):
        await until(lambda: left_loosely(tmp_path) == {"b"})
        clip(tmp_path, "c", days_ago=1)
        await save(journal, "c", "done")
        await journal.append("one", "end", {})
        await until(lambda: left_loosely(tmp_path) == {"c"})


def left_loosely(output: Path) -> set[str]:
    """While somebody is at it."""
    return {path.stem.partition("-")[2] for path in (output / "one").glob("*.mp4")}


async def test_it_looks_every_hour(journal: Journal, tmp_path: Path, times: Times, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_PAUSE_SECONDS", 0.0)
    clip(tmp_path, "a", days_ago=29.99)
    async with keeper(journal, tmp_path, times, max_days=30) as keeping:
        await until(lambda: keeping._seen is not None)
        times.pass_(3599)
        seen = keeping._seen
        for _ in range(100):
            await asyncio.sleep(0)
        assert keeping._seen == seen
        times.pass_(2)
        await until(lambda: left_loosely(tmp_path) == set())


async def test_whatever_fails_in_it_ends_nothing(
    journal: Journal, tmp_path: Path, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(housekeeping, "_EVERY_SECONDS", 0.0)
    troubles: Iterator[Exception] = iter([JournalError("busy"), RuntimeError("a bug"), OSError(5, "Input/output error")])
    unfinished = journal.unfinished

    async def failing() -> object:
        for trouble in troubles:
            raise trouble
        return await unfinished()

    monkeypatch.setattr(journal, "unfinished", failing)
    clip(tmp_path, "old", days_ago=40)
    async with keeper(journal, tmp_path, times, max_days=30):
        await until(lambda: left_loosely(tmp_path) == set())


async def test_a_round_that_is_under_way_at_the_program_s_end_removes_no_more(
    journal: Journal, tmp_path: Path, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    #  removing  a ──── hangs ────── done │ b, c, … stay
    #  program   ──────── ends ✗
    for number in range(5):
        clip(tmp_path, f"old{number}", days_ago=40, kilobytes=1)
    hangs, goes_on, remove = threading.Event(), threading.Event(), Shelf.remove

    def slowly(shelf: Shelf, kept: KeptClip) -> None:
        hangs.set()
        assert goes_on.wait(60)
        remove(shelf, kept)

    monkeypatch.setattr(Shelf, "remove", slowly)
    async with keeper(journal, tmp_path, times, max_days=30):
        await until(hangs.is_set)
    goes_on.set()
    await until(lambda: all(thread.name != "housekeeping" for thread in threading.enumerate()))
    assert len(left(tmp_path)) == 4


async def test_the_program_s_end_waits_for_no_round(journal: Journal, tmp_path: Path, times: Times) -> None:
    for number in range(300):
        clip(tmp_path, f"old{number}", days_ago=40, kilobytes=1)
    async with asyncio.timeout(30):
        async with keeper(journal, tmp_path, times, max_days=30):
            await asyncio.sleep(0)
        with contextlib.suppress(FileNotFoundError):
            left_loosely(tmp_path)
