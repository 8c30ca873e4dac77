"""What follows from decisions: finishing between a highlight's closing and its clip, and sidecars that the disk refuses.

A refused sidecar: its highlight's `end` waits for it, nothing else does, and in the end both are there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clips import Clips
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.live import LiveFinishing
from stream_processor.highlighting import Highlights
from stream_processor.intake import EpochNotice
from stream_processor.journal import Journal
from stream_processor.records import Change, Clip, replace
from stream_processor.settings import ClipSettings
from stream_processor.status import ChannelStatus
from tests.program import strict
from tests.test_journal import CLIP, EPOCH, HIGHLIGHT, begin

STEM = Path(CLIP.filename).stem


class Spools:
    """As much of the cutting thread as is asked for here."""

    def __init__(self) -> None:
        self.kept = {HIGHLIGHT.id}

    def open(self, *_: object) -> None: ...
    def close(self, *_: object) -> None: ...

    def forget(self, highlight_id: str) -> None:
        self.kept.discard(highlight_id)

    def has_spool(self, highlight_id: str) -> bool:
        return highlight_id in self.kept


class NoSteps:
    has_steps = False


class Setting:
    def __init__(
        self, folder: Path, journal: Journal, run_id: str, spools: Spools | None = None, finishing: "Finishing | None" = None
    ) -> None:
        self.journal, self.folder, self.spools = journal, folder, spools or Spools()
        self.status = ChannelStatus("x", "somewhere", started_at=0.0)
        self.sidecar = folder / f"{STEM}.json"
        notice = EpochNotice(EPOCH, cast("Any", type("Codecs", (), {"template": None})), False, None)
        self.highlights = Highlights(
            run_id,
            folder=folder,
            epochs={EPOCH.number: notice},
            parameters={},
            absent=lambda: (),
            clip=ClipSettings(),
            clips=cast("Clips", self.spools),
            finishing=cast("LiveFinishing", finishing or NoSteps()),
            journal=journal,
            tell=lambda _: None,
            status=self.status,
            retry_seconds=0.01,
        )

    async def types(self) -> list[str]:
        return [event.type for event in await self.journal.events_after(0)]

    async def close(self) -> None:
        for kind in ("open", "close"):
            await self.highlights.change(Change(cast("Any", kind), HIGHLIGHT))

    async def end(self, clip: Clip | None = CLIP) -> None:
        await self.highlights.end(Outcome(HIGHLIGHT.id, clip, None))


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        setting = Setting(tmp_path / "x", journal, await begin(journal))
        setting.folder.mkdir()
        await setting.close()
        yield setting


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 # what is waited for has no event to offer
            await asyncio.sleep(0)


async def test_a_sidecar_that_the_disk_refuses_is_written_as_soon_as_it_can_be_and_the_end_after_it(setting: Setting) -> None:
    setting.sidecar.mkdir()  # nothing can take the place of a folder
    await setting.end()
    assert await setting.types() == ["new"]
    assert setting.spools.kept, "until the end is told"
    setting.sidecar.rmdir()
    await until(lambda: not setting.spools.kept)
    assert await setting.types() == ["new", "end"]
    (_, end) = await setting.journal.events_after(0)
    assert strict(setting.sidecar.read_text()) == end.payload
    await setting.highlights.finish()
    assert await setting.types() == ["new", "end"]
    assert setting.status.clips_written == 1


async def test_one_that_is_refused_to_the_end_is_left_to_the_next_start(setting: Setting) -> None:
    setting.sidecar.mkdir()
    await setting.end()
    await setting.highlights.finish()
    assert await setting.types() == ["new"]
    assert [saved.state for saved in await setting.journal.unfinished()] == ["closing"]
    assert setting.spools.kept


async def test_where_no_spool_is_left_the_alert_alone_tells_of_the_clip(setting: Setting) -> None:
    setting.sidecar.mkdir()
    setting.spools.kept.clear()
    await setting.end()
    await setting.highlights.finish()
    assert await setting.types() == ["new", "end"]


async def test_a_lost_clip_needs_no_sidecar(setting: Setting) -> None:
    setting.sidecar.mkdir()
    await setting.end(clip=None)
    assert await setting.types() == ["new", "end"]
    assert setting.status.clips_lost == 1


async def test_a_folder_that_was_removed_with_its_clip_keeps_no_end_waiting(setting: Setting) -> None:
    setting.folder.rmdir()
    await setting.end()
    assert await setting.types() == ["new", "end"]


# ---- finishing -------------------------------------------------------------------------------------------------------


class Finishing:
    """As much of it as is asked for here: nothing is finished before a test says so."""

    has_steps = True

    def __init__(self) -> None:
        self.expected: list[Draft] = []

    def expect(self, plan: Draft, *_: object) -> float:
        self.expected.append(plan)
        return 30.0


class Cutting(Spools):
    def __init__(self) -> None:
        super().__init__()
        self.cut: list[tuple[float, float] | None] = []
        self.discarded: list[str] = []
        self.asked_at: list[float] = []

    def close(self, *told: Any) -> None:
        self.cut.append(told[2])

    def discard(self, _highlight: object, reason: str) -> None:
        self.discarded.append(reason)

    def ask_at(self, _highlight: object, seconds: float) -> None:
        self.asked_at.append(seconds)

    def begins_at(self, _id: str) -> float:
        return 5.0


class Finished(Setting):
    def __init__(self, folder: Path, journal: Journal, run_id: str, finishing: Finishing | None) -> None:
        super().__init__(folder, journal, run_id, Cutting(), finishing)

    @property
    def cutting(self) -> Cutting:
        return cast("Cutting", self.spools)

    async def told(self) -> list[tuple[str, Any]]:
        return [(event.type, event.payload) for event in await self.journal.events_after(0)]

    async def journaled(self) -> Draft | None:
        (saved,) = await self.journal.unfinished()
        return saved.draft and replace(saved.draft, highlight=HIGHLIGHT)  # its NaN is not equal to itself once it was on disk


@pytest.fixture
async def finishing(tmp_path: Path) -> AsyncIterator[tuple[Finished, Finishing]]:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        steps = Finishing()
        made = Finished(tmp_path / "x", journal, await begin(journal), steps)
        made.folder.mkdir()
        await made.close()
        yield made, steps


async def test_without_finishing_a_clip_is_cut_at_once_with_its_rolls_and_nothing_more_is_told(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / "journal.sqlite3") as journal:
        setting = Finished(tmp_path / "x", journal, await begin(journal), None)
        setting.folder.mkdir()
        await setting.close()
        assert setting.cutting.cut == [(9.0, 19.0)]
        await setting.end()
        assert await setting.types() == ["new", "end"]


async def test_a_closed_highlight_waits_for_its_steps_with_its_plan(finishing: tuple[Finished, Finishing]) -> None:
    setting, steps = finishing
    assert [(plan.start_seconds, plan.end_seconds) for plan in steps.expected] == [(9.0, 19.0)]
    assert setting.cutting.cut == []
    assert await setting.types() == ["new"]
    assert await setting.journaled() is None
    assert setting.cutting.asked_at == [90.0], "by then its packets have come, and more"


async def test_what_the_steps_have_changed_is_told_and_journaled_before_the_cut_and_the_end_says_it_too(
    finishing: tuple[Finished, Finishing],
) -> None:
    setting, steps = finishing
    draft = steps.expected[0].moved("scene", "start moved 0.4 s later", start_seconds=9.4)
    await setting.highlights.finished(draft)
    assert setting.cutting.cut == [(9.4, 19.0)]
    assert await setting.journaled() == draft
    await setting.end()
    types, payloads = zip(*await setting.told(), strict=True)
    assert types == ("new", "update", "end")
    for payload in payloads[1:]:
        assert payload["finishing"] == [{"step": "scene", "reason": "start moved 0.4 s later"}]
        assert payload["clip_planned"] == {"start_time": 9.4, "end_time": 19.0}
        assert (payload["start_time"], payload["end_time"]) == (HIGHLIGHT.start_seconds, HIGHLIGHT.end_seconds)
    assert strict(setting.sidecar.read_text()) == payloads[-1]


async def test_where_they_have_changed_nothing_there_is_nothing_to_tell_but_what_they_found_is_in_the_end(
    finishing: tuple[Finished, Finishing],
) -> None:
    setting, steps = finishing
    await setting.highlights.finished(steps.expected[0].noted("scene", "no cut is near"))
    await setting.end()
    told = await setting.told()
    assert [kind for kind, _ in told] == ["new", "end"]
    assert told[-1][1]["finishing"] == [{"step": "scene", "reason": "no cut is near"}]


async def test_of_one_that_is_not_kept_the_reason_is_told_twice_and_no_clip_is_cut_or_lost(
    finishing: tuple[Finished, Finishing],
) -> None:
    setting, steps = finishing
    await setting.highlights.finished(steps.expected[0].dropped("ranking", "ranked 7th of the last hour"))
    assert setting.cutting.cut == []
    assert setting.cutting.discarded == ["ranked 7th of the last hour"]
    await setting.highlights.end(Outcome(HIGHLIGHT.id, None, "ranked 7th of the last hour", is_wanted=False))
    told = await setting.told()
    assert [kind for kind, _ in told] == ["new", "update", "end"]
    end = told[-1][1]
    assert (end["clip"], end["clip_reason"], end["kept"]) == (None, "ranked 7th of the last hour", False)
    status = setting.status
    assert (status.clips_not_kept, status.clips_lost, status.clips_written) == (1, 0, 0)
    assert status.outcomes["not_kept"] == 1
    assert status.highlights[-1].clip == "not kept: ranked 7th of the last hour"
    assert not setting.spools.kept, "its spool may go"
