"""alerts.jsonl holds every alert once, as whole lines, whatever happened in between."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.jsonl import FILENAME, Jsonl
from stream_processor.errors import SinkError
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
