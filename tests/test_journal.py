"""The journal forgets nothing that it has taken, and never tells half of it."""

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.errors import JournalError
from stream_processor.finishing.draft import Draft
from stream_processor.journal import Journal, new_run_id
from stream_processor.journaling import rows
from stream_processor.journaling.ledger import Ledger
from stream_processor.records import (
    AudioFormat,
    Clip,
    Epoch,
    Highlight,
    Media,
    PaneScore,
    ScoredWindow,
    Sum,
    VideoFormat,
    Window,
    replace,
)

STARTED_AT = datetime(2026, 11, 20, 20, 15, tzinfo=UTC)
EPOCH = Epoch(0, 0.0, STARTED_AT, 1234.5, Media("flv", VideoFormat("h264", 1920, 1080, 59.94), AudioFormat("aac", 48000, 2)))
WINDOW = Window(0, 4, 12.0, 17.0, {"motion": 0.1, "loudness": 1 / 3}, (12, 17), arrived_at=99.25)
HIGHLIGHT = Highlight(
    id="h-0-4",
    epoch=0,
    start_seconds=12.0,
    end_seconds=17.0,
    peak_seconds=14.5,
    score=3.3,
    threshold=1.1,
    components=WINDOW.values,
    deviations={"motion": 2.5},
    windows=(ScoredWindow(WINDOW, 3.0, {"motion": 2.5}, 3.3, 1.1), ScoredWindow(WINDOW, 3.0, {"motion": 2.5})),
)
CLIP = Clip("a.mp4", 9.0, 10.0, "h264", 1920, 1080, None, "aac", "copy", "a.jpg")


def pane(number: int, **signals: Sum) -> PaneScore:
    return PaneScore(0, number, float(number), 1.0, signals)


async def begin(journal: Journal, channel: str = "x") -> str:
    return await journal.begin_run(
        channel, "demo", STARTED_AT, {"window": {"length_seconds": 5.0}}, signals={"motion": "farneback"}
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


# ---- what goes in comes out


async def test_a_run_comes_back_with_its_settings_baseline_and_signals(path: Path) -> None:
    async with Journal.open(path) as journal:
        run_id = await journal.begin_run(
            "x", "rtmp://h/app/***", STARTED_AT, {"peaks": {"percentile": 90.0}}, signals={"novelty": "light"}, baseline=[WINDOW]
        )
        run = await journal.run(run_id)
        assert run is not None
        assert (run.channel, run.source, run.started_at, run.ended_at) == ("x", "rtmp://h/app/***", STARTED_AT, None)
        assert run.settings == {"peaks": {"percentile": 90.0}}
        assert run.signals == {"novelty": "light"}
        assert run.baseline == (WINDOW,)
        await journal.end_run(run_id)
        ended = await journal.run(run_id)
        assert ended is not None
        assert ended.ended_at is not None


def test_runs_that_begin_in_the_same_second_have_different_ids_that_sort_by_time() -> None:
    first = {new_run_id(STARTED_AT) for _ in range(5000)}
    assert len(first) == 5000
    assert max(first) < new_run_id(STARTED_AT + timedelta(seconds=1))


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=25, deadline=None)  # each makes a database
@given(
    totals=st.lists(finite, min_size=1, max_size=5),
    fallen=st.dictionaries(st.sampled_from(["signal 9", "motion", "Öl"]), st.text(max_size=9), max_size=2),
)
def test_sums_of_a_pane_come_back_bit_for_bit_and_in_their_order(
    totals: list[float], fallen: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "journal.sqlite3")
    signals = {f"signal {9 - place}": Sum(total, place) for place, total in enumerate(totals)}
    scored = PaneScore(3, 7, 1 / 3, 0.1, signals, is_last=True, fallen=fallen)
    with ledger.transaction():
        ledger.add_panes([("run", scored)])
    (read,) = ledger.panes("run")
    ledger.close()
    assert read == scored
    assert list(read.signals) == list(signals)


@given(score=finite, threshold=finite, novelty=finite)
def test_a_highlight_comes_back_bit_for_bit(score: float, threshold: float, novelty: float) -> None:
    highlight = replace(
        HIGHLIGHT, score=score, threshold=threshold, components={"novelty": novelty}, windows=HIGHLIGHT.windows[:1]
    )
    assert rows.load_highlight(rows.dump_highlight(highlight)) == highlight


def test_a_window_that_peak_detection_has_not_seen_keeps_its_nan() -> None:
    unseen = rows.load_highlight(rows.dump_highlight(HIGHLIGHT)).windows[1]
    assert unseen.score != unseen.score
    assert unseen.window == WINDOW


def test_a_window_comes_back_with_the_signals_that_it_restarts() -> None:
    windows = (replace(WINDOW, restarts=frozenset({"motion", "novelty"})), WINDOW)
    assert rows.load_windows(rows.dump_windows(windows)) == windows


async def test_an_epoch_and_a_clip_come_back_whole(path: Path) -> None:
    async with Journal.open(path) as journal:
        run_id = await begin(journal)
        sound_only = replace(EPOCH, number=1, start_seconds=0.1 + 0.2, media=Media("wav", None, AudioFormat("pcm", 8000, 1)))
        await journal.add_epoch(run_id, EPOCH)
        await journal.add_epoch(run_id, sound_only)
        assert await journal.epoch(run_id, 0) == EPOCH
        assert await journal.epoch(run_id, 1) == sound_only
        assert await journal.epoch(run_id, 2) is None
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "closing", CLIP, None)
        assert (await journal.unfinished())[0].clip == CLIP


# ---- panes are batched, but never later than what was decided from them


async def test_panes_are_on_disk_no_later_than_the_highlight_made_from_them(path: Path) -> None:
    async with Journal.open(path, flush_seconds=3600) as journal:
        run_id = await begin(journal)
        for number in range(5):
            await journal.add_pane(run_id, pane(number, motion=Sum(float(number), 5)))
        reader = Ledger(path, read_only=True)
        assert list(reader.panes(run_id)) == []
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open")
        assert [found.number for found in reader.panes(run_id)] == [0, 1, 2, 3, 4]
        reader.close()


async def test_panes_are_written_by_themselves_after_a_while(path: Path) -> None:
    async with Journal.open(path, flush_seconds=0.01) as journal:
        run_id = await begin(journal)
        await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
        reader = Ledger(path, read_only=True)
        for _ in range(500):
            if list(reader.panes(run_id)):
                break
            await journal.last_sequence()  # lets the loop go round
        assert len(list(reader.panes(run_id))) == 1
        reader.close()


async def test_closing_writes_the_panes_that_were_held_back(path: Path) -> None:
    async with Journal.open(path, flush_seconds=3600) as journal:
        run_id = await begin(journal)
        await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
    reader = Ledger(path, read_only=True)
    assert len(list(reader.panes(run_id))) == 1
    reader.close()


# ---- highlights and alerts


async def test_a_highlight_and_its_alert_are_written_together(path: Path) -> None:
    async with Journal.open(path) as journal:
        run_id = await begin(journal)
        event = await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": "h-0-4"}))
        assert event is not None
        assert (event.type, event.channel, event.sequence) == ("new", "x", 1)
        assert await journal.events_after(0) == [event]
        assert [saved.highlight.id for saved in await journal.unfinished()] == ["h-0-4"]


async def test_nothing_of_a_highlight_is_written_when_its_alert_cannot_be(path: Path) -> None:
    async with Journal.open(path) as journal:
        run_id = await begin(journal)
        with pytest.raises(ValueError, match="is no alert"):
            await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("state", {}))  # type: ignore[arg-type]
        assert await journal.unfinished() == []


async def test_after_its_end_a_highlight_takes_nothing_more(path: Path) -> None:
    async with Journal.open(path) as journal:
        run_id = await begin(journal)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {}))
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "done", CLIP, alert=("end", {}))
        assert await journal.unfinished() == []
        for alert in ("update", "end"):
            with pytest.raises(JournalError, match="h-0-4 has ended already"):
                await journal.save_highlight(run_id, "x", HIGHLIGHT, "done", CLIP, alert=(alert, {}))
        assert [event.type for event in await journal.events_after(0)] == ["new", "end"]


async def test_listeners_hear_of_an_alert_once_it_is_safe(path: Path) -> None:
    async with Journal.open(path) as journal:
        heard: list[int] = []
        journal.subscribe(heard.append)
        await journal.append("x", "new", {})
        await journal.append("y", "new", {})
        assert heard == [1, 2]


def kill_after_new(path: Path) -> int:
    """A process that is killed right after it has journaled `new`; its exit status."""
    script = f"""
import asyncio, os, signal
from pathlib import Path
from tests.test_journal import HIGHLIGHT, begin, pane
from stream_processor.journal import Journal
from stream_processor.records import Sum
async def main():
    async with Journal.open(Path({str(path)!r}), flush_seconds=3600) as journal:
        run_id = await begin(journal)
        await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {{}}))
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    return subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent.parent, check=False).returncode


async def test_unfinished_highlights_and_their_alerts_survive_a_kill(path: Path) -> None:
    assert await asyncio.to_thread(kill_after_new, path) == -signal.SIGKILL
    async with Journal.open(path) as journal:
        (saved,) = await journal.unfinished()
        assert saved.state == "open"
        assert saved.highlight.windows[0] == HIGHLIGHT.windows[0]
        assert [event.type for event in await journal.events_after(0)] == ["new"]
        run = await journal.run(saved.run_id)
        assert run is not None
        assert run.ended_at is None


# ---- cursors and expiry


async def test_a_sink_never_seen_before_begins_with_what_comes_from_now_on(path: Path) -> None:
    async with Journal.open(path) as journal:
        await journal.append("x", "new", {})
        assert await journal.cursor("mqtt") == 1
        await journal.append("x", "end", {})
        assert await journal.cursor("mqtt") == 1
        await journal.move_cursor("mqtt", 2)
    async with Journal.open(path) as journal:
        assert await journal.cursor("mqtt") == 2


async def test_what_is_too_old_expires_and_is_counted_for_each_sink_that_never_got_it(path: Path) -> None:
    r"""
    days      0     1     2                9
    events    1     2     3                |
    slow     >|                            expire(7.5): 1 and 2 go
    quick           >|
    """
    day = 0.0

    def now() -> float:
        return day * 86400

    async with Journal.open(path, now=now) as journal:
        await journal.cursor("slow")
        await journal.cursor("quick")
        await journal.append("x", "new", {})
        day = 1.0
        await journal.append("x", "new", {})
        day = 2.0
        await journal.append("x", "new", {})
        await journal.move_cursor("quick", 1)
        day = 9.0
        assert await journal.expire(7.5, ["slow", "quick"]) == {"slow": 2, "quick": 1}
        assert [event.sequence for event in await journal.events_after(0)] == [3]
        assert await journal.expire(0.0, []) == {}
        assert (await journal.append("x", "new", {})).sequence == 4, "a number is never used again"


async def test_of_a_channel_that_a_sink_refuses_is_known_up_to_where_it_got_it_and_what_waits(path: Path) -> None:
    """
    events     x1   y2   x3   y4   x5
    cursor     ───────────────▶|          y was held before 2
    """
    async with Journal.open(path, now=lambda: 0.0) as journal:
        await journal.cursor("jsonl")
        for channel in "xyxyx":
            await journal.append(channel, "update", {})
        await journal.hold("jsonl", "y", 1)
        await journal.move_cursor("jsonl", 4)
    async with Journal.open(path, now=lambda: 86400.0) as journal:
        assert await journal.held("jsonl") == {"y": (1, 2)}
        assert await journal.held("mqtt") == {}
        assert [event.sequence for event in await journal.events_after(1, channel="y")] == [2, 4]
        await journal.hold("jsonl", "y", 2)
        assert await journal.held("jsonl") == {"y": (2, 1)}
        assert await journal.expire(0.5, ["jsonl"]) == {"jsonl": 2}, "4 of y, 5 of x"
        assert await journal.held("jsonl") == {"y": (2, 0)}
        await journal.release("jsonl", "y")
        assert await journal.held("jsonl") == {}


async def test_each_channel_keeps_its_own_baseline(path: Path) -> None:
    async with Journal.open(path) as journal:
        kinds = {"motion": "farneback", "loudness": "rms"}
        await journal.keep_baseline("x", [WINDOW], kinds)
        await journal.keep_baseline("x", [WINDOW, replace(WINDOW, number=5)], kinds)
        assert await journal.baseline("x", kinds) == (WINDOW, replace(WINDOW, number=5))
        assert await journal.baseline("y", kinds) == ()


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ({"motion": "farneback", "novelty": "clip", "loudness": "rms"}, {"motion", "loudness"}),
        ({"motion": "other", "novelty": "light", "loudness": "rms"}, {"loudness", "novelty"}),
        ({"motion": "farneback", "cheers": "count"}, {"motion"}),
    ],
)
async def test_of_a_baseline_only_what_is_still_measured_alike_is_used(now: dict[str, str], left: set[str], path: Path) -> None:
    window = replace(WINDOW, values={"motion": 0.1, "novelty": 0.2, "loudness": 0.3})
    async with Journal.open(path) as journal:
        await journal.keep_baseline("x", [window], {"motion": "farneback", "novelty": "light", "loudness": "rms"})
        (kept,) = await journal.baseline("x", now)
        assert kept == replace(window, values={signal: window.values[signal] for signal in window.values if signal in left})


async def test_a_baseline_of_nothing_but_other_kinds_is_none(path: Path) -> None:
    async with Journal.open(path) as journal:
        await journal.keep_baseline("x", [WINDOW], {"motion": "a", "loudness": "a"})
        assert await journal.baseline("x", {"motion": "b", "loudness": "b"}) == ()


# ---- the file


async def test_a_second_process_on_the_same_folder_is_refused(path: Path) -> None:
    async with Journal.open(path):
        with pytest.raises(JournalError, match="another process is writing its clips here"):
            async with Journal.open(path):
                pass
    async with Journal.open(path):
        pass


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"x" * 5000), lambda path: path.write_bytes(path.read_bytes()[:5000])]
)
async def test_a_damaged_journal_is_moved_aside_and_a_new_one_begun(path: Path, damage: Callable[[Path], object]) -> None:
    async with Journal.open(path) as journal:
        await begin(journal)
    damage(path)
    async with Journal.open(path, now=lambda: 0.0) as journal:
        assert journal.set_aside == path.with_name("journal.sqlite3.corrupt-19700101T000000Z")
        assert journal.set_aside.exists()
        await begin(journal)


async def test_someone_elses_database_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    with pytest.raises(JournalError, match="not a journal of this program"):
        async with Journal.open(path):
            pass
    assert not list(path.parent.glob("*corrupt*"))


async def test_a_journal_of_a_newer_version_is_refused(path: Path) -> None:
    async with Journal.open(path):
        pass
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(JournalError, match="newer version"):
        async with Journal.open(path):
            pass


async def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="file"):
        async with Journal.open(tmp_path / "file" / "journal.sqlite3"):
            pass


# ---- a disk that refuses ---------------------------------------------------------------------------------------------


class FullDisk:
    """Refuses the first ``times`` transactions as SQLite does on a full disk, whatever they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left = times
        add_panes = Ledger.add_panes

        def refuse_or_add(ledger: Ledger, panes: object) -> None:
            if self.left > 0:
                self.left -= 1
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            add_panes(ledger, panes)  # type: ignore[arg-type]

        monkeypatch.setattr(Ledger, "add_panes", refuse_or_add)


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_a_full_disk_delays_what_is_written_and_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Journal.open(path, flush_seconds=1e6, sleep=no_wait) as journal:
        run_id = await begin(journal)
        disk = FullDisk(monkeypatch, times=5)
        await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
        first, second = await asyncio.gather(journal.append("x", "new", {"id": "a"}), journal.append("x", "end", {"id": "a"}))
        assert disk.left == 0
        assert first.sequence < second.sequence
        assert [event.type for event in await journal.events_after(0)] == ["new", "end"]
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM panes").fetchone() == (1,)
    database.close()


async def test_at_the_end_of_a_run_a_disk_that_goes_on_refusing_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Journal.open(path, flush_seconds=1e6, sleep=no_wait) as journal:
        await begin(journal)
        FullDisk(monkeypatch, times=10**6)
        journal.hurry()
        with pytest.raises(JournalError, match="disk is full"):
            await journal.append("x", "new", {"id": "a"})


async def until_refused_for_good(journal: Journal) -> None:
    """The panes' own task asks the disk as often as it may at a run's end, and gives up."""
    while not journal._flusher.done():  # noqa: ASYNC110 # what is waited for has no event to offer
        await asyncio.sleep(0)


async def test_panes_that_were_given_up_are_tried_once_more_at_closing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Journal.open(path, flush_seconds=0.0, sleep=no_wait) as journal:
        run_id = await begin(journal)
        disk = FullDisk(monkeypatch, times=10**6)
        journal.hurry()
        await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
        await until_refused_for_good(journal)
        disk.left = 0
    with contextlib.closing(Ledger(path, read_only=True)) as reader:
        assert [found.number for found in reader.panes(run_id)] == [0]


async def test_a_caller_that_is_cancelled_while_it_writes_leaves_no_pane_written_twice(path: Path) -> None:
    async with Journal.open(path, flush_seconds=1e6) as journal:
        run_id = await begin(journal)
        for number in range(20):
            await journal.add_pane(run_id, pane(number, motion=Sum(1.0, 5)))
            task = asyncio.create_task(journal.flush())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        await journal.flush()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*), count(DISTINCT number) FROM panes").fetchone() == (20, 20)
    database.close()


# ---- finishing -------------------------------------------------------------------------------------------------------


async def test_what_finishing_came_to_is_known_after_a_restart_word_for_word(tmp_path: Path) -> None:
    draft = Draft(HIGHLIGHT, 1 / 3, 20.1, repeat_of="h-0-1").moved("scene", "später", end_seconds=20.7).dropped("ranking", "7th")
    async with Journal.open(tmp_path / "j") as journal:
        run_id = await begin(journal)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "closing")
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "closing", draft=draft)
    async with Journal.open(tmp_path / "j") as journal:
        (saved,) = await journal.unfinished()
    assert saved.draft is not None
    assert replace(saved.draft, highlight=HIGHLIGHT) == draft, "NaN is no NaN's equal"
    assert [note.moved for note in saved.draft.notes] == [("end",), ()]
