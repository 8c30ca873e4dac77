"""alerts.jsonl holds every alert once, as whole lines, whatever happened in between."""

import asyncio
import errno
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.jsonl import FILENAME, OLDER, Jsonl
from stream_processor.delivering.outbox import Outbox
from stream_processor.errors import SinkError
from stream_processor.journal import Journal
from stream_processor.records import Event


def alert(sequence: int, **payload: Any) -> Event:
    return Event("update", "x", payload or {"id": f"h{sequence}"}, sequence)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "x" / FILENAME).read_text(encoding="utf-8").splitlines()]


async def test_each_alert_is_a_line(tmp_path: Path) -> None:
    async with Jsonl(tmp_path) as sink:
        await sink.deliver(Event("new", "x", {"id": "ö\nü"}, 1))
        await sink.deliver(Event("end", "x", {"id": "ö\nü", "clip": None}, 2))
    assert lines(tmp_path) == [
        {"sequence": 1, "type": "new", "highlight": {"id": "ö\nü"}},
        {"sequence": 2, "type": "end", "highlight": {"id": "ö\nü", "clip": None}},
    ]


async def test_passing_news_is_not_written(tmp_path: Path) -> None:
    async with Jsonl(tmp_path) as sink:
        await sink.deliver(Event("state", "x", {"state": "live"}))
    assert not (tmp_path / "x").exists()


async def test_channels_have_files_of_their_own(tmp_path: Path) -> None:
    async with Jsonl(tmp_path) as sink:
        await sink.deliver(Event("new", "x", {}, 1))
        await sink.deliver(Event("new", "y", {}, 2))
    assert (tmp_path / "y" / FILENAME).read_bytes() == b'{"sequence":2,"type":"new","highlight":{}}\n'
    assert len(lines(tmp_path)) == 1


async def test_an_alert_that_comes_again_after_a_kill_is_not_doubled(tmp_path: Path) -> None:
    async with Jsonl(tmp_path) as sink:
        await sink.deliver(alert(1))
        await sink.deliver(alert(2))
    async with Jsonl(tmp_path) as sink:
        await sink.deliver(alert(2))
        await sink.deliver(alert(3))
    assert [line["sequence"] for line in lines(tmp_path)] == [1, 2, 3]


async def test_a_new_journal_that_counts_from_one_again_loses_nothing(tmp_path: Path) -> None:
    async with Jsonl(tmp_path) as sink:
        await sink.deliver(alert(1, id="before"))
        await sink.deliver(alert(1, id="after"))
    assert [line["highlight"]["id"] for line in lines(tmp_path)] == ["before", "after"]


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 100_000), min_size=1, max_size=3), cut=st.integers(1, 200_000))
async def test_wherever_a_crash_tore_the_last_line_the_alert_stands_there_once_in_the_end(
    sizes: list[int], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    events = [alert(number, id="i" * size) for number, size in enumerate(sizes, start=1)]
    async with Jsonl(folder) as sink:
        for event in events:
            await sink.deliver(event)
    path = folder / "x" / FILENAME
    whole = path.read_bytes()
    last_line = len(whole) - (whole[:-1].rfind(b"\n") + 1)
    path.write_bytes(whole[: len(whole) - min(cut, last_line)])
    async with Jsonl(folder) as sink:
        await sink.deliver(events[-1])
    assert path.read_bytes() == whole


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
async def test_a_full_disk_is_an_error_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / FILENAME).symlink_to(FULL)
    async with Jsonl(tmp_path) as sink:
        with pytest.raises(SinkError, match="No space left on device"):
            await sink.deliver(alert(1))


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a file in the way")
    async with Jsonl(tmp_path) as sink:
        with pytest.raises(SinkError, match=f"{FILENAME}.*") as raised:
            await sink.deliver(alert(1))
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno in (errno.EEXIST, errno.ENOTDIR)


async def test_no_channel_leads_out_of_the_output_folder(tmp_path: Path) -> None:
    async with Jsonl(tmp_path / "out") as sink:
        with pytest.raises(SinkError, match="does not lie under"):
            await sink.deliver(Event("new", "../x", {}, 1))


async def test_a_file_that_would_grow_too_large_takes_the_older_one_s_place(tmp_path: Path) -> None:
    async with Jsonl(tmp_path, max_mb=0.001) as sink:
        for sequence in range(1, 101):
            await sink.deliver(alert(sequence))
    folder = tmp_path / "x"
    assert sorted(path.name for path in folder.iterdir()) == [OLDER, FILENAME]
    assert all(path.stat().st_size <= 1000 for path in folder.iterdir())
    older = [json.loads(line)["sequence"] for line in (folder / OLDER).read_text().splitlines()]
    newer = [line["sequence"] for line in lines(tmp_path)]
    assert older + newer == list(range(older[0], 101))


async def test_an_alert_that_comes_again_after_a_kill_is_not_doubled_by_a_full_file(tmp_path: Path) -> None:
    for sequence in range(1, 40):
        for _ in range(2):  # each comes twice, to a program that was begun anew
            async with Jsonl(tmp_path, max_mb=0.001) as sink:
                await sink.deliver(alert(sequence))
    both = (tmp_path / "x" / OLDER).read_text() + (tmp_path / "x" / FILENAME).read_text()
    sequences = [json.loads(line)["sequence"] for line in both.splitlines()]
    assert sequences == list(range(sequences[0], 40))


async def test_an_alert_larger_than_the_file_may_be_is_written_all_the_same(tmp_path: Path) -> None:
    async with Jsonl(tmp_path, max_mb=0.001) as sink:
        await sink.deliver(alert(1))
        await sink.deliver(alert(2, text="x" * 5000))
        await sink.deliver(alert(3))
    assert [line["sequence"] for line in lines(tmp_path)] == [3]
    assert '"sequence":2' in (tmp_path / "x" / OLDER).read_text()


class Hanging(Jsonl):
    """One channel's folder lies on a server that is away: whoever asks for it waits until it is back."""

    def __init__(self, folder: Path, channel: str) -> None:
        super().__init__(folder, answer_seconds=0.05)
        self._channel = channel
        self.asked = 0
        self.back = threading.Event()

    def _append(self, event: Event) -> None:
        if event.channel == self._channel:
            self.asked += 1
            self.back.wait()
        super()._append(event)


async def test_a_folder_that_does_not_answer_is_refused_and_asked_by_no_second_thread(tmp_path: Path) -> None:
    sink = Hanging(tmp_path, "x")
    for _ in range(5):
        with pytest.raises(SinkError, match="does not answer"):
            await sink.deliver(alert(1))
    await sink.deliver(Event("new", "y", {}, 2))
    assert sink.asked == 1
    sink.back.set()
    while sink._unanswered:  # noqa: ASYNC110 # what is waited for has no event to offer
        await asyncio.sleep(0)
    await sink.deliver(alert(1))
    assert [line["sequence"] for line in lines(tmp_path)] == [1], "the late one and its repetition are one"


async def test_a_hanging_folder_holds_up_no_other_channel_and_gets_its_alerts_when_it_answers(tmp_path: Path) -> None:
    sink = Hanging(tmp_path / "out", "x")
    async with (
        Journal.open(tmp_path / "journal.sqlite3") as journal,
        Outbox(journal, {"jsonl": sink}, max_days=7) as outbox,
    ):
        for channel in "xyxy":
            await journal.append(channel, "update", {})
        assert not await outbox.drain(0.5)
        assert len((tmp_path / "out" / "y" / FILENAME).read_text().splitlines()) == 2
        sink.back.set()
        while outbox.waiting:
            await outbox.drain(0.1)
    assert len((tmp_path / "out" / "x" / FILENAME).read_text().splitlines()) == 2
