"""After a crash: cut what spools hold of highlights that an earlier run left open, and send the `end` their alerts still lack."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import structlog

from stream_processor.clips import SPOOL_FOLDER, Cutter, Outcome
from stream_processor.cut import CutJob
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.highlighting import write_sidecar
from stream_processor.journal import Journal
from stream_processor.naming import inside
from stream_processor.own_thread import in_own_thread
from stream_processor.records import Epoch, Highlight
from stream_processor.rows import SavedHighlight
from stream_processor.settings import ClipSettings
from stream_processor.sidecar import describe, file_stem, started_at

log = structlog.get_logger()


ClipsOf = Callable[[str], tuple[ClipSettings, Cutter]]
"""Channel -> how its clips are cut."""


async def find_unfinished(journal: Journal, output: Path) -> list[SavedHighlight]:
    """What earlier runs left open, for ``complete``. Quick, and to be called before this run opens any highlight.

    Spools of no such highlight (the program was killed before it had told anybody) are removed: the journal's lock says that
    nobody else is writing them.
    """
    unfinished = await journal.unfinished()
    await asyncio.to_thread(_remove_strays, output, {saved.highlight.id for saved in unfinished})
    return unfinished


async def complete(
    unfinished: Iterable[SavedHighlight],
    journal: Journal,
    output: Path,
    clips_of: ClipsOf,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Each of them gets its clip, or the reason why there is none, and its `end`. Takes its time, beside running channels.

    What the disk refuses now stays unfinished for the next start, and so do those left when ``should_stop``, asked before
    each, says so. No other spools than theirs are touched.
    """
    for saved in unfinished:
        if should_stop():
            return
        try:
            await _complete(saved, journal, output, clips_of)
        except (ClipWriteError, OSError) as error:
            log.warning("a highlight of an earlier run cannot be written yet: kept for the next start", reason=str(error))


async def _complete(saved: SavedHighlight, journal: Journal, output: Path, clips_of: ClipsOf) -> None:
    highlight, folder = saved.highlight, inside(output, saved.channel)
    epoch = await journal.epoch(saved.run_id, highlight.epoch)
    if epoch is None:  # journaled before its epoch was: there is nothing that could be cut
        outcome = Outcome(highlight.id, None, "its epoch is not known")
    else:
        stem = folder / file_stem(started_at(highlight, epoch), highlight.id)
        settings, cutter = clips_of(saved.channel)
        cut = partial(recover, folder, highlight, epoch.start_seconds, settings, cutter, stem)
        outcome = await in_own_thread(cut, "recovery")
    await _end(journal, saved, epoch, outcome, output)
    await asyncio.to_thread(_remove_spools, folder, highlight.id)
    log.info("completed a highlight of an earlier run", id=highlight.id, clip=outcome.clip and outcome.clip.filename)


def _remove_strays(output: Path, kept: set[str]) -> None:
    for spool in output.glob(f"*/{SPOOL_FOLDER}/*"):
        if spool.stem not in kept:
            spool.unlink(missing_ok=True)


def _remove_spools(folder: Path, highlight_id: str) -> None:
    for spool in folder.joinpath(SPOOL_FOLDER).glob(f"{highlight_id}.*"):
        spool.unlink(missing_ok=True)


async def _end(journal: Journal, saved: SavedHighlight, epoch: Epoch | None, outcome: Outcome, output: Path) -> None:
    payload = {"id": saved.highlight.id, "filename": None, "clip": None, "clip_reason": outcome.reason}
    if epoch is not None:
        run = await journal.run(saved.run_id)
        payload = describe(
            saved.highlight,
            channel=saved.channel,
            source=run.source if run is not None else "",
            epoch=epoch,
            parameters=run.settings if run is not None else {},
            clip=outcome.clip,
            reason=outcome.reason,
            final=True,
        )
    if outcome.clip is not None:
        sidecar = (inside(output, saved.channel) / outcome.clip.filename).with_suffix(".json")
        await asyncio.to_thread(write_sidecar, sidecar, payload)
    await journal.save_highlight(
        saved.run_id, saved.channel, saved.highlight, "done", outcome.clip, outcome.reason, alert=("end", payload)
    )


def recover(
    folder: Path, highlight: Highlight, epoch_start_seconds: float, settings: ClipSettings, cutter: Cutter, stem: Path
) -> Outcome:
    """After a crash: cut what the spool of an unfinished highlight holds. Blocking. ClipWriteError: not now, keep the spool."""
    spools = sorted(folder.joinpath(SPOOL_FOLDER).glob(f"{highlight.id}.*"))
    if not spools:
        return Outcome(highlight.id, None, "the program ended before any of it was on disk")
    job = CutJob(
        spool=spools[0],
        times=None,
        stem=stem,
        start_seconds=max(0.0, highlight.start_seconds - epoch_start_seconds - settings.pre_roll_seconds),
        end_seconds=highlight.end_seconds - epoch_start_seconds + settings.post_roll_seconds,
        peak_seconds=highlight.peak_seconds - epoch_start_seconds,
        epoch_start_seconds=epoch_start_seconds,
        cut=settings.cut,
    )
    try:
        return Outcome(highlight.id, cutter.cut(job), None)
    except ClipImpossible as error:
        return Outcome(highlight.id, None, str(error))
