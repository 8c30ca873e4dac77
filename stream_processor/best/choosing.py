"""From what was measured to what is chosen: scores, peaks, the best K that differ, and why not the others. Pure."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stream_processor.best import comparing
from stream_processor.best.diversity import choose, similarity
from stream_processor.best.maxima import best_first, local_maxima, separated
from stream_processor.best.records import Chosen, Float64s, FrameTable, Moment, Rejected, ScoreTable, Selection
from stream_processor.best.settings import BestSettings
from stream_processor.best.tape import Tape

MOST_REJECTED = 100
"""Peaks that are kept with their reason, the best: hours of video have thousands. Those beside a better one come last."""

_NEARER = "nearer than"

_NOTHING_CHANGES = (
    "no moments: nothing that counts changes from beginning to end (black, or a still picture?): change [best_weights]"
)

_FLAT = 0.01
"""Scores that differ by no more tell nothing apart: black throughout, or one still picture."""

_LOW = 0.4
"""Of the highest score that there can be: a best one below it is said, nothing stands out."""


@dataclass(frozen=True)
class Weighing:
    """``weights``: signal -> weight, above 0, of all that were to count; ``look_kind`` says what looks were made by."""

    weights: Mapping[str, float]
    look_kind: str


def score(tapes: Sequence[Tape], weighing: Weighing, best: BestSettings) -> tuple[list[ScoreTable], list[str]]:
    """A table for each video, all normalised together, and what the user should know.

    A signal that measured nothing in any video is left out, and the weights of the others are renormalised.
    """
    raw = [{name: comparing.at_frames(tape.times, samples) for name, samples in tape.signals.items()} for tape in tapes]
    columns = {name: [_column(one, name, tape) for one, tape in zip(raw, tapes, strict=True)] for name in weighing.weights}
    there = {name: of_all for name, of_all in columns.items() if any(np.isfinite(one).any() for one in of_all)}
    notes = [f"{name} does not count: nothing of it could be measured" for name in columns if name not in there]
    normal = {name: comparing.normalised(name, of_all) for name, of_all in there.items()}
    tables = []
    for place, tape in enumerate(tapes):
        components = {name: of_all[place] for name, of_all in normal.items()}
        scores = comparing.combined(components, weighing.weights) if components else np.full(len(tape.times), comparing.NEUTRAL)
        starts = [stretch.start_seconds for stretch in tape.video.stretches]
        signals = {name: values for name, values in raw[place].items() if name in weighing.weights}
        table = FrameTable(tape.video, tape.times, tape.frames, signals, tape.looks, weighing.look_kind)
        tables.append(ScoreTable(table, components, scores, comparing.smoothed(tape.times, scores, best.smooth_seconds, starts)))
    return tables, notes


def select(
    tables: Sequence[ScoreTable],
    weighing: Weighing,
    best: BestSettings,
    parameters: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Selection:
    """The best ``best.k`` of all videos. Their boundaries are as ``planned``. ``parameters`` and ``notes`` are passed on."""
    rejected: list[Rejected] = []
    candidates: list[Moment] = []
    is_flat = _is_flat(tables)
    for place, table in enumerate(tables):
        taken, near = ([], []) if is_flat else _peaks(table, best)
        candidates += [_moment(place, table, index) for index in taken]
        for index in near:
            reason = f"{_NEARER} {best.min_separation_seconds:g} s to a better one: lower best.min_separation_seconds"
            rejected.append(Rejected(_moment(place, table, index), reason))
    candidates = [candidates[place] for place in best_first([moment.score for moment in candidates])]
    fit: list[Moment] = []
    for moment in candidates:
        if reason := _unfit(moment, tables, best):
            rejected.append(Rejected(moment, reason))
        else:
            fit.append(moment)
    min_distance, setting = distance_setting(tables, best)
    looks = _looks(fit, tables)
    rows, alike = choose(looks, best.k, min_distance=min_distance, max_similar=best.max_similar)
    for row, likeness in alike.items():
        reason = f"too like clip {likeness.place + 1} (distance {likeness.distance:.2f} < {min_distance:g}): lower {setting}"
        rejected.append(Rejected(fit[row], reason))
    left = sorted(set(range(len(fit))) - set(rows) - set(alike))
    rejected += [Rejected(fit[row], f"{best.k} better ones were enough: raise -k") for row in left]
    chosen = [_planned(rank, fit[row], tables, best) for rank, row in enumerate(rows, 1)]
    kept = _told(rejected)
    most = highest(tables[0].components, weighing.weights) if tables and tables[0].components else 1.0
    shown = [*(one.moment for one in chosen), *(one.moment for one in kept)]
    return Selection(
        tables=tables,
        chosen=chosen,
        rejected=kept,
        similarity=similarity(_looks(shown, tables)),
        parameters=parameters,
        notes=[*notes, *([_NOTHING_CHANGES] if is_flat else advice(chosen, rejected, best, setting, most))],
    )


def _told(rejected: Sequence[Rejected]) -> list[Rejected]:
    """The ones worth telling of, best first."""
    order = sorted(rejected, key=lambda one: (one.reason.startswith(_NEARER), -one.moment.score))[:MOST_REJECTED]
    return sorted(order, key=lambda one: -one.moment.score)


def distance_setting(tables: Sequence[ScoreTable], best: BestSettings) -> tuple[float, str]:
    """The cosine distance below which looks are alike, and the setting that says so: descriptors have another scale than CLIP."""
    is_light = bool(tables) and tables[0].table.look_kind.startswith("light")
    return (best.light_min_distance, "best.light_min_distance") if is_light else (best.min_distance, "best.min_distance")


def highest(components: Iterable[str], weights: Mapping[str, float]) -> float:
    """The score of a frame that is best in every respect."""
    return sum(weights[name] for name in components if name not in comparing.AGAINST) / sum(weights[name] for name in components)


def advice(chosen: Sequence[Chosen], rejected: Sequence[Rejected], best: BestSettings, setting: str, most: float) -> list[str]:
    """What to do where fewer moments than asked for were found, or poor ones; a line each."""
    said: list[str] = []
    if len(chosen) < best.k:
        found = f"{len(chosen) or 'no'} moment{'' if len(chosen) == 1 else 's'} instead of {best.k}"
        ways = {
            "too like": (setting, "look like a better one"),
            "below": ("best.min_score", "score too low"),
            _NEARER: ("best.min_separation_seconds", "are too near to a better one"),
        }
        counts = {start: sum(one.reason.startswith(start) for one in rejected) for start in ways}
        lower = [f"{way} ({counts[start]} {why})" for start, (way, why) in ways.items() if counts[start]]
        said.append(
            f"{found}: for more, lower {' or '.join(lower)}"
            if lower
            else f"{found}: the score has no more peaks, lower best.smooth_seconds"
        )
    if chosen and chosen[0].moment.score < _LOW * most:
        score = chosen[0].moment.score
        said.append(
            f"low scores: the best has {score:.2f} of {most:.2f}, so nothing stands out by these signals: change [best_weights]"
        )
    return said


def _is_flat(tables: Sequence[ScoreTable]) -> bool:
    scores = [table.smoothed for table in tables if len(table.smoothed)]
    return bool(scores) and max(one.max() for one in scores) - min(one.min() for one in scores) <= _FLAT


def _column(raw: Mapping[str, Float64s], name: str, tape: Tape) -> Float64s:
    return raw[name] if name in raw else np.full(len(tape.times), np.nan)


def _peaks(table: ScoreTable, best: BestSettings) -> tuple[list[int], list[int]]:
    """Rows of the peaks that stand apart, and of those too near to a better one. Each unbroken part has its own."""
    times, scores = table.table.times, table.smoothed
    starts = [stretch.start_seconds for stretch in table.table.video.stretches]
    cuts = sorted({0, *np.searchsorted(times, starts).tolist(), len(times)})
    parts = [first + local_maxima(scores[first:stop]) for first, stop in itertools.pairwise(cuts)]
    peaks = np.concatenate(parts) if parts else np.empty(0, np.int64)
    taken, near = separated(times[peaks], scores[peaks], best.min_separation_seconds)
    return peaks[taken].tolist(), peaks[near].tolist()


def _moment(place: int, table: ScoreTable, index: int) -> Moment:
    return Moment(
        video=place,
        index=index,
        peak_seconds=float(table.table.times[index]),
        frame=int(table.table.frames[index]),
        score=float(table.smoothed[index]),
        components={name: float(values[index]) for name, values in table.components.items()},
    )


def _unfit(moment: Moment, tables: Sequence[ScoreTable], best: BestSettings) -> str:
    """Why no clip can be made of it; empty: one can."""
    if moment.score < best.min_score:
        return f"below {best.min_score:g} ({moment.score:.2f}): lower best.min_score"
    stretch = tables[moment.video].table.video.stretch_at(moment.peak_seconds)
    length_seconds = stretch.end_seconds - stretch.start_seconds
    if length_seconds < best.min_seconds:
        return f"in a part of {length_seconds:.1f} s, shorter than a clip: lower best.min_seconds"
    return ""


def _planned(rank: int, moment: Moment, tables: Sequence[ScoreTable], best: BestSettings) -> Chosen:
    stretch = tables[moment.video].table.video.stretch_at(moment.peak_seconds)
    start, end = planned(moment.peak_seconds, (stretch.start_seconds, stretch.end_seconds), best)
    return Chosen(rank, moment, start, end)


def planned(peak_seconds: float, bounds: tuple[float, float], best: BestSettings) -> tuple[float, float]:
    """Where a clip starts and ends: pre-roll and post-roll around its peak; at an end of the video what is missing is
    added on the other side, up to ``best.min_seconds``."""
    first, last = bounds
    start, end = max(peak_seconds - best.pre_roll_seconds, first), min(peak_seconds + best.post_roll_seconds, last)
    end = min(max(end, start + best.min_seconds), last)
    start = max(min(start, end - best.min_seconds), first)
    return start, end


def _looks(moments: Sequence[Moment], tables: Sequence[ScoreTable]) -> Any:
    if not moments:
        return np.empty((0, 1), np.float32)
    return np.stack([np.asarray(tables[one.video].table.looks[one.index]) for one in moments])
