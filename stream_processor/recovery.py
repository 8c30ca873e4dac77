"""After a crash: cut what spools hold of highlights that an earlier run left open, and send the `end` their alerts still lack.

packets seen    ├────────────────────────┤ kill −9
spool on disk   ├──────────────────────┤          at most the recovery point behind (``spool.FLUSH_SECONDS``)
highlight       ──[═══ decided so far ]           its clip goes on to the spool's end, for so may the moment
or              ──[═══ closed ═══]──              with its rolls, or as finishing had them moved where that was journaled
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import structlog

from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clipping.cut import CutJob, Cutter
from stream_processor.clipping.picture import illustrate
from stream_processor.clipping.sidecar import describe, file_stem, started_at
from stream_processor.clipping.sidecar_file import write_sidecar
from stream_processor.clips import SPOOL_FOLDER
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.finishing.draft import Draft
from stream_processor.journal import Journal
from stream_processor.journaling.rows import SavedHighlight
from stream_processor.naming import inside
from stream_processor.own_thread import in_own_thread
from stream_processor.records import Epoch, Highlight
from stream_processor.redact import redact
from stream_processor.settings import ClipSettings

log = structlog.get_logger()

MOST_TRIES = 5
"""So often a spool is read by a process that did not live to tell: then it is rather the spool that kills it."""
_TRIES = ".tries"
_NEARLY_SECONDS = 1.0
"""A clip may end so much before its highlight does: at the end of a stream, picture and sound are not equally long."""
_TO_THE_END = 1e9
"""Epoch time in seconds that no spool reaches, and that can be counted with, unlike infinity."""

ClipsOf = Callable[[str], tuple[ClipSettings, Cutter]]
"""Channel -> how its clips are cut."""


async def find_unfinished(journal: Journal, output: Path) -> list[SavedHighlight]:
    """What earlier runs left open, for ``complete``. Quick, and to be called before this run opens any highlight.

    Spools of no such highlight (the program was killed before it had told anybody) are removed, and so is what was half
    written under a temporary name: the journal's lock says that nobody else is writing them.
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
            words = "a highlight of an earlier run cannot be written yet: kept for the next start"
            log.warning(words, id=saved.highlight.id, reason=str(error))


async def _complete(saved: SavedHighlight, journal: Journal, output: Path, clips_of: ClipsOf) -> None:
    highlight, draft, folder = saved.highlight, saved.draft, inside(output, saved.channel)
    epoch = await journal.epoch(saved.run_id, highlight.epoch)
    if epoch is None:  # journaled before its epoch was: there is nothing that could be cut
        outcome = Outcome(highlight.id, None, "its epoch is not known")
    elif draft is not None and not draft.keep:
        outcome = Outcome(highlight.id, None, draft.notes[-1].reason, is_wanted=False)
    else:
        stem = folder / file_stem(started_at(highlight, epoch), highlight.id)
        settings, cutter = clips_of(saved.channel)
        cut = partial(
            recover, folder, highlight, epoch.start_seconds, settings, cutter, stem, is_open=saved.state == "open", draft=draft
        )
        outcome = await in_own_thread(cut, "recovery")
    await _end(journal, saved, epoch, outcome, output)
    await asyncio.to_thread(_remove_spools, folder, highlight.id)
    log.info("completed a highlight of an earlier run", id=highlight.id, clip=outcome.clip and outcome.clip.filename)


def _remove_strays(output: Path, kept: set[str]) -> None:
    spools = (path for path in output.glob(f"*/{SPOOL_FOLDER}/*") if path.stem not in kept)
    for stray in (*spools, *output.glob("*/.*Z-*.part")):
        with contextlib.suppress(OSError):  # no reason not to begin
            stray.unlink(missing_ok=True)


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
            draft=saved.draft,
            final=True,
        )
    if outcome.clip is not None:
        sidecar = (inside(output, saved.channel) / outcome.clip.filename).with_suffix(".json")
        await asyncio.to_thread(write_sidecar, sidecar, payload)
    await journal.save_highlight(
        *(saved.run_id, saved.channel, saved.highlight, "done", outcome.clip, outcome.reason),
        draft=saved.draft,
        alert=("end", payload),
    )


def recover(
    folder: Path,
    highlight: Highlight,
    epoch_start_seconds: float,
    settings: ClipSettings,
    cutter: Cutter,
    stem: Path,
    *,
    is_open: bool = False,
    draft: Draft | None = None,
) -> Outcome:
    """After a crash: cut what the spool of an unfinished highlight holds. Blocking. ClipWriteError: not now, keep the spool.

    Of one that was still open all that comes after its pre-roll; of another as its ``draft`` says, or with its rolls. What
    else a cutter raises costs this clip, as it does in ``clips``.
    """
    spools = sorted(path for path in folder.joinpath(SPOOL_FOLDER).glob(f"{highlight.id}.*") if path.suffix != _TRIES)
    if not spools:
        return Outcome(highlight.id, None, "the program ended before any of it was on disk")
    start_seconds = highlight.start_seconds - settings.pre_roll_seconds if draft is None else draft.start_seconds
    end_seconds = highlight.end_seconds + settings.post_roll_seconds if draft is None else draft.end_seconds
    job = CutJob(
        spool=spools[0],
        times=None,
        stem=stem,
        start_seconds=max(0.0, start_seconds - epoch_start_seconds),
        end_seconds=_TO_THE_END if is_open else end_seconds - epoch_start_seconds,
        peak_seconds=highlight.peak_seconds - epoch_start_seconds,
        epoch_start_seconds=epoch_start_seconds,
        cut=settings.cut,
    )
    if _count_try(spools[0]) > MOST_TRIES:
        return Outcome(highlight.id, None, f"the program has died {MOST_TRIES} times while it read what there is of it", "failed")
    try:
        clip = illustrate(cutter.cut(job), job)
    except ClipImpossible as error:
        return Outcome(highlight.id, None, str(error), "impossible")
    except (ClipWriteError, OSError):
        spools[0].with_suffix(_TRIES).unlink(missing_ok=True)  # that was no death
        raise
    except Exception as error:
        reason = redact(f"{type(error).__name__}: {error}")
        log.error("a clip of an earlier run failed", highlight=highlight.id, reason=reason, exc_info=True)
        return Outcome(highlight.id, None, reason, "failed")
    if is_open:
        return Outcome(highlight.id, clip, "the program ended while it was open: this is all that was on disk")
    wanted_seconds = min(highlight.end_seconds, end_seconds)
    lacks_end = clip.start_seconds + clip.duration_seconds < wanted_seconds - _NEARLY_SECONDS
    return Outcome(highlight.id, clip, "its end is missing: this is all that was on disk" if lacks_end else None)


def _count_try(spool: Path) -> int:
    """This one included. Each leaves a byte."""
    tries = spool.with_suffix(_TRIES)
    with tries.open("ab") as file:
        file.write(b"|")
    return tries.stat().st_size
