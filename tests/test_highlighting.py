"""A sidecar that the disk refuses: its highlight's `end` waits for it, nothing else does, and in the end both are there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clips import Clips
from stream_processor.highlighting import Highlights
from stream_processor.intake import EpochNotice
from stream_processor.journal import Journal
from stream_processor.records import Change, Clip
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


class Setting:
    def __init__(self, folder: Path, journal: Journal, run_id: str) -> None:
        self.journal, self.folder, self.spools = journal, folder, Spools()
        self.status = ChannelStatus("x", "somewhere", started_at=0.0)
        self.sidecar = folder / f"{STEM}.json"
        notice = EpochNotice(EPOCH, cast("Any", type("Codecs", (), {"template": None})), False, None)
        self.highlights = Highlights(
            run_id,
            folder=folder,
            epochs={EPOCH.number: notice},
            parameters={},
            absent=lambda: (),
            clips=cast("Clips", self.spools),
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
