"""A selection becomes files: clips cut in parallel, then all that tells of them, and everything moved into place at once."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from stream_processor.best import contact_sheet, score_graph, similarity, timeline_csv
from stream_processor.best.cutting import CutClip, Cutting, cut
from stream_processor.best.exports import export_all
from stream_processor.best.labels import file_names
from stream_processor.best.metadata import NAME as METADATA
from stream_processor.best.metadata import metadata
from stream_processor.best.output_folder import hashes, move_in, refused, staging
from stream_processor.best.records import Chosen, Selection
from stream_processor.best.settings import BestClips
from stream_processor.best.sidecars import describe_clip
from stream_processor.clipping.sidecar_file import write_sidecar
from stream_processor.errors import ClipError, GivenUp
from stream_processor.process import available_cores
from stream_processor.records import replace
from stream_processor.settings import SourceSettings

_QUALITY = 90

Progress = Callable[[int, int, str], None]
"""How many of how many steps are done, and what is being done, for people. Called from one thread."""


@dataclass(frozen=True)
class Published:
    """What is in the folder now. ``clips``: the sidecars in rank order; ``filename`` None where no clip could be cut.

    ``failures``: a line each for what could not be made; the exit code is 1 then. ``notes``: what an editor should know.
    """

    folder: Path
    files: Sequence[str]
    clips: Sequence[dict[str, Any]]
    failures: Sequence[str] = ()
    notes: Sequence[str] = ()


def publish(
    selection: Selection,
    folder: Path,
    settings: BestClips,
    progress: Progress = lambda done, total, doing: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    source: SourceSettings = SourceSettings(),  # noqa: B008 # frozen
) -> Published:
    """Cut, draw and write everything into ``folder``; blocking. A clip that fails is said, and the others go on.

    GivenUp: cancelled; the folder is as it was before. ClipWriteError: nothing could be written, or not moved into place.
    ``output_folder.check_folder`` and ``filters.check_filters`` come before, so that no hours of scoring are lost.
    """
    with staging(folder) as stage:
        total = len(selection.chosen) + 1
        cuts, failures = _cut_all(selection, stage, settings, source, lambda done, doing: progress(done, total, doing), cancelled)
        progress(total - 1, total, "writing pictures and lists")
        try:
            sidecars = [
                _tell(stage, selection, chosen, cuts.get(chosen.rank), failures.get(chosen.rank)) for chosen in selection.chosen
            ]
            pictures = {rank: one.picture for rank, one in cuts.items() if one.picture is not None}
            notes = _draw(stage, selection, pictures, cancelled)
            files = hashes(stage)
            write_sidecar(stage / METADATA, metadata(selection, sidecars, files))
            if cancelled():
                raise GivenUp("asked to end before the results were in place")
            move_in(stage, folder, files)
        except OSError as error:
            raise refused(folder, error) from error
        progress(total, total, "done")
    return Published(folder, sorted([*files, METADATA]), sidecars, [failures[rank] for rank in sorted(failures)], notes)


def workers(settings: BestClips, clips: int, cores: int) -> tuple[int, int]:
    """How many clips are cut at the same time, and how many threads each may use."""
    at_once = max(1, min(settings.workers or (cores + 1) // 2, clips))
    return at_once, max(1, cores // at_once)


def _cut_all(
    selection: Selection,
    stage: Path,
    settings: BestClips,
    source: SourceSettings,
    progress: Callable[[int, str], None],
    cancelled: Callable[[], bool],
) -> tuple[dict[int, CutClip], dict[int, str]]:
    """By rank: what was cut, and why something was not."""
    (stage / "highlights").mkdir()
    at_once, threads = workers(settings, len(selection.chosen), available_cores())
    is_over = False
    how = Cutting(settings, source, threads, lambda: is_over or cancelled())
    cuts: dict[int, CutClip] = {}
    failures: dict[int, str] = {}
    progress(0, "cutting clips")
    with ThreadPoolExecutor(at_once, thread_name_prefix="cut") as pool:
        ranks = {pool.submit(_cut_one, selection, chosen, stage, how): chosen.rank for chosen in selection.chosen}
        try:
            for future in _as_they_end(ranks, cancelled):
                rank = ranks[future]
                try:
                    cuts[rank] = future.result()
                except GivenUp:
                    raise
                except (ClipError, OSError) as error:
                    failures[rank] = f"clip {rank} was not cut: {error}"
                progress(len(cuts) + len(failures), f"cut clip {rank}")
        finally:
            is_over = True
            pool.shutdown(cancel_futures=True)
    return cuts, failures


def _as_they_end(futures: "dict[Future[CutClip], int]", cancelled: Callable[[], bool]) -> "Iterator[Future[CutClip]]":
    """GivenUp: cancelled meanwhile."""
    left = set(futures)
    while left:
        done, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
        if cancelled():
            raise GivenUp("asked to end while clips were being cut")
        yield from done


def _cut_one(selection: Selection, chosen: Chosen, stage: Path, how: Cutting) -> CutClip:
    target = stage / "highlights" / f"clip_{chosen.rank:03d}.mp4"
    made = cut(selection.tables[chosen.moment.video].table.video, chosen, target, how)
    if made.picture is None:
        return made
    jpeg = target.with_suffix(".jpg")
    made.picture.save(jpeg, quality=_QUALITY)
    _sync(jpeg)
    is_shown = chosen.rank <= contact_sheet.MOST
    small = contact_sheet.thumbnail(made.picture, len(selection.chosen)) if is_shown else None
    return replace(made, clip=replace(made.clip, picture=jpeg.name), picture=small)


def _tell(stage: Path, selection: Selection, chosen: Chosen, made: CutClip | None, failure: str | None) -> dict[str, Any]:
    video = selection.tables[chosen.moment.video].table.video
    clip = made.clip if made is not None else None
    told = describe_clip(chosen, video, clip, parameters=selection.parameters, clip_reason=failure)
    if clip is not None:
        write_sidecar((stage / "highlights" / clip.filename).with_suffix(".json"), told)
    return told


def _draw(stage: Path, selection: Selection, pictures: dict[int, Image.Image], cancelled: Callable[[], bool]) -> list[str]:
    """Everything but the clips. Returns what an editor should know."""
    names = file_names([scored.table.video.path for scored in selection.tables])
    if pictures:
        contact_sheet.write(stage / "contact_sheet.jpg", selection, pictures)
    for scored, (index, name) in zip(selection.tables, enumerate(names), strict=True):
        timeline_csv.write(stage / f"timeline_{name}.csv", scored, selection, index)
    if cancelled():
        raise GivenUp("asked to end before the results were in place")
    score_graph.write(stage / "scores.png", stage / "scores.svg", selection)
    similarity.write(stage / "similarity.csv", stage / "similarity.png", selection)
    notes = export_all(stage, selection, names)
    for path in stage.iterdir():
        if path.is_file():
            _sync(path)
    return notes


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
