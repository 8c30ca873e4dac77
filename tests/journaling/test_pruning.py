"""
started   1 Nov          20 Nov                         30 Nov: now
run       |p p p p p p p p p p p …                      journal_days = 5: what lies before the 25th goes
          └── goes ───────────────────┘└── stays ──┘
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stream_processor.commands.recordings import read_journal
from stream_processor.journal import Journal
from stream_processor.journaling.ledger import Ledger
from stream_processor.journaling.pruning import AT_ONCE, Pruned
from stream_processor.journaling.rows import Run, SavedHighlight
from stream_processor.records import AudioFormat, Epoch, Highlight, Media, PaneScore, ScoredWindow, Sum, Window

NOW = datetime(2026, 11, 30, tzinfo=UTC)
DAY = 86400.0
WINDOW = Window(0, 0, 0.0, 5.0, {"motion": 0.1}, (0, 5))
MEDIA = Media("mpegts", None, AudioFormat("aac", 48000, 2))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "journal.sqlite3")) as opened:
        yield opened


def begin(ledger: Ledger, run_id: str, days_ago: float, channel: str = "one", lasts_days: float | None = None) -> None:
    started_at = NOW - timedelta(days=days_ago)
    with ledger.transaction():
        ledger.add_run(Run(run_id, channel, "demo", started_at, None, {}, (), {"motion": "farneback"}))
        ledger.add_epoch(run_id, Epoch(0, 0.0, started_at, 0.0, MEDIA))
        if lasts_days is not None:
            ledger.end_run(run_id, started_at + timedelta(days=lasts_days))


def panes(ledger: Ledger, run_id: str, days: list[float], epoch: int = 0) -> None:
    """Panes at these days of the run's stream."""
    scored = [PaneScore(epoch, int(day * DAY), day * DAY, 1.0, {"motion": Sum(1.0, 5), "loudness": Sum(1.0, 9)}) for day in days]
    with ledger.transaction():
        ledger.add_panes([(run_id, pane) for pane in scored])


def highlight(ledger: Ledger, run_id: str, id: str, day: float, state: str, epoch: int = 0) -> None:
    told = Highlight(
        id=id, epoch=epoch, start_seconds=day * DAY, end_seconds=day * DAY + 9, peak_seconds=day * DAY, score=1.0, threshold=0.5,
        components={}, deviations={}, windows=(ScoredWindow(WINDOW, 1.0, {}),),
    )  # fmt: skip
    with ledger.transaction():
        ledger.save_highlight(SavedHighlight(run_id, "one", state, told, None, None))  # type: ignore[arg-type]


def prune(ledger: Ledger, days: float) -> Pruned:
    """All of it."""
    total = Pruned()
    while True:
        with ledger.transaction():
            gone = ledger.prune(NOW - timedelta(days=days))
        if gone == Pruned():
            return total
        total += gone


def counts(ledger: Ledger) -> Mapping[str, int]:
    names = ("runs", "epochs", "panes", "sums", "highlights", "baselines", "events")
    return {name: ledger._db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def test_of_a_run_that_goes_on_only_what_is_old_goes(ledger: Ledger) -> None:
    begin(ledger, "long", days_ago=29)
    panes(ledger, "long", [0.0, 10.0, 20.0, 23.9, 24.1, 28.9])
    assert prune(ledger, 5).panes == 4
    assert [pane.start_seconds / DAY for pane in ledger.panes("long")] == [24.1, 28.9]
    assert counts(ledger)["sums"] == 4


def test_of_a_run_that_is_over_nothing_remains(ledger: Ledger) -> None:
    begin(ledger, "over", days_ago=20, lasts_days=1)
    panes(ledger, "over", [0.0, 0.5])
    highlight(ledger, "over", "h", 0.5, "done")
    with ledger.transaction():
        ledger.keep_baseline("one", [WINDOW], {"motion": "farneback"})
    assert prune(ledger, 5) == Pruned(panes=2, highlights=1, runs=1, baselines=1)
    assert set(counts(ledger).values()) == {0}


def test_the_baseline_of_a_channel_that_was_seen_since_stays(ledger: Ledger) -> None:
    begin(ledger, "old", days_ago=20, lasts_days=1)
    begin(ledger, "new", days_ago=2, lasts_days=1)
    with ledger.transaction():
        ledger.keep_baseline("one", [WINDOW], {"motion": "farneback"})
    assert prune(ledger, 5).runs == 1
    assert counts(ledger)["baselines"] == 1


def test_an_unfinished_highlight_keeps_its_run_and_its_epoch_however_old(ledger: Ledger) -> None:
    begin(ledger, "killed", days_ago=20, lasts_days=1)
    begin(ledger, "later", days_ago=1)
    panes(ledger, "killed", [0.0, 0.5])
    highlight(ledger, "killed", "open", 0.1, "open")
    highlight(ledger, "killed", "done", 0.1, "done")
    prune(ledger, 5)
    assert [saved.highlight.id for saved in ledger.unfinished()] == ["open"]
    assert ledger.epoch("killed", 0) is not None
    assert [run.id for run in ledger.runs()] == ["killed", "later"]
    assert list(ledger.panes("killed")) == []


def test_epochs_go_with_their_panes_and_the_one_in_use_stays(ledger: Ledger) -> None:
    begin(ledger, "long", days_ago=29)
    with ledger.transaction():
        for number in (1, 2, 3):
            ledger.add_epoch("long", Epoch(number, number * DAY, NOW, 0.0, MEDIA))
    panes(ledger, "long", [0.0], epoch=0)
    panes(ledger, "long", [1.0, 2.0], epoch=1)
    panes(ledger, "long", [28.0], epoch=2)
    assert prune(ledger, 5).epochs == 2
    assert [ledger.epoch("long", number) is not None for number in range(4)] == [False, False, True, True]


def test_a_run_in_progress_stays_even_when_nothing_came_for_long(ledger: Ledger) -> None:
    begin(ledger, "waits", days_ago=29)
    panes(ledger, "waits", [0.0])
    prune(ledger, 5)
    assert [run.id for run in ledger.runs()] == ["waits"]
    assert ledger.epoch("waits", 0) is not None


def test_a_killed_run_goes_once_its_channel_had_another(ledger: Ledger) -> None:
    begin(ledger, "killed", days_ago=29)
    begin(ledger, "of another channel", days_ago=1, channel="two")
    assert prune(ledger, 5).runs == 0
    begin(ledger, "next", days_ago=1)
    assert prune(ledger, 5).runs == 1


def test_a_run_begun_before_the_clock_was_set_counts_from_the_next(ledger: Ledger) -> None:
    begin(ledger, "1970", days_ago=(NOW - datetime(1970, 1, 1, 0, 5, tzinfo=UTC)) / timedelta(days=1))
    panes(ledger, "1970", [0.0])
    assert prune(ledger, 5).panes == 0
    begin(ledger, "dated", days_ago=20, channel="two")
    assert prune(ledger, 5).panes == 1


def test_alerts_are_the_outbox_s_own(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.append("new", "one", "{}", 0.0)
    prune(ledger, 0.001)
    assert counts(ledger)["events"] == 1


def test_a_transaction_is_small_however_much_is_old(ledger: Ledger) -> None:
    begin(ledger, "long", days_ago=29)
    panes(ledger, "long", [number / DAY for number in range(3 * AT_ONCE)])
    with ledger.transaction():
        assert ledger.prune(NOW) == Pruned(panes=AT_ONCE)
    assert counts(ledger)["panes"] == 2 * AT_ONCE


def test_the_file_gives_back_what_was_forgotten(ledger: Ledger, tmp_path: Path) -> None:
    begin(ledger, "long", days_ago=29)
    for day in range(20):
        panes(ledger, "long", [day + second / DAY for second in range(1000)])
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    full = (tmp_path / "journal.sqlite3").stat().st_size
    assert prune(ledger, 1).panes == 20_000
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert (tmp_path / "journal.sqlite3").stat().st_size < full / 4


def test_day_after_day_the_file_stays_as_large_as_its_days(ledger: Ledger, tmp_path: Path) -> None:
    begin(ledger, "long", days_ago=30)
    sizes = []
    for day in range(30):
        panes(ledger, "long", [day + second / DAY for second in range(500)])
        prune(ledger, 30 - day + 3)  # three days are kept
        ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        sizes.append((tmp_path / "journal.sqlite3").stat().st_size)
    assert max(sizes[6:]) <= 1.2 * sizes[6]


def test_a_journal_of_before_forgets_too_and_uses_its_room_again(tmp_path: Path) -> None:
    """One whose file was made without the ability to shrink."""
    path = tmp_path / "journal.sqlite3"
    with closing(Ledger(path)):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA auto_vacuum = NONE")
        database.execute("VACUUM")
    with closing(Ledger(path)) as ledger:
        begin(ledger, "long", days_ago=29)
        for day in range(5):
            panes(ledger, "long", [day + second / DAY for second in range(1000)])
        ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        full = path.stat().st_size
        assert prune(ledger, 1).panes == 5000
        for day in range(24, 28):
            panes(ledger, "long", [day + second / DAY for second in range(1000)])
        ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert path.stat().st_size == full


async def test_decisions_go_on_between_two_steps_and_the_rest_can_still_be_replayed(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / "journal.sqlite3", now=NOW.timestamp) as journal:
        run_id = await journal.begin_run("one", "demo", NOW - timedelta(days=10), {}, signals={"motion": "farneback"})
        for number in range(2 * AT_ONCE):
            await journal.add_pane(run_id, PaneScore(0, number, number * 864.0, 1.0, {"motion": Sum(1.0, 5)}))
        gone = 0
        while (step := await journal.prune(5.0)) != Pruned():
            gone += step.panes
            await journal.append("one", "new", {})
        assert gone == AT_ONCE
    left = read_journal(tmp_path / "journal.sqlite3", None).panes
    assert [pane.number for pane in left] == list(range(AT_ONCE, 2 * AT_ONCE))
