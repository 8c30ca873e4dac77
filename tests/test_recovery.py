"""What a start finds of an earlier run that did not end well."""

from dataclasses import replace
from pathlib import Path

import pytest

from stream_processor.clips import SPOOL_FOLDER
from stream_processor.cut import CutJob, FfmpegCutter
from stream_processor.errors import ClipWriteError
from stream_processor.journal import FILENAME, Journal
from stream_processor.records import Clip
from stream_processor.recovery import ClipsOf, complete, find_unfinished
from stream_processor.settings import ClipSettings
from tests.test_journal import CLIP, EPOCH, HIGHLIGHT, begin

IDS = ["a-0-1", "a-0-2", "a-0-3"]


def clips_of(cutter: "FfmpegCutter | Cutting") -> ClipsOf:
    return lambda channel: (ClipSettings(), cutter)


class Cutting:
    """A cutter that notes what it is given; ``refusals`` of the first cuts are refused by the disk."""

    def __init__(self, refusals: int = 0) -> None:
        self.spools: list[str] = []
        self._refusals = refusals

    def cut(self, job: CutJob) -> Clip:
        self.spools.append(job.spool.stem)
        if len(self.spools) <= self._refusals:
            raise ClipWriteError("only 3 MB free")
        return CLIP


def spool_of(output: Path, highlight_id: str) -> Path:
    spool = output / "x" / SPOOL_FOLDER / f"{highlight_id}.mkv"
    spool.parent.mkdir(parents=True, exist_ok=True)
    spool.write_bytes(b"half")
    return spool


async def leave_open(journal: Journal, output: Path) -> list[Path]:
    """A run that was killed with three highlights open. Their spools."""
    run_id = await begin(journal)
    await journal.add_epoch(run_id, EPOCH)
    for highlight_id in IDS:
        highlight = replace(HIGHLIGHT, id=highlight_id)
        await journal.save_highlight(run_id, "x", highlight, "open", alert=("new", {"id": highlight_id}))
    return [spool_of(output, highlight_id) for highlight_id in IDS]


async def test_a_spool_that_no_highlight_was_told_of_is_removed_and_the_others_are_not(tmp_path: Path) -> None:
    stray = spool_of(tmp_path, "somebody-0-1")
    async with Journal.open(tmp_path / FILENAME) as journal:
        spools = await leave_open(journal, tmp_path)
        unfinished = await find_unfinished(journal, tmp_path)
    assert [saved.highlight.id for saved in unfinished] == IDS
    assert not stray.exists()
    assert all(spool.exists() for spool in spools)


async def test_spools_of_the_running_channels_are_left_alone(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / FILENAME) as journal:
        spools = await leave_open(journal, tmp_path)
        unfinished = await find_unfinished(journal, tmp_path)
        ours = spool_of(tmp_path, "now-0-1")
        await complete(unfinished, journal, tmp_path, clips_of(Cutting()))
        assert await journal.unfinished() == []
    assert not any(spool.exists() for spool in spools)
    assert ours.exists()


async def test_a_stop_leaves_the_rest_for_the_next_start(tmp_path: Path) -> None:
    cutting = Cutting()
    async with Journal.open(tmp_path / FILENAME) as journal:
        spools = await leave_open(journal, tmp_path)
        unfinished = await find_unfinished(journal, tmp_path)
        await complete(unfinished, journal, tmp_path, clips_of(cutting), lambda: len(cutting.spools) == 1)
        assert cutting.spools == IDS[:1]
        assert [spool.exists() for spool in spools] == [False, True, True]

        await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(cutting))
        assert cutting.spools == IDS
        assert await journal.unfinished() == []
        assert [event.type for event in await journal.events_after(0)] == ["new"] * 3 + ["end"] * 3


async def test_what_the_disk_refuses_is_kept_for_the_next_start_and_the_others_are_not_held_up(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / FILENAME) as journal:
        spools = await leave_open(journal, tmp_path)
        await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(Cutting(refusals=1)))
        assert [saved.highlight.id for saved in await journal.unfinished()] == IDS[:1]
    assert [spool.exists() for spool in spools] == [True, False, False]


@pytest.mark.parametrize("knows_epoch", [True, False])
async def test_a_highlight_without_a_spool_or_an_epoch_gets_its_end_with_the_reason(tmp_path: Path, knows_epoch: bool) -> None:
    async with Journal.open(tmp_path / FILENAME) as journal:
        run_id = await begin(journal)
        if knows_epoch:
            await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": HIGHLIGHT.id}))
        await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(FfmpegCutter()))
        assert await journal.unfinished() == []
        told = await journal.events_after(0)
    assert [event.type for event in told] == ["new", "end"]
    reason = "the program ended before any of it was on disk" if knows_epoch else "its epoch is not known"
    assert told[-1].payload["clip_reason"] == reason


async def test_a_highlight_that_was_done_is_left_alone(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / FILENAME) as journal:
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "done", CLIP, alert=("end", {"id": HIGHLIGHT.id}))
        assert await find_unfinished(journal, tmp_path) == []
        assert len(await journal.events_after(0)) == 1
