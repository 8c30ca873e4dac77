"""What a start finds of an earlier run that did not end well."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stream_processor.clipping.cut import CutJob, FfmpegCutter
from stream_processor.clipping.spool import SpoolWriter
from stream_processor.clips import SPOOL_FOLDER
from stream_processor.errors import ClipWriteError
from stream_processor.finishing.draft import Draft
from stream_processor.journal import FILENAME, Journal
from stream_processor.records import Clip, Event
from stream_processor.recovery import MOST_TRIES, ClipsOf, complete, find_unfinished, recover
from stream_processor.settings import ClipSettings
from tests.channel import highlight, read
from tests.clip_reader import play
from tests.media_maker import FPS
from tests.test_journal import CLIP, EPOCH, HIGHLIGHT, begin

IDS = ["a-0-1", "a-0-2", "a-0-3"]


def clips_of(cutter: "FfmpegCutter | Cutting") -> ClipsOf:
    return lambda channel: (ClipSettings(), cutter)


class Cutting:
    """A cutter that notes what it is given; ``refusals`` of the first cuts are refused by the disk."""

    def __init__(self, refusals: int = 0, error: Exception | None = None) -> None:
        self.spools: list[str] = []
        self.ends: list[float] = []
        self.starts: list[float] = []
        self._refusals = refusals
        self._error = error or ClipWriteError("only 3 MB free")

    def cut(self, job: CutJob) -> Clip:
        self.spools.append(job.spool.stem)
        self.ends.append(job.end_seconds)
        self.starts.append(job.start_seconds)
        if len(self.spools) <= self._refusals:
            raise self._error
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


async def test_of_one_that_was_open_all_of_the_spool_is_cut_and_of_one_that_was_closing_what_was_decided(tmp_path: Path) -> None:
    #  open      ──[═══ decided so far ]░░░░░ spool ░░│ killed     all of it
    #  closing   ──[═══════════════════]──│ post-roll              no more than was decided
    cutting, told = Cutting(), list[str | None]()
    async with Journal.open(tmp_path / FILENAME) as journal:
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        for highlight_id, state in (("a-0-1", "open"), ("a-0-2", "closing")):
            highlight = replace(HIGHLIGHT, id=highlight_id)
            await journal.save_highlight(run_id, "x", highlight, state, alert=("new", {"id": highlight_id}))  # type: ignore[arg-type]
            spool_of(tmp_path, highlight_id)
        await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(cutting))
        told = [event.payload["clip_reason"] for event in await journal.events_after(0) if event.type == "end"]
    assert cutting.ends[0] > 1e6
    assert cutting.ends[1] == HIGHLIGHT.end_seconds - EPOCH.start_seconds + ClipSettings().post_roll_seconds
    assert told == ["the program ended while it was open: this is all that was on disk", None]


FINISHED = Draft(HIGHLIGHT, 8.25, 21.5).noted("scene", "start moved 0.4 s earlier, to a cut at 8.25 s")


async def after_a_crash(output: Path, draft: Draft | None, cutting: Cutting) -> list[Event]:
    """A highlight that was closing, its finishing journaled as ``draft``; all that was told of it in the end."""
    async with Journal.open(output / FILENAME) as journal:
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": HIGHLIGHT.id}))
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "closing")
        if draft is not None:
            await journal.save_highlight(run_id, "x", HIGHLIGHT, "closing", draft=draft, alert=("update", {"id": HIGHLIGHT.id}))
    spool_of(output, HIGHLIGHT.id)
    async with Journal.open(output / FILENAME) as journal:
        await complete(await find_unfinished(journal, output), journal, output, clips_of(cutting))
        assert await journal.unfinished() == []
        return await journal.events_after(0)


async def test_one_whose_finishing_was_journaled_is_cut_as_it_said(tmp_path: Path) -> None:
    cutting = Cutting()
    told = await after_a_crash(tmp_path, FINISHED, cutting)
    assert (cutting.starts, cutting.ends) == ([8.25], [21.5])
    assert [event.type for event in told] == ["new", "update", "end"]
    assert told[-1].payload["finishing"] == [{"step": "scene", "reason": "start moved 0.4 s earlier, to a cut at 8.25 s"}]
    assert told[-1].payload["clip"] is not None


async def test_one_that_crashed_before_is_cut_with_its_rolls(tmp_path: Path) -> None:
    cutting, rolls = Cutting(), ClipSettings()
    await after_a_crash(tmp_path, None, cutting)
    assert cutting.starts == [HIGHLIGHT.start_seconds - rolls.pre_roll_seconds]
    assert cutting.ends == [HIGHLIGHT.end_seconds + rolls.post_roll_seconds]


async def test_one_of_which_no_file_was_to_be_kept_has_none_after_the_crash_either(tmp_path: Path) -> None:
    cutting = Cutting()
    draft = replace(FINISHED, repeat_of="h-0-1").dropped("diversity", "a repeat of h-0-1")
    told = await after_a_crash(tmp_path, draft, cutting)
    assert cutting.spools == []
    assert [event.type for event in told] == ["new", "update", "end"]
    end = told[-1].payload
    assert (end["clip"], end["clip_reason"], end["kept"], end["repeat_of"]) == (None, "a repeat of h-0-1", False, "h-0-1")
    assert [
        path.name for path in await asyncio.to_thread(lambda: [*tmp_path.glob("x/.spool/*"), *tmp_path.glob("x/*.mp4")])
    ] == []


async def test_a_bug_in_a_cutter_costs_that_clip_and_the_others_are_completed(tmp_path: Path) -> None:
    cutting = Cutting(refusals=1, error=ZeroDivisionError("a bug"))
    async with Journal.open(tmp_path / FILENAME) as journal:
        spools = await leave_open(journal, tmp_path)
        await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(cutting))
        assert await journal.unfinished() == []
        reasons = [event.payload["clip_reason"] for event in await journal.events_after(0) if event.type == "end"]
    assert reasons[0] == "ZeroDivisionError: a bug"
    assert not any(spool.exists() for spool in spools)


async def test_a_spool_that_has_killed_the_program_five_times_is_not_read_a_sixth_time(tmp_path: Path) -> None:
    class Deadly:
        def cut(self, job: CutJob) -> Clip:
            raise KeyboardInterrupt  # as far as recovery can tell, the process is gone

    async with Journal.open(tmp_path / FILENAME) as journal:
        run_id = await begin(journal)
        await journal.add_epoch(run_id, EPOCH)
        await journal.save_highlight(run_id, "x", HIGHLIGHT, "open", alert=("new", {"id": HIGHLIGHT.id}))
        spool_of(tmp_path, HIGHLIGHT.id)
        stem, folder = tmp_path / "x" / "clip", tmp_path / "x"
        for _ in range(MOST_TRIES):
            with pytest.raises(KeyboardInterrupt):
                recover(folder, HIGHLIGHT, EPOCH.start_seconds, ClipSettings(), Deadly(), stem)
        cutting = Cutting()
        await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(cutting))
        told = await journal.events_after(0)
    assert cutting.spools == []
    assert "has died 5 times" in told[-1].payload["clip_reason"]
    assert list((tmp_path / "x" / SPOOL_FOLDER).iterdir()) == []


async def test_a_disk_that_refuses_again_and_again_is_no_death(tmp_path: Path) -> None:
    cutting = Cutting(refusals=3 * (MOST_TRIES + 1))
    async with Journal.open(tmp_path / FILENAME) as journal:
        await leave_open(journal, tmp_path)
        for _ in range(MOST_TRIES + 2):
            await complete(await find_unfinished(journal, tmp_path), journal, tmp_path, clips_of(cutting))
        assert await journal.unfinished() == []


async def test_what_was_half_written_is_removed_and_what_is_not_ours_is_not(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    half = tmp_path / "x" / ".20261120T201500Z-a-0-1.mp4.part"
    others = [tmp_path / "x" / name for name in (".hidden.part", "20261120T201500Z-a-0-1.mp4", "notes.part")]
    for path in (half, *others):
        path.write_bytes(b"")
    async with Journal.open(tmp_path / FILENAME) as journal:
        await find_unfinished(journal, tmp_path)
    assert not half.exists()
    assert all(path.exists() for path in others)


@pytest.mark.parametrize("cut", ["copy", "exact"])
def test_a_real_spool_without_an_end_becomes_a_clip_that_plays_to_its_last_packet(
    made: Callable[..., Path], tmp_path: Path, cut: str
) -> None:
    recording = read(made("h264 in ts"))
    folder = tmp_path / SPOOL_FOLDER
    folder.mkdir()
    spool = SpoolWriter(folder / "a-0-1", recording.codecs.template)
    for packet in recording.packets:
        spool.write(packet)
    spool.close()
    moment, settings = highlight(1.0, 2.0, id="a-0-1"), ClipSettings(cut=cut)  # type: ignore[arg-type]
    outcome = recover(tmp_path, moment, 0.0, settings, FfmpegCutter(), tmp_path / "clip", is_open=True)
    assert outcome.clip is not None
    assert play(tmp_path / outcome.clip.filename).numbers[-1] >= 8 * FPS - 2
