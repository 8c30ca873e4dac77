"""The journal's file is damaged, removed or locked, before a run or in the middle of it: the run goes on and no alert is lost."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.errors import JournalError
from stream_processor.journal import Journal
from stream_processor.journaling.journal_errors import Refused
from stream_processor.journaling.journal_file import set_aside
from stream_processor.journaling.ledger import Ledger
from stream_processor.records import Sum
from tests.test_journal import EPOCH, HIGHLIGHT, begin, pane

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "journal.sqlite3"


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


def opened(path: Path) -> Journal:
    return Journal.open(path, flush_seconds=1e6, sleep=no_wait)


async def filled(path: Path, alerts: int = 3) -> str:
    """A journal with a run, an epoch, panes, an unfinished highlight, and alerts of which `mqtt` has the first."""
    async with opened(path) as journal:
        await journal.cursor("mqtt")
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        for number in range(200):
            await journal.add_pane(run_id, pane(number, motion=Sum(1.0, 5), novelty=Sum(0.5, 5), loudness=Sum(0.1, 40)))
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": 1}))
        for number in range(1, alerts):
            await journal.append("x", "update", {"id": number + 1})
        await journal.move_cursor("mqtt", 1)
    return run_id


def asides(path: Path) -> list[str]:
    found = {file.name for kind in ("corrupt", "replaced") for file in path.parent.glob(f"{path.name}.{kind}-*")}
    return sorted(name for name in found if not name.endswith(("-wal", "-shm")))


async def test_of_journals_set_aside_the_last_three_are_kept_with_all_that_belongs_to_them(path: Path) -> None:
    clock = iter([*(86_400.0 * day for day in (5, 6, 7)), *[86_400.0 * 8] * 2, 0.0])
    path.parent.mkdir()
    bystanders = [
        path.with_name(name) for name in ("journal.sqlite3.bak", "journal.sqlite3.corrupt-old", "x.corrupt-19700101T000000Z")
    ]
    for each in bystanders:
        each.write_text("not ours")
    kept = []
    for at in clock:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).write_text("damaged")
        kept.append(set_aside(path, at).name)
        assert kept[-1] in asides(path), "the last one stays, whatever the clock says"
    before = ["corrupt-19700109T000000Z", "corrupt-19700109T000000Z-2"]
    assert kept[3:] == [f"journal.sqlite3.{name}" for name in (*before, "corrupt-19700101T000000Z")]
    assert {name for name in asides(path) if "1970" in name} == set(kept[3:])
    assert sorted(file.name for file in path.parent.glob("*-wal")) == sorted(f"{name}-wal" for name in kept[3:])
    assert all(each.exists() for each in bystanders)


def statement(text: str) -> Callable[[Path], None]:
    def execute(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(text)

    return execute


def overwrite(start: int, data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(data)

    return write


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no database": lambda path: path.write_bytes(b"x" * 5000),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: 3 * PAGE + 100]),
    "a folder": directory,
    "a schema that never was": statement("PRAGMA user_version = 0"),
    "a negative schema": statement("PRAGMA user_version = -7"),
    "a table is missing": statement("DROP TABLE cursors"),
    "a column is missing": statement("ALTER TABLE highlights DROP COLUMN reason"),
    "a row that makes no sense": statement("UPDATE highlights SET highlight = substr(highlight, 9)"),
    "an alert that makes no sense": statement("UPDATE events SET payload = '{' WHERE sequence = 2"),
    "a text that is none": statement("UPDATE events SET payload = CAST(x'7bff7d' AS TEXT) WHERE sequence = 2"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_whatever_was_done_to_it_it_is_set_aside_and_the_next_run_journals(
    path: Path, damage: Callable[[Path], object]
) -> None:
    await filled(path)
    damage(path)
    async with opened(path) as journal:
        await journal.unfinished()
        cursor = await journal.cursor("mqtt")
        await journal.events_after(cursor)
        assert journal.set_aside is not None
        assert journal.set_aside.exists()
        event = await journal.append("x", "new", {"id": "after"})
        assert event.sequence is not None
        assert event.sequence > cursor, "no sink may take it for one that it has"
        assert (await journal.events_after(cursor))[-1] == event
    assert len(asides(path)) == 1


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0.0, 0.999), size=st.sampled_from([1, 16, 700, 5000]), byte=st.integers(0, 255))
async def test_wherever_bytes_are_flipped_it_opens_or_is_set_aside(
    place: float, size: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("flipped") / "journal.sqlite3"
    await filled(path)
    overwrite(int(place * path.stat().st_size), bytes([byte]) * size)(path)
    refused = None
    try:
        async with opened(path) as journal:
            await journal.cursor("mqtt")
            await journal.unfinished()
            run_id = await begin(journal)
            await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
            event = await journal.append("x", "new", {})
            assert (await journal.events_after((event.sequence or 0) - 1))[-1].sequence == event.sequence
    except JournalError as error:
        refused = str(error)
    if refused is not None:  # its very head: somebody else's, or of the future
        assert "newer version" in refused or "not a journal of this program" in refused


async def test_where_only_panes_are_damaged_nothing_else_is_lost(path: Path) -> None:
    run_id = await filled(path)
    statement("DROP TABLE sums")(path)
    async with opened(path) as journal:
        assert journal.set_aside is not None
        assert await journal.cursor("mqtt") == 1
        assert [event.payload["id"] for event in await journal.events_after(1)] == [2, 3]
        assert [saved.highlight.id for saved in await journal.unfinished()] == [HIGHLIGHT.id]
        assert await journal.epoch(run_id, 0) == EPOCH
        run = await journal.run(run_id)
        assert run is not None


async def test_damage_that_shows_only_in_mid_run_costs_no_open_highlight_and_no_alert(path: Path) -> None:
    r"""
    alerts    1 new   2   3  ✗ zeros over file and log   4 update   5 end
    mqtt      ─▶1
    """
    async with opened(path) as journal:
        await journal.cursor("mqtt")
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": 1}))
        await journal.append("x", "update", {"id": 2})
        await journal.append("x", "update", {"id": 3})
        await journal.move_cursor("mqtt", 1)
        for file in (path, path.with_name(path.name + "-wal")):
            file.write_bytes(bytes(file.stat().st_size))
        await journal.add_pane(run_id, pane(0, motion=Sum(1.0, 5)))
        await journal._keeper.read(forget)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("update", {"id": 4}))
        assert journal.set_aside is not None
        last = await journal.save_highlight(run_id, "x", HIGHLIGHT, "done", None, "lost", alert=("end", {"id": "end"}))
        told = await journal.events_after(await journal.cursor("mqtt"))
        assert [event.payload.get("id") for event in told] == [2, 3, 4, "end"]
        assert told[-1] == last
        assert [event.sequence for event in told] == [2, 3, 4, 5]
        assert await journal.unfinished() == []
        assert await journal.epoch(run_id, 0) == EPOCH
    async with opened(path) as journal:
        run = await journal.run(run_id)
        assert run is not None
        assert await journal.cursor("mqtt") == 1


def forget(ledger: Ledger) -> None:
    """What SQLite remembers of the file, so that it reads it again, as after a while it does by itself."""
    ledger._db.execute("PRAGMA shrink_memory").fetchall()


@pytest.mark.parametrize("gone", ["removed", "moved away", "replaced by an older copy"])
async def test_a_file_that_goes_in_mid_run_is_made_anew_with_all_that_was_in_it(path: Path, gone: str) -> None:
    await filled(path)
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    async with opened(path) as journal:
        await journal.append("x", "update", {"id": 4})
        if gone == "removed":
            shutil.rmtree(path.parent)
        elif gone == "moved away":
            path.parent.rename(path.parent.with_name("elsewhere"))
        else:
            copy.replace(path)
        await journal.append("x", "end", {"id": 5})
        with pytest.raises(JournalError, match="another process is writing"):
            await opened(path).__aenter__()
        assert [event.payload["id"] for event in await journal.events_after(0)] == [1, 2, 3, 4, 5]
    async with opened(path) as journal:
        assert [event.payload["id"] for event in await journal.events_after(0)] == [1, 2, 3, 4, 5]
        assert len(await journal.unfinished()) == 1
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM panes").fetchone() == (200,)
    assert asides(path) == ([name for name in asides(path) if ".replaced-" in name] if gone.startswith("replaced") else [])


async def test_where_its_folder_cannot_be_made_again_it_waits_until_it_can(path: Path) -> None:
    async with Journal.open(path, flush_seconds=1e6, sleep=lambda _: give_way(path.parent)) as journal:
        shutil.rmtree(path.parent)
        path.parent.write_text("in the way")
        await journal.append("x", "new", {"id": 1})
    assert asides(path) == []
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (1,)


async def give_way(folder: Path) -> None:
    await asyncio.to_thread(folder.unlink, missing_ok=True)


async def test_a_lock_of_another_program_makes_it_wait_and_loses_nothing(path: Path) -> None:
    async with opened(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        waited = 0

        async def release(_seconds: float) -> None:
            nonlocal waited
            waited += 1
            if waited == 2:
                other.execute("COMMIT")

        async with Journal.open(path, flush_seconds=1e6, sleep=release) as journal:
            other.execute("BEGIN IMMEDIATE")
            await journal.append("x", "new", {"id": 1})
            assert waited == 2
            assert len(await journal.events_after(0)) == 1


async def test_a_lock_at_the_start_is_one_clear_line(path: Path) -> None:
    await filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused, match="locked by another program"):
            await opened(path).__aenter__()


async def test_a_disk_that_damages_whatever_it_is_given_is_not_filled_with_journals(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as journal:

        def damaged(*_: object) -> None:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        monkeypatch.setattr("stream_processor.journaling.ledger.Ledger.append", damaged)
        journal.hurry()
        with pytest.raises(JournalError, match="damaged"):
            await journal.append("x", "new", {})
        assert len(asides(path)) == 1
