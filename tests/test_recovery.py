"""What a start finds of an earlier run that did not end well."""

from pathlib import Path

from stream_processor.clips import SPOOL_FOLDER
from stream_processor.cut import FfmpegCutter
from stream_processor.journal import FILENAME, Journal
from stream_processor.recovery import complete_unfinished
from stream_processor.settings import ClipSettings
from tests.test_journal import CLIP, EPOCH, HIGHLIGHT, begin


async def test_a_spool_that_no_highlight_was_told_of_is_removed(tmp_path: Path) -> None:
    spool = tmp_path / "x" / SPOOL_FOLDER / "somebody-0-1.mkv"
    spool.parent.mkdir(parents=True)
    spool.write_bytes(b"half")
    async with Journal.open(tmp_path / FILENAME) as journal:
        await complete_unfinished(journal, tmp_path, lambda channel: (ClipSettings(), FfmpegCutter()))
    assert not spool.exists()


async def test_a_highlight_without_a_spool_gets_its_end_with_the_reason(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / FILENAME) as journal:
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": HIGHLIGHT.id}))
        await complete_unfinished(journal, tmp_path, lambda channel: (ClipSettings(), FfmpegCutter()))
        assert await journal.unfinished() == []
        told = await journal.events_after(0)
    assert [event.type for event in told] == ["new", "end"]
    assert told[-1].payload["clip_reason"] == "the program ended before any of it was on disk"


async def test_a_highlight_that_was_done_is_left_alone(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / FILENAME) as journal:
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "done", CLIP, alert=("end", {"id": HIGHLIGHT.id}))
        await complete_unfinished(journal, tmp_path, lambda channel: (ClipSettings(), FfmpegCutter()))
        assert len(await journal.events_after(0)) == 1
