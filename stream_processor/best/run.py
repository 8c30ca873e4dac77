"""``main best``, put together: settings and videos in, clips and a selection out. The only place here that knows every part."""

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import structlog

from stream_processor.best.asked import Asked, check_length, checked, key_of, named, weights_of
from stream_processor.best.boundaries import finish
from stream_processor.best.cache import Cache
from stream_processor.best.choosing import Weighing, score, select
from stream_processor.best.interrupting import Interruptions
from stream_processor.best.measuring import Measuring
from stream_processor.best.reading import Want
from stream_processor.best.records import Selection
from stream_processor.best.settings import BestWeights
from stream_processor.best.tape import Tape
from stream_processor.best.telling import Teller
from stream_processor.contracts import Scorer
from stream_processor.errors import ClipError, ClipWriteError, SourceUnusable
from stream_processor.finishing.contract import Step
from stream_processor.process import thread_count
from stream_processor.redact import redact
from stream_processor.settings import Settings

if TYPE_CHECKING:
    from scorers.best import BestScoring
    from stream_processor.best.publishing import Published

log = structlog.get_logger()

_JOIN_SECONDS = 0.1


@dataclass(frozen=True)
class Outcome:
    """``failed``: what went wrong with some of the videos while others went on, a line each."""

    selection: Selection
    published: "Published"
    failed: Sequence[str]


def find_best(asked: Asked, teller: Teller, interruptions: Interruptions) -> Outcome:
    """Choose and cut. Before anything slow is begun, everything that can be wrong with what was asked for is looked at.

    ClipError, one line: what is wrong. KeyboardInterrupt ends it in order: nothing half written is left.
    """
    from scorers.best import build_best_scorers
    from scorers.prompt import parse_prompts
    from stream_processor.best.filters import check_filters
    from stream_processor.best.output_folder import check_folder
    from stream_processor.finishing.steps import build_steps

    settings = asked.settings
    parse_prompts(asked.prompts)
    videos, unusable = checked(asked)
    steps = build_steps(settings.best.finishing, settings, "best.finishing")
    weights = weights_of(asked)
    check_folder(asked.output)
    check_filters(settings.best_clips)
    teller.at("loading", 0, None)
    scoring = build_best_scorers(
        weights,
        prompts=asked.prompts,
        like=asked.like,
        novelty=settings.novelty,
        aesthetics=settings.aesthetics,
        faces=settings.faces,
        device=settings.device.kind,
        threads=thread_count(settings.process),
        max_mb=settings.device.max_mb,
    )
    teller.end()
    for failure in unusable:
        teller.say(f"left out: {failure}")
    for note in scoring.notes:
        teller.say(note)
    counting = _counting(weights, scoring)
    with _cache(asked) as cache:
        measuring = _measuring(settings, scoring, steps, cache, teller, interruptions)
        tapes, failed = _measure(videos, measuring, settings, teller)
        cache.tidy()
        weighing = Weighing(counting, scoring.look_kind)
        tables, notes = score(tapes, weighing, settings.best)
        told = [*notes, *_short(asked.videos, tapes)]
        selection = select(tables, weighing, settings.best, _parameters(asked, counting, scoring), told)
        selection = finish(selection, tapes, steps, settings.best, _first_frame(settings))
        published = _publish(selection, asked, teller, interruptions)
    return Outcome(selection, published, [*unusable, *failed])


# ---- scoring -------------------------------------------------------------------------------------------------------------


def _counting(weights: BestWeights, scoring: "BestScoring") -> dict[str, float]:
    """Signal -> weight, of those that can be measured."""
    return {name: weight for name, weight in weights if weight > 0 and name in scoring.scorers}


def _measuring(
    settings: Settings,
    scoring: "BestScoring",
    steps: Sequence[Step],
    cache: Cache,
    teller: Teller,
    interruptions: Interruptions,
) -> Measuring:
    from scorers.observed import Observed

    observers: dict[str, Scorer] = {}
    keys = dict(scoring.keys)
    for name, (observer, key) in _observers(steps, settings).items():
        observers[name], keys[name] = Observed(observer, scoring.smaller), key
    want = Want(
        scorers={**scoring.scorers, **observers},
        picture_size=scoring.picture_size,
        whole=tuple(observers),
        best=settings.best,
        source=settings.source,
        threads=settings.analysis.threads or thread_count(settings.process),
    )
    return Measuring(want, {name: keys[name] for name in want.scorers}, scoring.heads, cache, teller, interruptions)


def _observers(steps: Sequence[Step], settings: Settings) -> Mapping[str, tuple[Scorer, str]]:
    """Name -> observer and what its samples depend on, of those that the steps want and that can be had.

    An observer may say that itself (``depends_on``), else it is all of its section.
    """
    from scorers.observing import SharedObservers
    from stream_processor.finishing.steps import observers_of

    wanted = observers_of(steps, settings)
    found = SharedObservers().observers(wanted)
    said = {name: "" if section is None else section.model_dump_json() for name, section in wanted.items()}
    return {name: (observer, str(getattr(observer, "depends_on", said[name]))) for name, observer in found.items()}


def _measure(videos: Sequence[Path], measuring: Measuring, settings: Settings, teller: Teller) -> tuple[list[Tape], list[str]]:
    """The tapes of the videos that could be measured and are long enough, and what was wrong with the others.

    ClipError: there are none left.
    """
    tapes: list[Tape] = []
    failed: list[str] = []
    known: dict[str, Path] = {}
    for place, path in enumerate(videos, 1):
        title = f"{place}/{len(videos)} {path.name}" if len(videos) > 1 else path.name
        try:
            key = key_of(path)
            if key in known:
                raise SourceUnusable(f"{redact(str(path))}: has the same content as {redact(str(known[key]))}")
            known[key] = path
            tape = measuring.tape(path, key, title)
            check_length(tape, settings)
            tapes.append(tape)
        except (ClipError, MemoryError) as error:
            failure = named(path, error)
            if len(videos) == 1 or isinstance(error, ClipWriteError):
                raise failure from error
            teller.end()
            teller.say(f"left out: {failure}")
            failed.append(str(failure))
    if not tapes:
        raise SourceUnusable("no moments: none of the videos can be used")
    return tapes, failed


def _short(videos: Sequence[Path], tapes: Sequence[Tape]) -> list[str]:
    return [f"left out: {len(videos) - len(tapes)} of {len(videos)} videos"] if len(tapes) < len(videos) else []


def _first_frame(settings: Settings) -> Callable[[Tape, float, float], float | None]:
    from stream_processor.finishing.placing import Placing
    from stream_processor.finishing.placing_in_file import first_frame_after_cut

    placing = Placing(settings.scene.kind, settings.scene.threshold)

    def first_frame(tape: Tape, before_seconds: float, after_seconds: float) -> float | None:
        before, after = tape.video.file_span(before_seconds, after_seconds)
        found = first_frame_after_cut(tape.video.path, before, after, placing=placing)
        return None if found is None else before_seconds + (found - before)

    return first_frame


def _parameters(asked: Asked, counting: Mapping[str, float], scoring: "BestScoring") -> dict[str, Any]:
    settings = asked.settings
    sections = {
        "best": settings.best.model_dump(mode="json", exclude={"cache", "cache_max_mb"}),
        "best_clips": settings.best_clips.model_dump(mode="json"),
    }
    return {
        **sections,
        "weights": dict(counting),
        "left_out": dict(scoring.left_out),
        "looks": scoring.look_kind,
        "prompts": list(asked.prompts),
        "like": None if asked.like is None else redact(str(asked.like)),
    }


# ---- around it -----------------------------------------------------------------------------------------------------------


@contextmanager
def _cache(asked: Asked) -> Iterator[Cache]:
    """The user's, or one that is gone afterwards."""
    best = asked.settings.best
    names = ("sample_fps", "max_sample_fps", "busy_change", "sample_height")
    sampling = json.dumps([getattr(best, name) for name in names] + [asked.settings.source.max_part_gap_seconds])
    if asked.caches:
        folder = best.cache or platformdirs.user_cache_path("clip-highlights") / "best"
        yield Cache(folder, max_mb=best.cache_max_mb, sampling=sampling)
        return
    folder = Path(tempfile.mkdtemp(prefix="clip-highlights-"))
    try:
        yield Cache(folder, max_mb=float("inf"), sampling=sampling)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(selection: Selection, asked: Asked, teller: Teller, interruptions: Interruptions) -> "Published":
    """In a thread, so that Ctrl+C is heard at once: then it is told, and waited for."""
    from stream_processor.best.publishing import publish

    cancelled = threading.Event()
    done: list[Published] = []
    error: list[BaseException] = []

    def work() -> None:
        try:
            settings = asked.settings
            tell = partial(_progress, teller)
            done.append(publish(selection, asked.output, settings.best_clips, tell, cancelled.is_set, source=settings.source))
        except BaseException as raised:  # raised again by whoever waits
            error.append(raised)

    thread = threading.Thread(target=work, name="publish")
    with interruptions.held(is_final=True):
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_JOIN_SECONDS)
                if thread.is_alive():  # else all is in its place
                    interruptions.check()
        finally:
            cancelled.set()
            thread.join()
            teller.end()
    if error:
        raise error[0]
    return done[0]


def _progress(teller: Teller, done: int, total: int, doing: str) -> None:
    teller.at(doing, done, total)
